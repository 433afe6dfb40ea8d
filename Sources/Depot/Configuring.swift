internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Layers
internal import Sandbox

/// Lets unpacked packages configure themselves, by their own dpkg in a sandbox of an ordinary user, and keeps what that
/// changed as a layer.
struct Configuring {
    /// Counts up whenever the same packages would be configured otherwise.
    private static let version = 3

    let architecture: Architecture
    let store: LayerStore
    let observer: DepotObserver

    /// Of the layer that configures these packages: of all that it is made from.
    func digest(of layers: [Digest]) -> Digest {
        let list = layers.map(\.hex).sorted().joined(separator: "\n")
        return Digest(of: "las: configured packages, \(Self.version)\n\(architecture)\n\(list)\n")
    }

    func prepare(_ tree: LayeredTree, _ packages: [PackageControl]) throws -> PreparedLayer {
        try store.check(tree.layers)
        return try store.prepare(name: "configuration") { folder in
            let root = folder + "/root"
            try Folder.make(root)
            let merged = tree.merged()
            try RootAssembly(tree: tree, root: root).make(merged)
            let assembled = try RootDifference.Stamp.take(in: folder)
            try DpkgDatabase(root: root, packages: packages).write { path in
                let first = path.prefix { $0 != "/" }
                return architecture.linksIntoUsr.contains(String(first)) ? "usr/" + path : path
            }
            try prepareScripts(root)
            let epoch = merged.reduce(PackageUnpacking.folderTime) { max($0, $1.entry.modified) }
            let log = folder + "/log"
            try run(root, log: log, epoch: epoch, count: packages.count)
            let unfinished = try DpkgDatabase.unfinished(in: root)
            if !unfinished.isEmpty { throw failure(unfinished.joined(separator: ", "), log: log) }
            try RootCleaning(root: root, epoch: epoch).clean()
            var rights = SpecialRights(of: tree.layers)
            let entries = try RootDifference(
                tree: tree, merged: merged, root: root, assembled: assembled, epoch: epoch
            ).extract(to: folder + "/tree") { rights.lost.insert($0) }
            if let note = rights.note(givenBy: .packages) { observer(.note(note)) }
            try Folder.remove(root)
            File.remove(log)
            File.remove(folder + "/stamp")
            return entries
        }
    }

    /// What packages' scripts count on: that no service is started, and an awk.
    private func prepareScripts(_ root: String) throws {
        try Folder.make(root + "/usr/sbin")
        try File.create(root + RootCleaning.policy, "#!/bin/sh\nexit 101\n", mode: 0o755)
        guard chmod(root + RootCleaning.policy, 0o755) == 0 else {
            throw FileFailure("write", root + RootCleaning.policy)
        }
        let awk = root + "/usr/bin/awk"
        if File.status(awk) == nil, File.exists(root + "/usr/bin/mawk") { symlink("mawk", awk) }
    }

    private func run(_ root: String, log: String, epoch: Int64, count: Int) throws {
        let output = try File.open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, action: "write")
        defer { close(output) }
        let dpkg = "dpkg --force-unsafe-io --force-confold"
        var plan = SandboxPlan(
            namespaces: Set(SandboxPlan.Namespace.allCases), root: root,
            arguments: [
                "/bin/sh", "-c",
                """
                \(dpkg) --force-depends --configure base-passwd base-files || exit
                \(dpkg) --configure -a || \(dpkg) --configure -a
                """,
            ])
        plan.rootIsReadOnly = false
        plan.steps = [
            .proc(target: "/proc"), .devices(target: "/dev"), .tmpfs(target: "/tmp", mode: 0o1777),
            .tmpfs(target: "/run", mode: 0o755), .folder(target: "/run/lock", mode: 0o1777),
        ]
        plan.filter = .build
        plan.dropsCapabilities = false
        plan.hostName = "las"
        plan.environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC", "SHELL": "/bin/sh", "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NONINTERACTIVE_SEEN": "true",
            "SOURCE_DATE_EPOCH": String(epoch), "PYTHONHASHSEED": "0",
        ]
        (plan.standardOutput, plan.standardError) = (output, output)
        var process = try plan.launch()
        follow(process.ending, log: log, count: count)
        let end = try process.wait()
        if !end.isSuccess {
            let reason: String =
                switch end {
                case .exited(let code): "dpkg ended with \(code)"
                case .signaled(let signal): "dpkg was ended by the signal \(signal)"
                }
            throw failure(reason, log: log)
        }
    }

    /// Tells how many packages are done until the sandbox ends.
    private func follow(_ ending: Int32, log: String, count: Int) {
        let begin = Array("Setting up ".utf8)
        var ended = pollfd(fd: ending, events: Int16(POLLIN), revents: 0)
        var last = -1
        repeat {
            guard let text = try? File.read(log) else { continue }
            let lines = text.split(separator: UInt8(ascii: "\n")).filter { $0.starts(with: begin) }
            if lines.count == last { continue }
            last = lines.count
            let name = lines.last.map { String(decoding: $0.dropFirst(begin.count).prefix { $0 != 32 }, as: UTF8.self) }
            observer(
                .progress(
                    DepotProgress(
                        .configuring, done: Int64(min(max(0, lines.count - 1), count)), total: Int64(count),
                        what: Shown.whole(name ?? "packages"))))
        } while poll(&ended, 1, 200) == 0
    }

    private func failure(_ reason: String, log: String) -> DepotFailure {
        let text = (try? File.read(log)) ?? []
        let kept = store.lash.temporary + "/configuration.log"
        try? File.create(kept, text)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").suffix(12)
        return DepotFailure(
            "the packages can't be configured: \(reason)",
            cause: lines.isEmpty
                ? nil
                : "their last words were\n    " + Shown.whole(lines.joined(separator: "\n    "), keepingLines: true),
            fix: "the whole log is \(kept)", .resources)
    }
}
