internal import Failures
internal import Files
internal import Glibc
internal import Plan
internal import Sandbox
internal import Threads

/// What a task made when its command has ended, or why it failed.
extension RunningTask {
    /// Looks at what `until` asks for, then checks, hashes and moves the outputs, and keeps them for other runs.
    func settle() throws -> Outcome {
        var end: TaskGraph.TurnEnd?
        if !task.until.isEmpty {
            let unmet =
                try TurnLook(task: task, work: folder + "/task", made: around.sandbox.made).unmet()
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
    func checked(_ end: SandboxEnd) throws -> Outcome {
        var objection: String?
        if let reason = reason(of: end) {
            guard case .exited(1...125) = end, ending == .none, shortage(end) == nil else {
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
    func reason(of end: SandboxEnd, asked: PlannedTask.Condition? = nil) -> String? {
        if ending == .none, let asked, case .passes(let text) = asked.requirement {
            let command = "the command “\(Shown.text(text))” of “until”"
            switch end {
            case .exited(0...125): return nil
            case .exited(let code):
                return "\(command) ended with the exit code \(code)\(code == 127 ? ": there is no such program" : "")"
            case .signaled(let signal): return "\(command) was killed by the signal \(SignalName.of(signal))"
            }
        }
        if ending == .none, let shortage = shortage(end) { return shortage }
        return switch (ending, end) {
        case (.cancelled, _): Scheduler.cancelled
        case (.timeUp, _): "it took longer than the \(Self.words(task.uses.time ?? 0)) that it may"
        case (.none, _): ended(end)
        }
    }

    /// What it had too little of, as far as that can be told; nil where nothing says so.
    private func shortage(_ end: SandboxEnd) -> String? {
        let memory = task.uses.memory.map(Self.memory) ?? ""
        if let group {
            // Also where its command ended well: something that it started did not.
            if group.ranOutOfMemory { return "it used more than the \(memory) that it may" }
            if end != .exited(0), group.ranOutOfProcesses {
                return "it wanted more than the \(ControlGroups.mostProcesses) processes that a task may have"
            }
        } else if task.uses.memory != nil, let reason = ended(end), MemoryWords.isLack(errors?.end ?? "") {
            return "\(reason): it seems to need more than the \(memory) that it may use"
        }
        let wasKilled = end == .signaled(SIGKILL) || end == .exited(128 + SIGKILL)
        if wasKilled, let reason = ended(end), MachineMemory.kills > around.machineKills {
            return "\(reason): the machine had no memory left"
        }
        return nil
    }

    /// As a metro says it: `2 GB`.
    private static func memory(_ bytes: Int64) -> String {
        let text = Amounts.bytes(bytes)
        guard let point = text.firstIndex(of: "."), text[point...].hasPrefix(".0 ") else { return text }
        return String(text[..<point]) + text[point...].dropFirst(2)
    }

    private func ended(_ end: SandboxEnd) -> String? {
        switch end {
        case .exited(0): nil
        case .exited(let code): "it ended with the exit code \(code)"
        case .signaled(let signal): "it was killed by the signal \(SignalName.of(signal))"
        }
    }

    private static func words(_ seconds: Double) -> String {
        seconds == seconds.rounded() && seconds < 1e9 ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}

/// What programs say when they get no more memory.
enum MemoryWords {
    private static let words = [
        "cannot allocate", "can't allocate", "could not allocate", "unable to allocate", "failed to allocate",
        "allocation failed", "memoryerror", "bad_alloc", "out of memory", "outofmemory", "memory exhausted",
        "not enough memory", "insufficient memory",
    ]

    static func isLack(_ text: String) -> Bool {
        let text = text.lowercased()
        return words.contains { text.holds($0) }
    }
}

/// What the kernel tells of the machine's own lack of memory.
enum MachineMemory {
    /// How many processes it has ended for that since the machine was started.
    static var kills: Int {
        guard let bytes = try? File.read("/proc/vmstat", atMost: 1 << 20) else { return 0 }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst(9)) } ?? 0
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
