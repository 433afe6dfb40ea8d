internal import Files
internal import Glibc
internal import Plan
internal import Sandbox
internal import Threads

/// How a task starts: its folder, its logs, its sandbox.
extension RunningTask {
    func start() throws -> SandboxProcess {
        guard let name = RelativePath(task.id.name), RelativePath(task.made) != nil else {
            throw ExecutionFailure("the plan has a task with an impossible name", exitCode: .integrity)
        }
        if let cells = around.cells, let world = around.sandbox.world(of: task) {
            cell = cells.take(world, keptApart: !around.sandbox.isOff) {
                try around.sandbox.plan(for: task, gpus: [], work: $0)
            }
        }
        folder = try cell?.folder ?? around.folders.take()
        for output in task.outputs {
            guard let path = RelativePath(output.path) else { continue }
            if output.isFolder {
                try Folder.make(folder + "/task/" + path.string)
            } else if path.components.count > 1 {
                try Folder.make(folder + "/task/" + File.parent(of: path.string))
            }
        }
        if let share = around.show { shown = try ShownWorkspaces(task, in: around, beside: folder, share) }
        // In one that stays only the program counts.
        var plan =
            try cell == nil
            ? around.sandbox.plan(for: task, gpus: gpus, work: folder, shown: shown?.places ?? [:])
            : around.sandbox.program(of: task)
        let secrets = around.sandbox.secrets.texts(of: task)
        let errors = try TaskLog("\(logs)/\(name).err", without: secrets)
        self.errors = errors
        var saved: Int32 = -1
        defer { if saved >= 0 { close(saved) } }
        if let path = task.savesPrinted.flatMap(RelativePath.init) {
            saved = try File.open(
                folder + "/task/" + path.string, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, action: "write")
            plan.standardOutput = saved
        } else {
            let log = try TaskLog("\(logs)/\(name).out", without: secrets)
            plan.standardOutput = log.input
            printed = log
        }
        plan.standardError = errors.input
        if let memory = task.uses.memory { group = around.groups?.group(number, memory: memory) }
        let process = try startProgram(&plan)
        if !task.until.contains(where: { $0.command != nil }) { closeInputs() }
        deadline = task.uses.time.map { Clock.monotonic + $0 }
        return process
    }

    private func startProgram(_ plan: inout SandboxPlan) throws -> SandboxProcess {
        guard let cell else { return try launch(&plan) }
        if cell.cell.isAlive { return try cell.cell.launch(plan) }
        // Somebody has ended it while nothing ran there.
        let (output, errors) = (plan.standardOutput, plan.standardError)
        plan = try around.sandbox.plan(for: task, gpus: gpus, work: folder)
        (plan.standardOutput, plan.standardError) = (output, errors)
        return try launch(&plan)
    }

    /// The next command of `passes`, in the same folder, after the one before it ended well.
    func start(_ command: PlannedTask.Command, isLast: Bool) throws -> SandboxProcess {
        var plan = try around.sandbox.plan(
            for: task, command: command, gpus: gpus, work: folder, shown: shown?.places ?? [:])
        plan.standardOutput = printed?.input ?? errors?.input
        plan.standardError = errors?.input
        let process = try launch(&plan)
        if isLast { closeInputs() }
        deadline = task.uses.time.map { Clock.monotonic + $0 }
        return process
    }

    /// In its control group, or where there is none by limits of each of its processes.
    private func launch(_ plan: inout SandboxPlan) throws -> SandboxProcess {
        if let group {
            plan.groups = group.descriptors
            do { return try plan.launch() } catch  where error.stage == .group {
                (plan.groups, self.group) = ([], nil)
            }
        }
        if let memory = task.uses.memory {
            plan.limits.append(.init(resource: 2 /* RLIMIT_DATA */, value: UInt64(memory)))
        }
        return try plan.launch()
    }

    /// What each attempt printed is kept; no station's name has a space.
    private var logs: String { attempt == 1 ? around.run.logs : "\(around.run.logs)/attempt \(attempt)" }

    /// What the command printed to become its output, of a task that failed: it goes among the logs, where whoever looks for the
    /// reason finds it.
    /// - Returns: its end, where it is text.
    func keepPrinted() -> String? {
        guard let path = task.savesPrinted.flatMap(RelativePath.init), let name = RelativePath(task.id.name) else {
            return nil
        }
        let place = "\(folder)/task/\(path)"
        guard let status = File.status(place), status.kind == .file, status.size > 0,
            let log = try? TaskLog("\(logs)/\(name).out", without: around.sandbox.secrets.texts(of: task)),
            (try? log.take(fileAt: place)) != nil
        else { return nil }
        let end = log.end
        let isText = end.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && $0.value != 0xFFFD || "\n\r\t".unicodeScalars.contains($0)
        }
        return isText ? end : nil
    }

    func closeInputs() {
        errors?.closeInput()
        printed?.closeInput()
    }

    /// When nothing of it runs any more.
    func finishLogs() {
        if areLogsFinished { return }
        areLogsFinished = true
        closeInputs()
        errors?.finish()
        printed?.finish()
    }
}
