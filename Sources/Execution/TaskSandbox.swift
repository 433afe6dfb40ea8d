internal import Files
internal import Plan
internal import Sandbox
internal import Threads

/// A task's world: its environment as `/`, the metro image at `/.las`, what it takes below `/.las/made`, its own `/task` and
/// `/tmp`. Nothing of the host's.
struct TaskSandbox {
    let images: ReachedImages
    let made: String
    let gpus: HostGPUs
    let secrets: GivenSecrets
    /// No task of the run uses the machine's network.
    private let isWithoutNetwork: Bool
    private let workspaces: RunWorkspaces
    /// `--sandbox off`: what is left of it shows a task its environment, and ends with it all that it started. It has the machine's
    /// network, all that the run made, and no filter; the next one starts where it ran, whatever it left there.
    let isOff: Bool
    /// What shows an environment's first files.
    private let first: [String: [SandboxPlan.Step]]

    init(
        images: ReachedImages, run: RunFolder, gpus: HostGPUs = .none, secrets: GivenSecrets = .none,
        isWithoutNetwork: Bool = false, first: [String: [SandboxPlan.Step]] = [:], isOff: Bool = false
    ) {
        self.isOff = isOff
        (self.images, made, workspaces) = (images, run.made, RunWorkspaces(run))
        self.first = first
        (self.gpus, self.secrets, self.isWithoutNetwork) = (gpus, secrets, isWithoutNetwork)
    }

    /// Has a thread of the crew make ready what the first task needs, beside what is done until that starts.
    static func prepare(_ crew: Crew, _ images: ReachedImages, _ plan: Plan) {
        guard [.kernel, .fuse, .extraction].contains(images.engine), plan.stations.contains(where: { !$0.usesNetwork })
        else { return }
        let isWithoutNetwork = !plan.stations.contains(where: \.usesNetwork)
        try? crew.perform { SandboxPlan.prepareNetwork(mayStay: isWithoutNetwork) }
    }

