import Files
import Glibc
import TestSupport

/// A machine unlike this one, made of namespaces for as long as a program runs in it.
enum World: String, CaseIterable {
    case root, user
    /// /dev/fuse may be opened by every user, as most machines have it.
    case userWithFuse
    case rootWithoutLoopDevices
    /// Neither loop devices nor FUSE.
    case rootWithoutDevices
    /// Nothing but /proc and /dev, and the program.
    case emptyRoot
    /// A shell of busybox's kind, and libraries of another age that must not be touched.
    case oldRoot
    /// A user whom the machine lets make no namespaces.
    case userWithoutNamespaces
    /// A container as runc makes it: few rights, no devices.
    case container
    /// The same as Kubernetes' restricted profile has it: no root, no rights, no namespaces, no new privileges.
    case restrictedContainer

    /// The engine that it gives.
    var engine: String {
        switch self {
        case .root, .emptyRoot, .oldRoot: "kernel"
        case .user, .rootWithoutDevices, .container: "extraction"
        case .userWithoutNamespaces, .restrictedContainer: "proot"
        case .userWithFuse, .rootWithoutLoopDevices: "fuse"
        }
    }

    /// What a task can do there, of `WorldsTests.attempts`.
    var weakness: [String] {
        switch self {
        case .userWithoutNamespaces: ["see-processes"]
        default: []
        }
    }

    /// What the reason names.
    var reason: String {
        switch self {
        case .root, .emptyRoot, .oldRoot: "this user is root"
        case .user: "can't open /dev/fuse"
        case .userWithFuse: "this user is not root"
        case .rootWithoutLoopDevices: "loop device"
        case .rootWithoutDevices: "FUSE"
        case .container: "can't open /dev/fuse"
        case .userWithoutNamespaces, .restrictedContainer: "make user namespaces"
        }
    }

    var isOfUser: Bool { [.user, .userWithFuse, .restrictedContainer].contains(self) }

    /// Programs that it is made with, besides the usual ones.
    private var tools: [String] {
        switch self {
        case .userWithoutNamespaces: ["proot"]
        case .container: ["runc", "python3"]
        case .restrictedContainer: ["runc", "python3", "proot"]
        default: []
        }
    }

    /// A container of runc's, changed by lines of Python: `c` is its configuration.
    private func container(_ changes: String) -> String {
        """
        mkdir -p "$s/oci/rootfs$s"; (cd "$s/oci"; rm -f config.json; runc spec)
        python3 - "$s" "$@" <<'END'
        import json, sys
        s, arguments = sys.argv[1], sys.argv[2:]
        c = json.load(open(s + "/oci/config.json"))
        p = c["process"]
        p["args"], p["terminal"], p["cwd"] = arguments, False, s
        p["env"] = ["HOME=" + s + "/home", "PATH=/bin"]
        c["root"]["readonly"] = False
        c["mounts"].append({"destination": s, "type": "bind", "source": s, "options": ["rbind", "rw"]})
        \(changes)
        json.dump(c, open(s + "/oci/config.json", "w"))
        END
        exec runc --root "$s/runc" run -b "$s/oci" "las-test-$$"
        """
    }

    /// Run by `sh -c` in mounts of its own, with a scratch folder as `$1` and then the program; ends by starting it.
    private var script: String {
        // A node that the owner of this machine's may have to itself.
        func fuse(_ mode: String) -> String {
            """
            mkdir -p "$s/dev" && mount -t tmpfs none "$s/dev" && mknod "$s/dev/fuse" c 10 229 && chmod \(mode) "$s/dev/fuse"
            mount --bind "$s/dev/fuse" /dev/fuse
            """
        }
        let user = #"exec setpriv --reuid \#(OrdinaryUser.id) --regid \#(OrdinaryUser.id) --clear-groups "$@""#
        let root = """
            mkdir -p "$s/root/old" "$s/root/proc" "$s/root/dev" "$s/root$s"; mount --bind "$s/root" "$s/root"
            mount --rbind /dev "$s/root/dev"; mount --rbind /proc "$s/root/proc"; mount --bind "$s" "$s/root$s"
            cd "$s/root"; pivot_root . old; cd "$s"; exec "$@"
            """
        let steps =
            switch self {
            case .root: #"exec "$@""#
            case .user: fuse("600") + "\n" + user
            case .userWithFuse: fuse("666") + "\n" + user
            case .rootWithoutLoopDevices: #"mount --bind /dev/null /dev/loop-control; exec "$@""#
            case .rootWithoutDevices:
                #"mount --bind /dev/null /dev/loop-control; mount --bind /dev/null /dev/fuse; exec "$@""#
            case .emptyRoot: root
            case .userWithoutNamespaces:
                // One more may be made, and that one makes the user ordinary.
                """
                exec unshare --user --map-root-user sh -c 'echo 1 > /proc/sys/user/max_user_namespaces
                exec unshare --user --map-user=\(OrdinaryUser.id) --map-group=\(OrdinaryUser.id) "$@"' sh "$@"
                """
            case .container:
                // As Docker and Podman have it: without it no user namespace can have a user 0.
                container("[s.append('CAP_SETFCAP') for s in p['capabilities'].values()]")
            case .restrictedContainer:
                container(
                    """
                    p["user"] = {"uid": \(OrdinaryUser.id), "gid": \(OrdinaryUser.id)}
                    p["capabilities"] = {k: [] for k in p["capabilities"]}
                    p["noNewPrivileges"] = True
                    c["linux"]["seccomp"] = {"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                        {"names": ["unshare", "setns", "mount", "umount2", "pivot_root"], "action": "SCMP_ACT_ERRNO"}]}
                    """)
            case .oldRoot:
                """
                mkdir -p "$s/root/bin" "$s/root/lib/x86_64-linux-gnu" "$s/root/lib64" "$s/root/etc"
                for f in bin/sh lib/x86_64-linux-gnu/libc.so.6 lib64/ld-linux-x86-64.so.2 etc/ld.so.cache; do
                echo 'of another age' > "$s/root/$f"; chmod 755 "$s/root/$f"; done

                """ + root
            }
        return "s=$1; shift; set -e\n" + steps
    }

    /// - Returns: nil where this user can't make it.
    func run(_ program: String, _ arguments: [String], in scratch: String) throws -> Program.Ended? {
        guard OrdinaryUser.isRootHere, tools.allSatisfy({ Program.find($0) != nil }) else { return nil }
        if isOfUser { try Program("chown").run("-R", "\(OrdinaryUser.id)", scratch) }
        return try Program(
            "unshare", environment: ["HOME": scratch + "/home", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            folder: scratch
        )
        .run(["--mount", "sh", "-c", script, "sh", scratch, program] + arguments)
    }
}

/// A port of 127.0.0.1 that takes connections.
final class AcceptingPort {
    let port: UInt16
    private let descriptor: Int32

    /// - Parameter isOpen: else it takes them from `open` on, and refuses them until then.
    init(isOpen: Bool = true) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = descriptor
        let done = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, size) == 0 && (!isOpen || listen(socket, 128) == 0)
                    && getsockname(socket, address, &size) == 0
            }
        }
        if !done { throw FileFailure("listen at", "127.0.0.1") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    func open() { listen(descriptor, 128) }
}
