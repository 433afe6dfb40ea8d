internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Hosts
internal import Plan
internal import Synchronization
internal import Terminal

/// The run of a command for each of several files.
struct EachRun {
    let context: Context
    let metro: EachMetro
    let material: RunMaterial
    /// Where the files go that are made; nil where what is printed is shown.
    let results: String?
    let jobs: Int?
    let isFresh: Bool
    let isUnsandboxed: Bool
    /// Let go when the run has begun, which says itself what it uses.
    let hold: StoreHold

    /// - Returns: exit code 1 when one failed.
    func run(on host: Host, _ session: HostSession) async throws -> ExitCode {
        let run = RunID(for: material.metro)
        let terminal = context.terminal
        let scratch = try Folder.makeTemporary(in: context.lash.temporary, named: "each")
        defer { try? Folder.remove(scratch) }
        let display = EachDisplay(terminal, metro.files, material.plan, shows: results == nil)
        var start = Start(
            run: run, parts: material.parts, cpus: jobs, tethered: host.isLocal, engine: nil, isFresh: isFresh)
        start.sandbox = isUnsandboxed ? "off" : nil
        try await session.start(start)
        hold.release()
        let ended = try await Interrupts.during {
            try await session.follow(run, bringing: { display.folder(for: $0, scratch: scratch, results: results) }) {
                display.show($0)
            }
        } onInterrupt: {
            terminal.say("stopping; interrupt again to leave at once")
            session.requestCancel(of: run)
        }
        let (failed, made) = display.end()
        if ended.succeeded ?? false {
            try await session.clean(run)
        } else {
            if !failed.isEmpty {
                let names = failed.prefix(10).map { Shown.whole($0) }.joined(separator: ", ")
                let more = failed.count > 10 ? " and \(failed.count - 10) more" : ""
                terminal.fail(EachFailure("\(failed.count) of \(metro.files.count) failed: \(names)\(more)"))
            } else {
                terminal.fail(EachFailure("the run has ended" + (ended.text.map { ": " + $0 } ?? "")))
            }
            let lash = host.isLocal ? context.lash.root : "\(host.name):\(host.lash ?? "~/.las")"
            terminal.say("what was printed is kept in \(lash)/runs/\(run)/logs")
        }
        if let results, made > 0 {
            terminal.say("results: \(Shown.whole(results)) (\(Amounts.count(made, "file")))")
        }
        return ended.succeeded ?? false ? .done : .stationsFailed
    }

    private struct EachFailure: Failure {
        let summary: String
        let exitCode = ExitCode.stationsFailed

        init(_ summary: String) { self.summary = summary }
    }
}

/// What is seen of such a run: what is printed, in the order of the files, and what fails, at once.
private final class EachDisplay: Sendable {
    private struct State {
        /// Of each file: where what was printed will lie, and whether its command has ended.
        var printed: [String?]
        var isOver: [Bool]
        /// The first that is not yet shown.
        var next = 0
        var finished = 0
        var made = 0
        var failed: [Int] = []
        var running: [Int] = []
    }

    private let terminal: Terminal
    private let files: [EachMetro.File]
    private let shows: Bool
    /// By the task's name.
    private let numbers: [String: Int]
    private let state: Mutex<State>

    init(_ terminal: Terminal, _ files: [EachMetro.File], _ plan: Plan?, shows: Bool) {
        (self.terminal, self.files, self.shows) = (terminal, files, shows)
        let planned = plan?.inputs.first { $0.name == EachMetro.input }?.files ?? []
        let names = Dictionary(planned.map { (ExactText($0.path), $0.name) }, uniquingKeysWith: { first, _ in first })
        numbers = Dictionary(
            files.enumerated().compactMap { number, file in
                names[ExactText(EachMetro.path(of: file))].map { ("\(EachMetro.station)/\($0)", number) }
            }, uniquingKeysWith: { first, _ in first })
        state = Mutex(
            State(
                printed: Array(repeating: nil, count: files.count), isOver: Array(repeating: false, count: files.count))
        )
    }

    private func number(_ event: RunEvent) -> Int? { event.task.flatMap { numbers[$0.name] } }

    /// Where the files of a task go that is done.
    func folder(for event: RunEvent, scratch: String, results: String?) -> String {
        if let results { return results }
        let folder = "\(scratch)/\(number(event) ?? -1)"
        guard let number = number(event), let file = event.files?.first else { return folder }
        state.withLock { $0.printed[number] = "\(folder)/\(file.path)" }
        return folder
    }

    func show(_ event: RunEvent) {
        guard let number = number(event) else {
            if event.kind == .note { terminal.say("note: " + Shown.whole(event.text ?? "")) }
            return
        }
        state.withLock { state in
            switch event.kind {
            case .taskStarted: state.running.append(number)
            case .taskDone, .taskReused:
                state.made += event.files?.count { $0.digest != nil } ?? 0
                end(number, &state)
            case .taskFailed:
                tell(event, files[number])
                state.failed.append(number)
                end(number, &state)
            default: break
            }
            showBar(state)
        }
    }

    /// - Returns: what failed, in the order of the files, and how many files were made.
    func end() -> (failed: [String], made: Int) {
        terminal.showBar("")
        return state.withLock { state in (state.failed.sorted().map { files[$0].typed }, state.made) }
    }

    private func tell(_ event: RunEvent, _ file: EachMetro.File) {
        let mark = terminal.messages.paint("✗", .red)
        terminal.say("\(mark) \(Shown.whole(file.typed)) failed: \(Shown.whole(event.text ?? "no reason given"))")
        for line in (event.printed ?? "").split(separator: "\n").suffix(20) {
            terminal.say("    " + Shown.whole(String(line).replacing(EachMetro.path(of: file), with: file.typed)))
        }
    }

    private func end(_ number: Int, _ state: inout State) {
        state.finished += 1
        state.running.removeAll { $0 == number }
        state.isOver[number] = true
        guard shows else { return }
        while state.next < files.count, state.isOver[state.next] {
            if let path = state.printed[state.next] { print(path, of: files[state.next]) }
            state.next += 1
        }
    }

    /// What was printed, with the file's path as the person gave it.
    private func print(_ path: String, of file: EachMetro.File) {
        terminal.showBar("")
        guard let bytes = try? File.read(path) else { return }
        terminal.print(bytes: bytes.replacing(Array(EachMetro.path(of: file).utf8), with: Array(file.typed.utf8)))
        File.remove(path)
    }

    private func showBar(_ state: State) {
        let names = state.running.prefix(4).map { Shown.text(files[$0].typed) }.joined(separator: ", ")
        let more = state.running.count > 4 ? ", …" : ""
        terminal.showBar(
            state.finished == files.count
                ? "" : "\(state.finished) of \(files.count) done" + (names.isEmpty ? "" : "; running: \(names)\(more)"))
    }
}