    static let path = "/.las/files/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// - Parameters:
    ///   - command: another one than the task's own, for the same world.
    ///   - own: the numbers of the graphics processors that it has to itself.
    ///   - work: the folder that holds the task's `task` and `tmp`.
    ///   - shown: other folders that it sees in the place of workspaces.
    func plan(
        for task: PlannedTask, command: PlannedTask.Command? = nil, gpus own: [Int], work: String,
        shown: [String: String] = [:]
    ) throws(ExecutionFailure) -> SandboxPlan {
        guard let root = images.environments[task.environment.name] else {
            throw ExecutionFailure("the environment “\(task.environment)” is not among the parts", exitCode: .integrity)
        }
        if images.engine == .proot { return try traced(task, command: command, gpus: own, root: root, work: work) }
        if images.engine == .container { return try container(task, command: command, gpus: own, work: work) }
        var plan = SandboxPlan(
            namespaces: [.mount, .pid, .ipc, .uts, .network], root: root,
            arguments: try arguments(of: command ?? task.command, work: work))
        if images.hasUserNamespaces { plan.namespaces.insert(.user) }
        if isOff {
            plan.namespaces.remove(.network)
            plan.looksForWhatIsLeft = false
        } else {
            (plan.sharesNetworkInTurn, plan.mayStayInNetwork) = (true, isWithoutNetwork)
        }
        // What may change its environment may change these too.
        plan.steps = try (task.isWritable ? [] : first[task.environment.name] ?? []) + metroSteps()
        if task.usesNetwork {
            plan.namespaces.remove(.network)
            plan.steps += HostNetwork.steps(root: root)
        }
        if let scripts = task.scripts {
            // The metro that it stands in has its own; those of the metro around are not to be seen.
            guard let place = RelativePath(scripts) else {
                throw ExecutionFailure(
                    "the plan has scripts at “\(scripts)”, which is no path inside the metro", exitCode: .integrity)
            }
            plan.steps.append(
                .bind(
                    source: "\(images.metro)/metros/\(place.string)/files", target: "/.las/files", readOnly: true))
        }
        // The driver of graphics processors is shown in a folder beside what the task takes.
        let showsAll = isOff && own.isEmpty
        if showsAll { plan.steps.append(.bind(source: made, target: "/.las/made", readOnly: true)) }
        // Sorted, so that a folder comes before what lies in it.
        for read in showsAll ? [] : task.reads.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let read = RelativePath(read) else {
                throw ExecutionFailure("the plan takes “\(read)”, which is no path inside made", exitCode: .integrity)
            }
            plan.steps.append(
                .bind(source: made + "/" + read.string, target: "/.las/made/" + read.string, readOnly: true))
        }
        for (mount, folder) in try shared(by: task) {
            plan.steps.append(
                .bind(source: shown[mount.name] ?? folder, target: mount.place, readOnly: mount.isReadOnly))
        }
        plan.steps += [
            .bind(source: work + "/task", target: "/task", readOnly: false),
            .bind(source: work + "/tmp", target: "/tmp", readOnly: false),
            ProcView.step(images), .devices(target: "/dev"),
        ]
        plan.steps += gpus.steps(own)
        if task.isWritable {
            plan.over = work + "/over"
            do throws(FileFailure) {
                for name in ["upper", "work"] { try Folder.make("\(work)/over/\(name)") }
            } catch { throw ExecutionFailure(error) }
        }
        if !isOff { plan.filter = .task }
        plan.hostName = "las"
        plan.workFolder = "/task"
        plan.limits = Self.limits
        // In a user namespace of its own only its own processes count.
        if images.hasUserNamespaces {
            plan.limits.append(.init(resource: 6 /* RLIMIT_NPROC */, value: ControlGroups.mostProcesses))
        }
        plan.environment = environment(of: task, gpus: own)
        return plan
    }

    /// What a task sees that needs nothing but files of the run's, without its program and its own folder: the same for many. All else is
    /// the same for all tasks of a run.
    struct World: Hashable, Sendable {
        let environment: EnvironmentID
        let scripts: String?
        let usesNetwork: Bool
        let reads: [String]
        /// Of what it takes: another folder may come to have the same name.
        let places: [Place?]
    }

    struct Place: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
    }

    /// - Returns: nil for a task whose sandbox can't be another one's too.
    func world(of task: PlannedTask) -> World? {
        guard [.kernel, .fuse, .extraction].contains(images.engine), !images.seesProcesses, isOff || !task.usesNetwork,
            !task.isWritable, task.workspaces.isEmpty, task.uses.memory == nil, task.uses.gpus == 0,
            task.secrets.isEmpty, Self.isShort(task.command)
        else { return nil }
        // Without a sandbox it sees all.
        let reads = isOff ? [] : task.reads
        return World(
            environment: task.environment, scripts: task.scripts, usesNetwork: task.usesNetwork, reads: reads,
            places: reads.map { File.status("\(made)/\($0)").map { Place(device: $0.device, inode: $0.inode) } })
    }

    /// The program of a task, for a sandbox that stays.
    func program(of task: PlannedTask) throws(ExecutionFailure) -> SandboxPlan {
        var plan = SandboxPlan(namespaces: [], root: nil, arguments: try arguments(of: task.command, work: ""))
        plan.environment = environment(of: task, gpus: [])
        return plan
    }

    private static func isShort(_ command: PlannedTask.Command) -> Bool {
        if case .shell(let text) = command { text.utf8.count < longestArgument } else { true }
    }

    static let limits = [SandboxPlan.Limit(resource: 4 /* RLIMIT_CORE */, value: 1)]

    /// The container's own root, as it is.
    private func container(
        _ task: PlannedTask, command: PlannedTask.Command?, gpus own: [Int], work: String
    ) throws(ExecutionFailure) -> SandboxPlan {
        let shared = try shared(by: task).map { ($0.mount.name, $0.folder) }
        try ContainerRoot.enter(
            work: work, made: made, scripts: task.scripts.flatMap(RelativePath.init), workspaces: shared)
        var plan = SandboxPlan(
            namespaces: [], root: nil, arguments: try arguments(of: command ?? task.command, work: work))
        plan.filter = .task
        plan.hasKeeper = true
        plan.workFolder = "/task"
        plan.limits = Self.limits
        plan.environment = environment(of: task, gpus: own)
        plan.environment["TMPDIR"] = work + "/tmp"
        return plan
    }

    /// The workspaces that a task uses, with the folder of the host that holds each.
    func shared(by task: PlannedTask) throws(ExecutionFailure) -> [(mount: WorkspaceMount, folder: String)] {
        var shared: [(mount: WorkspaceMount, folder: String)] = []
        for mount in task.workspaces {
            guard let folder = workspaces.files(of: mount.name) else {
                throw ExecutionFailure(
                    "the plan uses the workspace “\(mount.name)”, which is no path", exitCode: .integrity)
            }
            shared.append((mount, folder))
        }
        return shared
    }

    /// The metro image at `/.las`, and in it an empty `made` for what the task takes, and `workspaces` for what it shares.
    private func metroSteps() throws(ExecutionFailure) -> [SandboxPlan.Step] {
        if File.status(images.metro + "/made")?.kind == .folder {
            return [
                .bind(source: images.metro, target: "/.las", readOnly: true),
                .tmpfs(target: "/.las/made", mode: 0o755),
            ]
                // What lies in them at first is for those who use them only.
                + (File.status(images.metro + "/workspaces")?.kind == .folder
                    ? [.tmpfs(target: PlannedWorkspace.folder, mode: 0o755)] : [])
        }
        // An image without a place for it: its parts are shown one by one.
        do throws(FileFailure) {
            return [
                .tmpfs(target: "/.las", mode: 0o755), .folder(target: "/.las/made", mode: 0o755),
                .folder(target: PlannedWorkspace.folder, mode: 0o755),
            ]
                + (try Folder.names(in: images.metro)).filter { $0 != "workspaces" }.map {
                    .bind(source: images.metro + "/" + $0, target: "/.las/" + $0, readOnly: true)
                }
        } catch { throw ExecutionFailure(error) }
    }

    func arguments(of command: PlannedTask.Command, work: String) throws(ExecutionFailure) -> [String] {
        switch command {
        case .direct(let arguments): return arguments
        case .shell(let text):
            let bash = ["/bin/bash", "-euo", "pipefail"]
            if text.utf8.count < Self.longestArgument { return bash + ["-c", text] }
            // A gathering of thousands of files: too long for one argument, so bash reads it from a file.
            do throws(FileFailure) { try File.write(text, to: work + "/tmp/.command") } catch {
                throw ExecutionFailure(error)
            }
            return bash + [(images.engine == .container ? work : "") + "/tmp/.command"]
        }
    }

    /// Linux takes no single argument of 128 KiB or more (MAX_ARG_STRLEN).
    private static let longestArgument = 128 << 10

    func environment(of task: PlannedTask, gpus own: [Int]) -> [String: String] {
        [
            "PATH": Self.path, "HOME": "/task", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC",
            "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash", "OMP_NUM_THREADS": String(task.uses.cpus),
        ].merging(task.variables) { $1 }.merging(secrets.variables(of: task)) { $1 }
            .merging(gpus.variables(own, beside: task.variables)) { $1 }
    }
}
