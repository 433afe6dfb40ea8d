internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Plan
internal import Sandbox

/// A task from its start to the moment when its outputs lie in their place: all of it in one thread of the crew, which waits
/// for whatever happens next.
final class RunningTask: @unchecked Sendable {
    /// How it came out.
    enum Outcome {
        case done(Outputs, TaskGraph.TurnEnd?)
        /// It looked at a file of an input: nil where that is valid.
        case checked(objection: String?)
        case failed(Failed)
    }

    struct Failed {
        let reason: String
        var end: SandboxEnd?
        /// Not where the same would come of it.
        var mayRetry = true
    }

    /// What it has used of the machine, its end's time included.
    struct Past {
        let outcome: Outcome
        let seconds: Double
        let usage: SandboxUsage
        /// The end of what it wrote to its standard error.
        let printed: String
        let wasCancelled: Bool
    }

    /// What all tasks of a run share; the images are reached, and only read.
    struct Surroundings: @unchecked Sendable {
        let run: RunFolder
        let sandbox: TaskSandbox
        /// Becomes readable, and stays so, when the run is cancelled.
        let cancelling: Int32
        let store: TaskStore
        /// What is made takes the place of what is kept.
        let isFresh: Bool
        let folders: WorkFolders
    }

    let task: PlannedTask
    let number: UInt64
    /// Holds `task`, `tmp` and, at the end, `outputs`.
    private(set) var folder = ""
    /// 1, and more where it failed before.
    let attempt: Int
    /// What it is known by in other runs.
    private let key: Digest?
    private let around: Surroundings

    /// Whether it still counts against what the host has: the scheduler's own note.
    var hasRoom = true
    var isSettling = false

    // Of the crew's thread alone.
    private let begun = Clock.monotonic
    private var ending = Ending.none
    /// When to do the next thing against it: end it kindly, then kill it.
    private var deadline: Double?
    private var usage = SandboxUsage()
    private var printed: TaskLog?
    private var errors: TaskLog?
    /// The first command of `passes` that did not pass.
    private var unmet: String?

    private var areLogsFinished = false

    private enum Ending { case none, timeUp, cancelled }

    /// How long a task may take to end after it was asked to.
    static let grace = 10.0

    init(_ task: PlannedTask, number: UInt64, attempt: Int, key: Digest?, in around: Surroundings) {
        (self.task, self.number, self.attempt, self.key, self.around) = (task, number, attempt, key, around)
    }

    /// - Parameter settling: told when nothing of it runs any more and its outputs are to be looked at.
    func perform(settling: () -> Void) -> Past {
        let outcome: Outcome
        do { outcome = try run(settling) } catch let refused as Outputs.Refused {
            outcome = .failed(Failed(reason: refused.reason, end: .exited(0)))
        } catch let failed as Failing {
            outcome = .failed(failed.failed)
        } catch {
            outcome = .failed(Failed(reason: "\(error)"))
        }
        finishLogs()
        let past = Past(
            outcome: outcome, seconds: Clock.monotonic - begun, usage: usage, printed: errors?.end ?? "",
            wasCancelled: ending == .cancelled)
        (errors, printed) = (nil, nil)
        around.folders.give(folder)
        return past
    }

    private struct Failing: Error { let failed: Failed }

