internal import Files
internal import Glibc
internal import Sandbox

/// What a task with `network: yes` sees of the host besides its network: how names of machines are looked up.
enum HostNetwork {
    /// The host's, whatever the image has: its own would name no server of this network.
    private static let always = ["hosts", "resolv.conf"]
    /// The host's where the image has none.
    private static let otherwise = ["nsswitch.conf"]

    /// To be done before the devices are made.
    ///
    /// - Parameter root: the image's root, as the host sees it.
    static func steps(root: String) -> [SandboxPlan.Step] {
        let wanted = always + otherwise.filter { File.status("\(root)/etc/\($0)") == nil }
        // A link leads to where it leads on the host, and not in the sandbox.
        let found = wanted.compactMap { name in File.real("/etc/\(name)").map { (name: name, place: $0) } }.filter {
            File.status($0.place)?.kind == .file
        }
        let binds = found.map { SandboxPlan.Step.bind(source: $0.place, target: "/etc/\($0.name)", readOnly: true) }
        let hasPlaces = found.allSatisfy { File.status("\(root)/etc/\($0.name)")?.kind == .file }
        return hasPlaces ? binds : places(root: root, besides: found.map(\.name)) + binds
    }

    /// The image can't be written to: where it has no file to bind another one at, `/etc` becomes a folder in memory in which
    /// everything of the image's own stands again.
    private static func places(root: String, besides names: [String]) -> [SandboxPlan.Step] {
        // What lies below a mount can't be named any more: the image's own is seen by way of /dev, until that is covered too.
        let aside = "/dev"
        var steps: [SandboxPlan.Step] = [
            .bind(source: "\(root)/etc", target: aside, readOnly: true), .tmpfs(target: "/etc", mode: 0o755),
        ]
        for name in (try? Folder.names(in: "\(root)/etc")) ?? [] where !names.contains(name) {
            if let target = link("\(root)/etc/\(name)") {
                steps.append(.link(target: "/etc/\(name)", to: target))
            } else {
                steps.append(.bind(source: "\(root)\(aside)/\(name)", target: "/etc/\(name)", readOnly: true))
            }
        }
        return steps
    }

    private static func link(_ path: String) -> String? {
        guard File.status(path)?.kind == .link else { return nil }
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return nil }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
