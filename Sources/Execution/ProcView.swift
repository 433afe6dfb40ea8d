internal import Files
internal import Sandbox

/// The `/proc` that a task gets: its own, or in a container that hides parts of it the container's, since the kernel then lets no
/// user namespace have another one.
enum ProcView {
    static func step(_ images: ReachedImages) -> SandboxPlan.Step {
        images.seesProcesses ? .bind(source: "/proc", target: "/proc", readOnly: true) : .proc(target: "/proc")
    }

    /// Whether something lies over a part of /proc.
    /// - Parameter mounts: as /proc/self/mountinfo has them.
    static func isHidden(_ mounts: String) -> Bool {
        // Empty folders of the kernel's own, on which things may be mounted without hiding anything.
        let harmless = ["/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd"]
        return mounts.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count > 4, fields[4].hasPrefix("/proc/") else { return false }
            return !harmless.contains(String(fields[4]))
        }
    }

    static var isHiddenHere: Bool {
        guard let mounts = try? File.read("/proc/self/mountinfo", atMost: 1 << 22) else { return false }
        return isHidden(String(decoding: mounts, as: UTF8.self))
    }

    static let note =
        "this container hides parts of /proc, so tasks see the container's: the names of its processes, which they can't touch"
}
