internal import CLinux
internal import Failures
package import Files
internal import Glibc
package import HostProtocol
package import Plan
internal import Threads

/// Runs one step of a run, with what the steps before left in the folder.
package struct StepRun {
    package enum Ended: Hashable, Sendable {
        case done
        /// It was done before: nothing ran.
        case wasDone
        /// The station's own failure, which is recorded.
        case failed(String)
        /// It was asked to end. Nothing is recorded.
        case interrupted
    }

    private let step: StepID
    private let folder: StepFolder
    private let start: RunStart
    private let lash: LASH
    private let isLast: Bool
    private let patience: Int
    private let tell: (RunEvent) -> Void
    private let records: StepRecords

    /// - Parameters:
    ///   - start: how the images are reached.
    ///   - isLast: nobody will try again, so that also what the machine lacks is recorded as the step's failure.
    ///   - patience: seconds to wait for the record of what it takes, which a file server may not show yet.
    package init(
        _ step: StepID, in folder: StepFolder, _ start: RunStart, lash: LASH, isLast: Bool = false,
        patience: Int = 30, tell: @escaping (RunEvent) -> Void = { _ in }
    ) {
        (self.step, self.folder, self.start, self.lash) = (step, folder, start, lash)
        (self.isLast, self.patience, self.tell) = (isLast, patience, tell)
        records = StepRecords(folder: folder)
    }

    /// Call it in the process's first thread before there is another: as root it gets mounts of its own.
    ///
    /// - Throws: what is no failure of the station: the machine, the folder, the parts.
    package func perform() throws -> Ended {
        if RelativePath(step.station.name) == nil {
            throw ExecutionFailure("there is no such station: “\(Shown.text(step.station.name))”", exitCode: .usage)
        }
        if records.done(step) != nil { return .wasDone }
        if let stopped = folder.stopped { return .failed(stopped) }
        let wanted = [SIGTERM, SIGINT, SIGHUP]
        let signals = las_signals(wanted, Int32(wanted.count))
        if signals < 0 { throw ExecutionFailure.system("can't wait for signals") }
        defer { close(signals) }
        return try Folder.withTemporary(in: lash.temporary, named: "step") { mounts in
            let images = try Ladder.reach(start, folder: RunFolder(path: mounts), in: lash)
            defer { withExtendedLifetime(images) {} }
            let own = try Folder.makeTemporary(in: folder.run.tasks, named: "step")
            defer { try? Folder.remove(own) }
            return try perform(images, signals, own: RunFolder(path: own))
        }
    }

    private func perform(_ images: ReachedImages, _ signals: Int32, own: RunFolder) throws -> Ended {
        let plan = try folder.readPlan()
        // On the file system that all steps share: the first one fills them.
        try RunWorkspaces(folder.run).fillAlone(plan, from: images.metro)
        var graph = try TaskGraph(plan)
        try graph.bring(step) { try recorded($0) }
        // What it prints lies where that of all steps does, also while it runs.
        if symlink("../../logs", own.logs) != 0 { throw FileFailure("link", own.logs) }
        // An engine gives them as it gives other variables.
        let secrets = try GivenSecrets(for: plan.stations.filter { $0.id == step.station }) {
            getenv($0).map { String(cString: $0) }
        }
        let around = RunningTask.Surroundings(
            run: own,
            sandbox: TaskSandbox(images: images, run: folder.run, gpus: HostGPUs.ofHost, secrets: secrets),
            cancelling: signals,
            store: TaskStore(lash: lash), isFresh: false, folders: WorkFolders(own.tasks), cells: nil,
            groups: plan.stations.contains { $0.id == step.station && $0.uses.memory != nil }
                ? try? ControlGroups() : nil)
        let hasTurns = graph.hasTurns(step)
        var (turns, events): ([Int], [RunEvent]) = ([], [])
        while let task = graph.next(of: step) {
            let turn = hasTurns ? task.turn : nil
            let target = "\(folder.run.made)/\(task.made)"
            let before =
                File.exists(target) || task.checks != nil
                ? records.adopted(step, turn: turn, target: target, patience: 0) : nil
            if let before, (try? take(before, task, &graph)) != nil {
                events += before.of(task).events
            } else {
                switch try run(task, turn: turn, around, graph) {
                case .done(let record, let next): (graph, events) = (next, events + record.events)
                case .ended(let ended, let failing):
                    if case .failed = ended { try records.writeFailed(events + failing, of: step) }
                    return ended
                }
            }
            if let turn { turns.append(turn) }
        }
        if hasTurns { try records.gather(step, turns: turns, events) } else { records.clearAttempts(step) }
        return .done
    }

    /// What is recorded of a step that it takes.
    private func recorded(_ before: StepID) throws -> [TaskEnd] {
        for second in 0...(patience + 1) {
            if second > 0 {
                if second > 1 { sleep(1) }
                _ = records.names(before.station)
            }
            if let record = records.done(before) { return record.ends }
            if records.failed(before) != nil {
                throw ExecutionFailure("\(before) failed, which \(step) takes", exitCode: .stationsFailed)
            }
        }
        throw ExecutionFailure(
            "\(step) can't start: nothing is recorded of \(before), which it takes", place: records.place(before),
            fix: "start it when that one has ended; every machine must see the same folder")
    }

    private func take(_ record: StepRecord, _ task: PlannedTask, _ graph: inout TaskGraph) throws {
        guard let end = record.ends.first(where: { $0.task == task.id }) else {
            throw ExecutionFailure("the record of \(task.id) tells of another task", exitCode: .integrity)
        }
        try graph.take(end)
    }

    // MARK: Running

    private enum Tried {
        case done(StepRecord, TaskGraph)
        case ended(Ended, [RunEvent])
    }

    /// Runs a task, as often as the station allows.
    private func run(
        _ task: PlannedTask, turn: Int?, _ around: RunningTask.Surroundings, _ graph: TaskGraph
    ) throws -> Tried {
        var resting = RestingTasks()
        var told = Told(task: task, tell: tell)
        told.say(.taskStarted) {
            $0.command = task.command.shown
            $0.seed = task.seed
        }
        try records.writeBegun(told.events[0], of: step)
        while true {
            let attempt = resting.attempt(of: task)
            // Whoever started the step says which it may have.
            let gpus = Array(0..<min(task.uses.gpus, around.sandbox.gpus.count))
            let running = RunningTask(
                task, number: UInt64(attempt), attempt: attempt, key: nil, gpus: gpus, in: around)
            let past = running.perform {}
            if past.wasCancelled { return .ended(.interrupted, []) }
            // An engine that ends a job signals all its processes: the command may have ended by that before this one hears of it.
            if case .failed = past.outcome, isAsked(around, within: 500) { return .ended(.interrupted, []) }
            var next = graph
            let failed: RunningTask.Failed
            switch past.outcome {
            case .failed(let reason): failed = reason
            case .done(let outputs, let end):
                if let refused = refused(TaskEnd(task.id, made: outputs.made, unmet: end?.unmet), by: &next) {
                    failed = refused
                } else {
                    sync(outputs, of: task, below: around.run.made)
                    told.say(.taskDone) {
                        $0.files = outputs.files
                        $0.unmet = end?.unmet
                        past.fill(&$0)
                    }
                    let made = "\(around.run.made)/\(task.made)"
                    return try commit(told.events, task, turn: turn, made: made, next, graph)
                }
            case .checked(let objection):
                if let refused = refused(TaskEnd(task.id, objection: objection), by: &next) {
                    failed = refused
                } else {
                    told.say(.taskDone) {
                        $0.text = objection
                        $0.files = []
                        past.fill(&$0)
                    }
                    return try commit(told.events, task, turn: turn, made: nil, next, graph)
                }
            }
            if failed.mayRetry, let (again, pause) = resting.rest(task, from: Clock.monotonic) {
                told.say(.taskRetried) {
                    $0.text = failed.reason
                    failed.fill(&$0, past)
                    $0.count = again
                    $0.seconds = pause
                }
                if isAsked(around, within: Int32(pause * 1000)) { return .ended(.interrupted, []) }
                continue
            }
            if failed.isOfMachine, !isLast { throw ExecutionFailure("\(task.id) could not run here: \(failed.reason)") }
            told.say(.taskFailed) {
                $0.text = failed.reason
                failed.fill(&$0, past)
            }
            return .ended(.failed(failed.reason), told.events)
        }
    }

    /// Whether the step is asked to end.
    private func isAsked(_ around: RunningTask.Surroundings, within milliseconds: Int32) -> Bool {
        var wait = pollfd(fd: around.cancelling, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, milliseconds) > 0
    }

    /// A task's events, as its record will have them.
    private struct Told {
        let task: PlannedTask
        let tell: (RunEvent) -> Void
        var events: [RunEvent] = []

        mutating func say(_ kind: RunEvent.Kind, _ fill: (inout RunEvent) -> Void) {
            var event = RunEvent(sequence: 0, time: Clock.wall, kind: kind)
            (event.task, event.station) = (task.id, task.station)
            fill(&event)
            events.append(event)
            tell(event)
        }
    }

    /// - Returns: why the graph does not take it as an end, which is the task's failure.
    private func refused(_ end: TaskEnd, by graph: inout TaskGraph) -> RunningTask.Failed? {
        do throws(PlanFailure) {
            try graph.take(end)
            return nil
        } catch {
            let reason = error.summary + (error.cause.map { ": \($0)" } ?? "")
            return RunningTask.Failed(reason: reason, end: .exited(0), mayRetry: false)
        }
    }

    private func commit(
        _ events: [RunEvent], _ task: PlannedTask, turn: Int?, made: String?, _ next: TaskGraph, _ graph: TaskGraph
    ) throws -> Tried {
        let record = StepRecord(events: events)
        let committed = try records.commit(
            record, step, turn: turn, made: made, to: "\(folder.run.made)/\(task.made)",
            aside: "\(folder.run.tasks)/aside-\(UInt32.random(in: 0 ... .max))")
        switch committed {
        case .mine: return .done(record, next)
        case .others(let others):
            var graph = graph
            try take(others, task, &graph)
            return .done(others.of(task), graph)
        }
    }

    /// Before others hear that it is there.
    private func sync(_ outputs: Outputs, of task: PlannedTask, below made: String) {
        for entry in outputs.entries where entry.kind == .file {
            let descriptor = open("\(made)/\(task.made)/\(entry.path)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            if descriptor < 0 { continue }
            fsync(descriptor)
            close(descriptor)
        }
    }
}

extension RunningTask.Failed {
    func fill(_ event: inout RunEvent, _ past: RunningTask.Past) {
        switch end {
        case .exited(let code): event.exitCode = Int(code)
        case .signaled(let signal): event.signal = Int(signal)
        case nil: break
        }
        event.printed = past.printed
        past.fill(&event)
    }
}
