/// A process in namespaces of its own, as data: what it sees, what it may do, how it starts.
///
/// The manner of bubblewrap: a list of steps done in order below the new root. `launch()` does it, in C after clone3,
/// from any process, also one with several threads.
package struct SandboxPlan: Sendable, Hashable {
    package enum Namespace: Sendable, Hashable, CaseIterable { case user, mount, pid, ipc, uts, network }

    /// Targets are absolute paths inside the new root. A missing mount point is an error, except below a `tmpfs` of the plan,
    /// where it is made.
    package enum Step: Sendable, Hashable {
        /// `source` is a path of the caller's; `nosuid,nodev` always.
        case bind(source: String, target: String, readOnly: Bool)
        /// Mode 01777 for `/tmp` and `/dev/shm`.
        case tmpfs(target: String, mode: UInt32)
        /// A fresh `/proc` of the sandbox's own pid namespace.
        case proc(target: String)
        /// A tmpfs with null, zero, full, random, urandom, tty (bound from the caller's), fd and std links, shm, pts.
        case devices(target: String)
        /// A device of the caller's at the same path, below `devices`.
        case device(String)
        case folder(target: String, mode: UInt32)
        case link(target: String, to: String)
    }

    package enum Filter: Sendable, Hashable {
        case none
        /// Answers 0 without doing: chown and its kin, set*id, setgroups, capset, mknod of devices. For dpkg without root.
        case build
        /// In the manner of the container engines' default.
        case task
        /// The same for a program that PRoot traces; sockets to machines only with `network`.
        case traced(network: Bool)
    }

    /// What can be reached of the caller's files, in a sandbox without a root of its own.
    package struct Reach: Sendable, Hashable {
        package let path: String
        package let isWritable: Bool
        package init(_ path: String, isWritable: Bool = false) { (self.path, self.isWritable) = (path, isWritable) }
    }

    /// Resource limits set before exec, by RLIMIT_ number.
    package struct Limit: Sendable, Hashable {
        package let resource: Int32
        package let value: UInt64
        package init(resource: Int32, value: UInt64) { (self.resource, self.value) = (resource, value) }
    }

    package var namespaces: Set<Namespace>
    /// Whether its network namespace may be one that was used before by another of the caller's thread, which has ended and left nothing
    /// there. Only where it drops its capabilities.
    package var sharesNetworkInTurn = false
    /// Whether the caller's thread may stay in such a one for good, where it can't come back: it starts nothing that needs the caller's network.
    package var mayStayInNetwork = false
    /// The folder that becomes `/`; nil to stay in the caller's root.
    package var root: String?
    package var rootIsReadOnly = true
    /// A folder with two empty ones in it, `upper` and `work`: the root is written to, and what is written goes there. Where that can't be
    /// on this disk, into memory.
    package var over: String? = nil
    package var steps: [Step] = []
    package var filter = Filter.none
    /// Drops every capability, also from the bounding set, before exec.
    package var dropsCapabilities = true
    package var hostName: String? = nil
    package var umask: UInt32 = 0o022
    package var limits: [Limit] = []
    /// Control groups that all of it is put into: open descriptors of their folders.
    package var groups: [Int32] = []
    /// Nothing but this is reached, where the kernel can see to it; nil for all. Meant for sandboxes without a root, see
    /// `canLimitReach`. Signals and sockets outside are out of reach too where the kernel is new enough.
    package var reach: [Reach]? = nil
    /// Of a sandbox that stays: whether it is for another program only where nothing is left of the one before. What runs is ended anyway.
    package var looksForWhatIsLeft = true
    /// Without a pid namespace: whether a process in between ends all that the program leaves behind.
    package var hasKeeper = false
    /// The program (an absolute path inside the root, or a name looked up on the PATH of `environment`) and its arguments.
    package var arguments: [String]
    package var environment: [String: String] = [:]
    package var workFolder = "/"
    /// Descriptors of the caller's that become 0, 1 and 2; nil for /dev/null.
    package var standardInput: Int32? = nil
    package var standardOutput: Int32? = nil
    package var standardError: Int32? = nil

    package init(namespaces: Set<Namespace>, root: String?, arguments: [String]) {
        (self.namespaces, self.root, self.arguments) = (namespaces, root, arguments)
    }
}
