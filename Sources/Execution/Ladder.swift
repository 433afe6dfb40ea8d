internal import CLinux
package import Files
internal import Glibc

/// Ways to reach images, the best first: mounted by the kernel, by FUSE, unpacked. Which is taken is found out by trying.
package enum Ladder {
    /// Tries one engine after another.
    ///
    /// As root the process gets mounts of its own, with FUSE a user namespace too: call this before any thread is started,
    /// from the one that will start the tasks.
    package static func reach(_ start: RunStart, folder: RunFolder, in lash: LASH) throws(ExecutionFailure)
        -> ReachedImages
    {
        if start.engine == .container { return try ContainerRoot.reach(start) }
        let forced = try EnginePolicy.engine(asked: start.engine, in: lash)
        let isUnsandboxed = start.isUnsandboxed ?? false
        if isUnsandboxed, forced == .proot {
            throw ExecutionFailure(
                "by PRoot tasks can't go without their sandbox: it is what shows them their environment",
                fix: "leave --sandbox off out", exitCode: .usage)
        }
        let rungs = forced.map { [$0] } ?? [.kernel, .fuse, .extraction] + (isUnsandboxed ? [] : [.proot])
        // What each rung above lacks: why it is this one.
        var lacks: [String] = []
        for rung in rungs {
            do throws(ExecutionFailure) {
                let reason =
                    start.engine != nil
                    ? "--engine asks for it" : forced != nil ? EnginePolicy.reason : reason(of: rung, lacks: lacks)
                switch rung {
                case .kernel:
                    if !KernelMounts.mayRead(start), geteuid() == 0 {
                        throw ExecutionFailure(
                            "this bundle was packed elsewhere and nobody trusted here has signed it, so the kernel does not read it itself"
                        )
                    }
                    return try KernelMounts.reach(start, folder: folder, reason: reason)
                case .fuse:
                    return try FuseMounts.reach(start, folder: folder, reason: reason)
                case .extraction, .container:
                    return try extract(start, in: lash, reason: reason)
                case .proot:
                    return try PRoot.reach(start, in: lash, reason: reason)
                }
            } catch {
                if rung == .kernel { KernelMounts.forget() }
                if rung == rungs.last { throw error }
                lacks.append(error.words)
            }
        }
        preconditionFailure("the last rung returns or throws")
    }

    /// Begins to find out what `reach` will want to know, beside what the caller does until then. Before any thread is started.
    package static func prepare() { las_begin_trying_namespaces() }

    /// Begins to reach the images of a run, whose parts were checked, beside what the caller does until `reach`. Where something stands in
    /// the way of it, that finds it again.
    package static func begin(_ start: RunStart, in lash: LASH) {
        guard start.engine == nil || start.engine == .kernel, KernelMounts.mayRead(start),
            let demanded = try? EnginePolicy.demanded(in: lash) ?? .kernel, demanded == .kernel
        else { return }
        KernelMounts.begin(start)
    }

    /// Undoes it, where it was not taken.
    package static func forgetBegun() { KernelMounts.forget() }

    /// The metro's image alone, for a run whose tasks hosts do: what they are known by is reckoned here.
    static func reachMetro(
        _ start: RunStart, _ board: LeaseBoard, in lash: LASH
    ) throws(ExecutionFailure) -> ReachedImages {
        ReachedImages(
            engine: .extraction, reason: "the run is over \(board.names.joined(separator: ", "))",
            metro: try ImageCache(lash).folder(of: start.metro), environments: [:], hasUserNamespaces: true)
    }

    /// - Parameter lacks: what each rung above lacks.
    static func reason(of engine: Engine, lacks: [String]) -> String {
        lacks.isEmpty ? engine == .kernel ? "this user is root" : "it is the best" : lacks.joined(separator: "; ")
    }

    private static func extract(
        _ start: RunStart, in lash: LASH, reason: String
    ) throws(ExecutionFailure) -> ReachedImages {
        let hasUserNamespaces = try Namespaces.ofTasks()
        let cache = ImageCache(lash)
        var folders: [String: String] = [:]
        for (name, image) in start.environments.sorted(by: { $0.key < $1.key }) {
            folders[name] = try cache.folder(of: image)
        }
        return ReachedImages(
            engine: .extraction, reason: reason, metro: try cache.folder(of: start.metro), environments: folders,
            hasUserNamespaces: hasUserNamespaces)
    }
}

/// The images of a run, reached: each a folder that holds the root file system, until this goes away.
package final class ReachedImages {
    package let engine: Engine
    /// Why this engine and no better one.
    package let reason: String
    let metro: String
    let environments: [String: String]
    /// Whether tasks get a user namespace of their own.
    let hasUserNamespaces: Bool
    /// Whether tasks see the processes of the container that this is.
    let seesProcesses: Bool
    /// What isn't kept apart here, for the person.
    package let notes: [String]
    private let mounted: MountedImages?

    init(
        engine: Engine, reason: String, metro: String, environments: [String: String], hasUserNamespaces: Bool,
        notes: [String] = [], mounted: MountedImages? = nil
    ) {
        (self.engine, self.reason, self.metro, self.environments) = (engine, reason, metro, environments)
        self.hasUserNamespaces = hasUserNamespaces
        seesProcesses = hasUserNamespaces && ProcView.isHiddenHere
        self.notes =
            (hasUserNamespaces || engine == .container || engine == .proot
                ? []
                : ["this machine refuses user namespaces: tasks run as its root, without any of root's capabilities"])
            + (seesProcesses ? [ProcView.note] : []) + notes
        self.mounted = mounted
    }
}

/// Whether tasks can be kept apart by namespaces, found out by making some.
enum Namespaces {
    /// Why this user may not make user namespaces; nil where it works.
    static var refusal: ExecutionFailure? {
        let code = las_try_namespaces(1)
        if code == 0 { return nil }
        return .system(
            "this machine does not let the user make user namespaces", code: code,
            fix:
                "ask who runs it to allow them (sysctl user.max_user_namespaces; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
        )
    }

    /// Whether tasks get a user namespace; root goes without where there is none.
    static func ofTasks() throws(ExecutionFailure) -> Bool {
        guard let refusal else { return true }
        if geteuid() == 0, las_try_namespaces(0) == 0 { return false }
        throw refusal
    }
}
