internal import Failures
internal import Files
internal import Glibc
internal import Plan
internal import Sandbox

/// A task from its start to the moment when its outputs lie in their place.
final class RunningTask {
    enum Ending { case none, timeUp, cancelled }

    let task: PlannedTask
    let number: UInt64
    /// Holds `task`, `tmp` and, at the end, `outputs`.
    let folder: String
    let begun = Clock.monotonic
    private var process: SandboxProcess
    let printed: TaskLog?
    let errors: TaskLog
    /// Why it is being ended, if it is.
    private(set) var ending = Ending.none
    /// When to do the next thing against it: end it kindly, then kill it.
    private(set) var deadline: Double?
    var settling: Settling?
    /// Whether it still counts against what the host has.
    var hasRoom = true
    /// 1, and more where it failed before.
    let attempt: Int
    /// The commands of `passes` that are still to be run, and the one that runs.
    private var asks: ArraySlice<PlannedTask.Condition>
    private var asked: PlannedTask.Condition?
    /// The first of them that did not pass.
    private(set) var unmet: String?
    private let sandbox: TaskSandbox

    /// How long a task may take to end after it was asked to.
    static let grace = 10.0

    /// Makes its folders and starts it.
    init(_ task: PlannedTask, number: UInt64, attempt: Int = 1, in run: RunFolder, sandbox: TaskSandbox) throws {
        (self.task, self.number, self.attempt, self.sandbox) = (task, number, attempt, sandbox)
        asks = task.until.filter { $0.command != nil }[...]
        guard let name = RelativePath(task.id.name), RelativePath(task.made) != nil else {
            throw ExecutionFailure("the plan has a task with an impossible name", exitCode: .integrity)
        }
        folder = "\(run.tasks)/\(number)"
        try Folder.make(folder + "/task")
        try Folder.make(folder + "/tmp")
        chmod(folder + "/tmp", 0o1777)
        for output in task.outputs {
            guard let path = RelativePath(output.path) else { continue }
            try Folder.make(folder + "/task/" + (output.isFolder ? path.string : File.parent(of: path.string)))
        }
        var plan = try sandbox.plan(for: task, work: folder)
        // What each attempt printed is kept; no station's name has a space.
        let logs = attempt == 1 ? run.logs : "\(run.logs)/attempt \(attempt)"
        errors = try TaskLog("\(logs)/\(name).err")
        var saved: Int32 = -1
        defer { if saved >= 0 { close(saved) } }
        if let path = task.savesPrinted.flatMap(RelativePath.init) {
            printed = nil
            saved = try File.open(
                folder + "/task/" + path.string, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, action: "write")
            plan.standardOutput = saved
        } else {
            let log = try TaskLog("\(logs)/\(name).out")
            plan.standardOutput = log.input
            printed = log
        }
        plan.standardError = errors.input
        process = try plan.launch()
        if asks.isEmpty { closeInputs() }
        deadline = task.uses.time.map { begun + $0 }
    }

    var endDescriptor: Int32 { process.ending }

    private func closeInputs() {
        errors.closeInput()
        printed?.closeInput()
    }

    /// After `endDescriptor` has told.
    func takeEnd() throws(SandboxFailure) -> SandboxEnd {
        deadline = nil
        return try process.wait()
    }

    /// Starts the next command of `passes`, in the same folder, after the one before it ended well.
    ///
    /// - Returns: whether there is one.
    func startNext(after end: SandboxEnd) throws -> Bool {
        guard ending == .none else { return false }
        if let asked, end != .exited(0), case .passes(let text) = asked.requirement {
            let how = if case .exited(let code) = end { "the exit code \(code)" } else { "a signal" }
            unmet = "“\(Shown.text(text))” ended with \(how)"
            return false
        }
        guard let next = asks.popFirst(), let command = next.command else { return false }
        asked = next
        // What is told of a failure is what this one wrote.
        _ = errors.drain()
        errors.forgetTail()
        var plan = try sandbox.plan(for: task, command: command, work: folder)
        plan.standardOutput = printed?.input ?? errors.input
        plan.standardError = errors.input
        process = try plan.launch()
        if asks.isEmpty { closeInputs() }
        deadline = task.uses.time.map { begun + $0 }
        return true
    }

    /// When nothing of it runs any more.
    func finishLogs() {
        closeInputs()
        errors.finish()
        printed?.finish()
    }

    /// Asks it to end; it is killed when it does not.
    func end(because ending: Ending) {
        if settling != nil { return }
        if self.ending == .none {
            self.ending = ending
            process.kill(SIGTERM)
            deadline = Clock.monotonic + Self.grace
        }
    }

    /// What is due by now.
    func checkDeadline() {
        guard let deadline, deadline <= Clock.monotonic else { return }
        if ending == .none {
            end(because: .timeUp)
        } else {
            process.kill(SIGKILL)
            self.deadline = nil
        }
    }

    /// The reason in a person's words; nil where it ended well.
    func reason(of end: SandboxEnd) -> String? {
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
        case (.cancelled, _): "the run was cancelled"
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