    private func run(_ settling: () -> Void) throws -> Outcome {
        var process: SandboxProcess
        do { process = try start() } catch {
            // A program that is not there will not be there in a second either.
            let mayRetry = (error as? SandboxFailure)?.stage != .program
            throw Failing(failed: Failed(reason: "it can't be started: \(error)", mayRetry: mayRetry))
        }
        var end = try wait(for: &process)
        usage.add(process.usage)
        var asks = task.until.filter { $0.command != nil }[...]
        if reason(of: end) == nil {
            while let asked = asks.popFirst(), let command = asked.command {
                // What is told of a failure is what this one wrote.
                _ = errors?.drain()
                errors?.forgetTail()
                process = try start(command, isLast: asks.isEmpty)
                end = try wait(for: &process)
                usage.add(process.usage)
                if let reason = reason(of: end, asked: asked) {
                    throw Failing(failed: Failed(reason: reason, end: end))
                }
                if end != .exited(0), case .exited(let code) = end, case .passes(let text) = asked.requirement {
                    unmet = "“\(Shown.text(text))” ended with the exit code \(code)"
                    end = .exited(0)
                    break
                }
            }
        }
        finishLogs()
        if task.checks != nil { return try checked(end) }
        if let reason = reason(of: end) { throw Failing(failed: Failed(reason: reason, end: end)) }
        settling()
        do { return try settle() } catch let error where !(error is Outputs.Refused) {
            throw Failing(failed: Failed(reason: "its outputs can't be kept: \(error)", end: .exited(0)))
        }
    }

    // MARK: Starting

    private func start() throws -> SandboxProcess {
        guard let name = RelativePath(task.id.name), RelativePath(task.made) != nil else {
            throw ExecutionFailure("the plan has a task with an impossible name", exitCode: .integrity)
        }
        folder = try around.folders.take()
        for output in task.outputs {
            guard let path = RelativePath(output.path) else { continue }
            if output.isFolder {
                try Folder.make(folder + "/task/" + path.string)
            } else if path.components.count > 1 {
                try Folder.make(folder + "/task/" + File.parent(of: path.string))
            }
        }
        var plan = try around.sandbox.plan(for: task, work: folder)
        // What each attempt printed is kept; no station's name has a space.
        let logs = attempt == 1 ? around.run.logs : "\(around.run.logs)/attempt \(attempt)"
        let errors = try TaskLog("\(logs)/\(name).err")
        self.errors = errors
        var saved: Int32 = -1
        defer { if saved >= 0 { close(saved) } }
        if let path = task.savesPrinted.flatMap(RelativePath.init) {
            saved = try File.open(
                folder + "/task/" + path.string, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, action: "write")
            plan.standardOutput = saved
        } else {
            let log = try TaskLog("\(logs)/\(name).out")
            plan.standardOutput = log.input
            printed = log
        }
        plan.standardError = errors.input
        let process = try plan.launch()
        if !task.until.contains(where: { $0.command != nil }) { closeInputs() }
        deadline = task.uses.time.map { Clock.monotonic + $0 }
        return process
    }

    /// The next command of `passes`, in the same folder, after the one before it ended well.
    private func start(_ command: PlannedTask.Command, isLast: Bool) throws -> SandboxProcess {
        var plan = try around.sandbox.plan(for: task, command: command, work: folder)
        plan.standardOutput = printed?.input ?? errors?.input
        plan.standardError = errors?.input
        let process = try plan.launch()
        if isLast { closeInputs() }
        deadline = task.uses.time.map { Clock.monotonic + $0 }
        return process
    }

    private func closeInputs() {
        errors?.closeInput()
        printed?.closeInput()
    }

    /// When nothing of it runs any more.
    private func finishLogs() {
        if areLogsFinished { return }
        areLogsFinished = true
        closeInputs()
        errors?.finish()
        printed?.finish()
    }

    // MARK: Waiting

