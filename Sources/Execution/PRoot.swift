internal import Files
internal import Glibc
internal import Plan
internal import Sandbox

/// PRoot, which the base of every environment brings: it shows a task the image as `/` by tracing it, where the machine refuses
/// namespaces. It is started by the image's own loader, so that nothing of the host's is needed.
///
/// What PRoot shows is no wall. What keeps the task from everything else is the kernel's Landlock, where it has it.
enum PRoot {
    static func reach(_ start: RunStart, in lash: LASH, reason: String) throws(ExecutionFailure) -> ReachedImages {
        let cache = ImageCache(lash)
        var folders: [String: String] = [:]
        for (name, image) in start.environments.sorted(by: { $0.key < $1.key }) {
            let folder = try cache.folder(of: image)
            _ = try Program(in: folder, of: name)
            folders[name] = folder
        }
        return ReachedImages(
            engine: .proot, reason: reason, metro: try cache.folder(of: start.metro), environments: folders,
            hasUserNamespaces: false, notes: [weakness])
    }

    /// What a run says of it.
    private static var weakness: String {
        let can = SandboxPlan.canLimitReach
        let files =
            can.files ? "" : "reach and change all files that this user can, what other tasks made among them; they "
        let signals = can.signals ? "" : ", can end other processes of this user"
        return
            "without namespaces tasks are kept apart less: they \(files)see the names of the machine's processes\(signals),"
            + " and can't use 127.0.0.1"
    }

    /// The program and what starts it, in an unpacked image.
    struct Program {
        let loader: String
        let libraries: [String]
        let path: String
        let hasEnv: Bool

        init(in root: String, of environment: String) throws(ExecutionFailure) {
            let places = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"]
            libraries = places.map { "\(root)/\($0)" }.filter { File.status($0)?.kind == .folder }
            // By its own path: links in an image are meant for its own root.
            let loaders = ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"]
            let candidates = (libraries + ["\(root)/lib64"]).flatMap { folder in loaders.map { "\(folder)/\($0)" } }
            let found = candidates.first { File.status($0)?.kind == .file }
            func program(_ name: String) -> String? {
                ["usr/bin", "bin"].map { "\(root)/\($0)/\(name)" }.first { File.status($0)?.kind == .file }
            }
            hasEnv = program("env") != nil
            guard let tracer = program("proot"), let found else {
                throw ExecutionFailure(
                    "this machine has no namespaces, and the environment “\(environment)” brings no PRoot",
                    fix: "pack it with this las, or run it where user namespaces are allowed")
            }
            (path, loader) = (tracer, found)
        }

        /// What PRoot loads traced programs by: it holds it, and would put it into the machine's /tmp, which may not be for programs.
        func tracerLoader() throws(FileFailure) -> [UInt8] {
            let bytes = try File.read(path, atMost: 16 << 20)
            let beginning: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1]
            func number(_ position: Int, _ count: Int) -> Int {
                bytes[position..<position + count].reversed().reduce(0) { $0 << 8 | Int($1) }
            }
            for start in bytes.indices.dropFirst(64).dropLast(64) where bytes[start] == 0x7F {
                guard bytes[start...].starts(with: beginning) else { continue }
                let (sections, size, count) = (number(start + 40, 6), number(start + 58, 2), number(start + 60, 2))
                let end = start + sections + size * count
                if sections > 0, end <= bytes.count { return Array(bytes[start..<end]) }
            }
            throw FileFailure("find the loader in", path, code: ENOEXEC)
        }
    }
}

