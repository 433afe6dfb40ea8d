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

    /// The engine that it gives.
    var engine: String {
        switch self {
        case .root, .emptyRoot, .oldRoot: "kernel"
        case .user, .rootWithoutDevices: "extraction"
        case .userWithFuse, .rootWithoutLoopDevices: "fuse"
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
        }
    }

    var isOfUser: Bool { self == .user || self == .userWithFuse }

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
        guard OrdinaryUser.isRootHere else { return nil }
        if isOfUser { OrdinaryUser.give(scratch) }
        return try Program(
            "unshare", environment: ["HOME": scratch + "/home", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            folder: scratch
        )
        .run(["--mount", "sh", "-c", script, "sh", scratch, program] + arguments)
    }
}