    /// Waits for its end, takes what it prints, and ends it when its time is up or the run is cancelled.
    private func wait(for process: inout SandboxProcess) throws -> SandboxEnd {
        var waits = [
            pollfd(fd: process.ending, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors?.output ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: printed?.output ?? -1, events: Int16(POLLIN), revents: 0),
            pollfd(fd: around.cancelling, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            var milliseconds: Int32 = -1
            if let deadline {
                milliseconds = Int32(min(max(0, (deadline - Clock.monotonic) * 1000).rounded(.up), 86_400_000))
            }
            let count = poll(&waits, 4, milliseconds)
            if count < 0, errno != EINTR { throw ExecutionFailure.system("can't wait for the task") }
            if count > 0 {
                if waits[1].revents != 0, errors?.drain() != true { waits[1].fd = -1 }
                if waits[2].revents != 0, printed?.drain() != true { waits[2].fd = -1 }
                if waits[0].revents != 0 {
                    deadline = nil
                    return try process.wait()
                }
                if waits[3].revents != 0 {
                    waits[3].fd = -1
                    end(process, because: .cancelled)
                }
            }
            if let deadline, deadline <= Clock.monotonic {
                if ending == .none {
                    end(process, because: .timeUp)
                } else {
                    process.kill(SIGKILL)
                    self.deadline = nil
                }
            }
        }
    }

    /// Asks it to end; it is killed when it does not.
    private func end(_ process: borrowing SandboxProcess, because ending: Ending) {
        if self.ending != .none { return }
        self.ending = ending
        process.kill(SIGTERM)
        deadline = Clock.monotonic + Self.grace
    }

    // MARK: Ending

    /// Looks at what `until` asks for, then checks, hashes and moves the outputs, and keeps them for other runs.
    private func settle() throws -> Outcome {
        var end: TaskGraph.TurnEnd?
        if !task.until.isEmpty {
            let unmet =
                try TurnLook(task: task, work: folder + "/task", made: around.run.made).unmet()
                + [self.unmet].compactMap(\.self)
            end = .init(unmet: unmet.isEmpty ? nil : unmet.joined(separator: ", and "))
        }
        let target = around.run.made + "/" + task.made
        let outputs = try Outputs.settle(task, from: folder + "/task", staging: folder + "/outputs", to: target)
        if let key {
            var record = TaskStore.Record(key: key)
            record.entries = outputs.entries.map { TaskStore.Kept(entry: $0) }
            record.seconds = Clock.monotonic - begun
            record.unmet = end?.unmet
            // Where that can't be done the task runs again in the next run, and no more.
            try? around.store.keep(record, from: target, replaces: around.isFresh)
        }
        return .done(outputs, end)
    }

    /// A file of an input was looked at: its task says by its exit code whether it is valid.
    private func checked(_ end: SandboxEnd) throws -> Outcome {
        var objection: String?
        if let reason = reason(of: end) {
            guard case .exited(1...125) = end, ending == .none else {
                throw Failing(failed: Failed(reason: reason, end: end))
            }
            let said = errors?.end.split(whereSeparator: \.isNewline).last.map { Shown.text(String($0), atMost: 120) }
            objection = "does not pass “\(Shown.text(task.checks ?? ""))”: \(said ?? reason)"
        }
        if let key {
            let record = TaskStore.Record(key: key, seconds: Clock.monotonic - begun, objection: objection)
            try? around.store.keep(record, from: nil, replaces: around.isFresh)
        }
        return .checked(objection: objection)
    }

    /// The reason in a person's words; nil where it ended well.
    /// - Parameter asked: the command of `passes` that it was.
    private func reason(of end: SandboxEnd, asked: PlannedTask.Condition? = nil) -> String? {
        if ending == .none, let asked, case .passes(let text) = asked.requirement {
            let command = "the command “\(Shown.text(text))” of “until”"
            switch end {
            case .exited(0...125): return nil
            case .exited(let code):
                return "\(command) ended with the exit code \(code)\(code == 127 ? ": there is no such program" : "")"
            case .signaled(let signal): return "\(command) was killed by the signal \(SignalName.of(signal))"
            }
        }
        return switch (ending, end) {
        case (.cancelled, _): Scheduler.cancelled
        case (.timeUp, _): "it took longer than the \(Self.words(task.uses.time ?? 0)) that it may"
        case (.none, .exited(0)): nil
        case (.none, .exited(let code)): "it ended with the exit code \(code)"
        case (.none, .signaled(let signal)): "it was killed by the signal \(SignalName.of(signal))"
        }
    }

    private static func words(_ seconds: Double) -> String {
        seconds == seconds.rounded() && seconds < 1e9 ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}

enum SignalName {
    private static let names: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT",
        SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
        SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGSYS: "SIGSYS",
        SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ",
    ]
    static func of(_ number: Int32) -> String { names[number] ?? String(number) }
}
