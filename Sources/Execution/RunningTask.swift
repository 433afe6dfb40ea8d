internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Plan
internal import Sandbox
internal import Threads
internal import Workspaces

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
        var reason: String
        var end: SandboxEnd?
        /// Not where the same would come of it.
        var mayRetry = true
        /// What the machine lacks, not what the command did: elsewhere it might go well.
        var isOfMachine = false
    }

    /// What it has used of the machine, its end's time included.
    struct Past {
        let outcome: Outcome
        let seconds: Double
        let usage: SandboxUsage
        /// The end of what it wrote to its standard error.
        let printed: String
        let wasCancelled: Bool
        /// It ran elsewhere.
        var isFromHost = false
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
        /// nil where each task gets a sandbox of its own.
        let cells: TaskCells?
        /// nil where no task asks for memory, or none can be made.
        let groups: ControlGroups?
        /// The workspace of a name, where files can be fetched when they are opened; nil where they can't.
        var show: (@Sendable (String) throws -> Share?)?
        /// Told when a task's program runs: what could wait until then may use the disk now.
        var launched: @Sendable () -> Void = {}
        /// How many processes the machine had ended for want of memory when the run began.
        let machineKills = MachineMemory.kills
    }

    let task: PlannedTask
    let number: UInt64
    /// Holds `task`, `tmp` and, at the end, `outputs`.
    var folder = ""
    /// 1, and more where it failed before.
    let attempt: Int
    /// What it is known by in other runs.
    let key: Digest?
    /// The numbers of the graphics processors that it has to itself.
    let gpus: [Int]
    let around: Surroundings

    /// Whether it still counts against what the host has: the scheduler's own note.
    var hasRoom = true
    var isSettling = false

    // Of the crew's thread alone.
    let begun = Clock.monotonic
    var ending = Ending.none
    /// When to do the next thing against it: end it kindly, then kill it.
    var deadline: Double?
    var usage = SandboxUsage()
    var printed: TaskLog?
    var errors: TaskLog?
    /// Holds it to the memory that it may use; nil where its limits do.
    var group: ControlGroup?
    /// The sandbox that it runs in, where that stays after it.
    var cell: TaskCells.Taken?
    /// Folders of workspaces as it sees them; nil where it sees them as they are.
    var shown: ShownWorkspaces?
    /// The first command of `passes` that did not pass.
    var unmet: String?

    var areLogsFinished = false

    enum Ending { case none, timeUp, cancelled }

    /// How long a task may take to end after it was asked to.
    static let grace = 10.0

    init(_ task: PlannedTask, number: UInt64, attempt: Int, key: Digest?, gpus: [Int], in around: Surroundings) {
        (self.task, self.number, self.attempt, self.key, self.around) = (task, number, attempt, key, around)
        self.gpus = gpus
    }

    /// - Parameter settling: told when nothing of it runs any more and its outputs are to be looked at.
    func perform(settling: () -> Void) -> Past {
        var outcome: Outcome
        do { outcome = try run(settling) } catch let refused as Outputs.Refused {
            outcome = .failed(Failed(reason: refused.reason, end: .exited(0)))
        } catch let failed as Failing {
            outcome = .failed(failed.failed)
        } catch {
            outcome = .failed(Failed(reason: "\(error)", isOfMachine: true))
        }
        if let troubles = shown?.stop(), let first = troubles.first {
            for trouble in troubles { errors?.add("las: \(trouble)\n") }
            if case .failed(var failed) = outcome {
                failed.reason += "; \(first)"
                outcome = .failed(failed)
            }
        }
        finishLogs()
        group = nil
        var printed = errors?.end ?? ""
        if case .failed = outcome, let said = keepPrinted(), printed.isEmpty { printed = said }
        let past = Past(
            outcome: outcome, seconds: Clock.monotonic - begun, usage: usage, printed: printed,
            wasCancelled: ending == .cancelled)
        (errors, self.printed) = (nil, nil)
        if let cell { around.cells?.give(cell) } else { around.folders.give(folder) }
        cell = nil
        return past
    }

    struct Failing: Error { let failed: Failed }

    private func run(_ settling: () -> Void) throws -> Outcome {
        var process: SandboxProcess
        do { process = try start() } catch {
            // A program that is not there will not be there in a second either.
            let mayRetry = (error as? SandboxFailure)?.stage != .program
            throw Failing(
                failed: Failed(reason: "it can't be started: \(error)", mayRetry: mayRetry, isOfMachine: mayRetry))
        }
        around.launched()
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
            throw Failing(
                failed: Failed(reason: "its outputs can't be kept: \(error)", end: .exited(0), isOfMachine: true))
        }
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
}
