internal import Failures
internal import Files
internal import Glibc
internal import Layers
internal import Sandbox

/// A root file system in which programs build something, in a sandbox of an ordinary user: all of it can be read, and only
/// `/usr/local`, which is empty at first, `/tmp` and `/run` be written to.
struct BuildRoot {
    /// Where what is to be built from lies in the sandbox, and what is in it can be changed.
    static let work = "/run/las/work"

    /// Holds `root`, and further folders for each run.
    private let folder: String
    private var root: String { folder + "/root" }

    /// Lends a root with these layers, and removes it afterwards.
    static func with<Result>(
        _ tree: LayeredTree, in lash: LASH, _ body: (BuildRoot) throws -> Result
    ) throws -> Result {
        try LayerStore(lash: lash).check(tree.layers)
        return try Folder.withTemporary(in: lash.temporary, named: "build") { folder in
            let root = BuildRoot(folder: folder)
            try Folder.make(root.root)
            try RootAssembly(tree: tree, root: root.root, isOnlyRead: true).make(tree.merged())
            try Folder.make(root.root + "/usr/local")
            return try body(root)
        }
    }

    /// What programs are to do.
    struct Work {
        /// Read by `/bin/sh -e`.
        var commands: String
        /// A folder of the caller's that is `BuildRoot.work` there.
        var folder: String
        /// A folder of the caller's that is `/usr/local` there.
        var local: String
        var variables: [String: String] = [:]
        /// Files of the caller's by where they can be read there, below `/run/las`.
        var files: [String: String] = [:]
        var usesNetwork = false
    }

    /// How it went.
    struct Outcome {
        let end: SandboxEnd
        /// What the programs said.
        let log: [UInt8]

        /// The last of it, for people.
        var lastWords: String? {
            let lines = String(decoding: log, as: UTF8.self).split(separator: "\n").suffix(12)
            if lines.isEmpty { return nil }
            return "the last words were\n    " + Shown.whole(lines.joined(separator: "\n    "), keepingLines: true)
        }
    }

    func run(_ work: Work) throws -> Outcome {
        let own = try Folder.makeTemporary(in: folder, named: "run")
        defer { try? Folder.remove(own) }
        try Folder.make(own + "/tmp")
        let log = own + "/log"
        let output = try File.open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, action: "write")
        defer { close(output) }
        var namespaces = Set(SandboxPlan.Namespace.allCases)
        if work.usesNetwork { namespaces.remove(.network) }
        var plan = SandboxPlan(namespaces: namespaces, root: root, arguments: ["/bin/sh", "-ec", work.commands])
        plan.steps = [
            .proc(target: "/proc"), .devices(target: "/dev"), .tmpfs(target: "/run", mode: 0o755),
            .folder(target: "/run/lock", mode: 0o1777), .folder(target: "/run/las", mode: 0o755),
            .bind(source: own + "/tmp", target: "/tmp", readOnly: false),
            .bind(source: work.local, target: "/usr/local", readOnly: false),
            .bind(source: work.folder, target: Self.work, readOnly: false),
        ]
        for (target, source) in work.files.sorted(by: { $0.key < $1.key }) {
            plan.steps.append(.bind(source: source, target: target, readOnly: true))
        }
        if work.usesNetwork {
            for name in ["hosts", "resolv.conf"] where File.status("\(root)/etc/\(name)")?.kind == .file {
                if let own = File.real("/etc/\(name)"), File.status(own)?.kind == .file {
                    plan.steps.append(.bind(source: own, target: "/etc/\(name)", readOnly: true))
                }
            }
        }
        plan.filter = .build
        plan.dropsCapabilities = false
        plan.hostName = "las"
        plan.workFolder = Self.work
        plan.environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LC_ALL": "C.UTF-8",
            "TZ": "UTC", "SHELL": "/bin/sh", "SOURCE_DATE_EPOCH": String(PackageUnpacking.folderTime),
            "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        ].merging(work.variables) { $1 }
        (plan.standardOutput, plan.standardError) = (output, output)
        let end = try plan.run()
        return Outcome(end: end, log: (try? File.read(log)) ?? [])
    }
}