extension TaskSandbox {
    /// By PRoot, with paths of the host shown at those of a task.
    func traced(
        _ task: PlannedTask, command: PlannedTask.Command?, gpus own: [Int], root: String, work: String
    ) throws(ExecutionFailure) -> SandboxPlan {
        // The driver names threads by writing below /proc, and does nothing where it can't. Root could write much else there.
        if !own.isEmpty, geteuid() == 0 {
            throw ExecutionFailure(
                "a task that uses gpus can't run as root by PRoot",
                fix: "run it as another user, or choose another --engine")
        }
        let program = try PRoot.Program(in: root, of: task.environment.name)
        var binds: [(source: String, target: String, isWritable: Bool)] = []
        // PRoot wants to write to the machine's /tmp where a place is missing at which something is to be shown. So each is there:
        // folders and files that stand for others.
        let places = work + "/places"
        func show(_ source: String, at target: String, in folder: String, isWritable: Bool = false) throws(FileFailure)
        {
            let place = "\(places)/\(folder)"
            if File.status(source, follow: true)?.kind == .folder {
                try Folder.make(place)
            } else {
                try Folder.make(File.parent(of: place))
                try File.write("", to: place, syncing: false)
            }
            binds.append((source, target, isWritable))
        }
        do {
            try Folder.make(places + "/dev")
            try Folder.make(places + "/las/made")
            binds = [
                (places + "/las", "/.las", false), (places + "/dev", "/dev", false), (work + "/task", "/task", true),
                (work + "/tmp", "/tmp", true), ("/proc", "/proc", !own.isEmpty),
            ]
            for name in try Folder.names(in: images.metro) where name != "made" && name != "workspaces" {
                var source = "\(images.metro)/\(name)"
                if name == "files", let scripts = task.scripts, let metro = RelativePath(scripts) {
                    source = "\(images.metro)/metros/\(metro.string)/files"
                }
                try show(source, at: "/.las/\(name)", in: "las/\(name)")
            }
            for read in task.reads.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
                guard let read = RelativePath(read) else { continue }
                try show("\(made)/\(read)", at: "/.las/made/\(read)", in: "las/made/\(read)")
            }
            for (mount, folder) in try shared(by: task) {
                try show(
                    folder, at: mount.place, in: "las/workspaces/\(mount.name)", isWritable: !mount.isReadOnly)
            }
            for name in ["null", "zero", "full", "random", "urandom", "tty"] {
                try show("/dev/\(name)", at: "/dev/\(name)", in: "dev/\(name)", isWritable: true)
            }
            for step in gpus.steps(own) {
                switch step {
                case .device(let path): try show(path, at: path, in: path.after("/") ?? path, isWritable: true)
                case .bind(let source, let target, _):
                    try show(source, at: target, in: "las" + (target.after("/.las") ?? target))
                default: break
                }
            }
            try Folder.make(work + "/shm")
            try show(work + "/shm", at: "/dev/shm", in: "dev/shm", isWritable: true)
            for (name, target) in [("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")] {
                symlink("/proc/self/fd" + target, "\(places)/dev/\(name)")
            }
            try File.write(program.tracerLoader(), to: places + "/loader", mode: 0o755, syncing: false)
        } catch { throw ExecutionFailure(error) }
        if task.usesNetwork {
            for name in ["hosts", "resolv.conf"] where File.status("\(root)/etc/\(name)")?.kind == .file {
                if let place = File.real("/etc/\(name)") { binds.append((place, "/etc/\(name)", false)) }
            }
        }
        for bind in binds where bind.source.utf8.contains(UInt8(ascii: ":")) {
            throw ExecutionFailure(
                "PRoot can't show \(bind.source): its path has a colon", fix: "use a LASH elsewhere: --lash FOLDER",
                exitCode: .usage)
        }
        let tracer = [
            program.loader, "--library-path", program.libraries.joined(separator: ":"), program.path, "-0", "-r", root,
            "-w", "/task",
        ]
        var plan = SandboxPlan(
            namespaces: [], root: nil,
            arguments: tracer + binds.flatMap { ["-b", "\($0.source):\($0.target)"] }
                + (program.hasEnv ? ["env", "-u", "PROOT_LOADER"] : [])
                + (try arguments(of: command ?? task.command, work: work)))
        plan.filter = .traced(network: task.usesNetwork)
        plan.workFolder = work + "/task"
        plan.hasKeeper = true
        plan.reach =
            [.init(root), .init(places)] + binds.map { .init($0.source, isWritable: $0.isWritable) }
        plan.limits = Self.limits
        plan.environment = environment(of: task, gpus: own)
        plan.environment["PROOT_LOADER"] = places + "/loader"
        return plan
    }
}
