internal import Failures
package import HostProtocol
internal import Plan

/// A run as it is followed: lines for what happened, and on a terminal a last line with what is going on.
package struct RunDisplay {
    private let terminal: Terminal
    private var planned: [String: Int] = [:]
    private var done: [String: Int] = [:]
    private var running: [String] = []
    private var reused = 0
    /// The end of the run, once it is known.
    package private(set) var ended: RunEvent?

    private let hasBar: Bool
    private let first: Int
    /// Whether what is shown had been told before.
    private var isPast = false

    /// - Parameters:
    ///   - hasBar: whether a last line says what is going on.
    ///   - first: the first event that is told; those before it are only counted.
    package init(_ terminal: Terminal, hasBar: Bool = true, first: Int = 1) {
        (self.terminal, self.hasBar, self.first) = (terminal, hasBar, first)
    }

    private func say(_ line: String) { if !isPast { terminal.say(line) } }

    package mutating func show(_ event: RunEvent) {
        isPast = event.sequence < first
        let name = Shown.whole(event.task?.name ?? event.station?.name ?? "")
        switch event.kind {
        case .runStarted:
            let reason = event.reason.map { ", because \(Shown.whole($0))" } ?? ""
            say("engine: \(Shown.whole(event.engine ?? "?"))\(reason)")
        case .runResumed:
            running = []
            let reason = event.reason.map { ", \(Shown.whole($0))" } ?? ""
            say(
                "\(Amounts.count(event.count ?? 0, "task")) of it done before; engine: \(Shown.whole(event.engine ?? "?"))\(reason)"
            )
        case .runPaused: say("paused: nothing further is started")
        case .runContinued: say("going on")
        case .taskFreed: break
        case .stationPlanned:
            planned[event.station?.name ?? ""] = event.count ?? 0
        case .taskStarted:
            running.append(name)
        case .taskDone:
            finish(name)
            let station = event.station?.name ?? ""
            done[station, default: 0] += 1
            if let text = event.text {
                say("  \(terminal.messages.paint("-", .yellow)) \(name) is left out: it \(Shown.whole(text))")
                break
            }
            // On a terminal the bar counts; a line for each of ten thousand tasks would bury what matters.
            let mark = terminal.messages.paint("✓", .green)
            if !terminal.messages.isTerminal || (planned[station] ?? 0) <= 20 {
                let turn = event.unmet.map { ": " + Shown.whole($0) } ?? ""
                say("  \(mark) \(name) (\(Amounts.seconds(event.seconds ?? 0)))\(turn)")
            } else if done[station] == planned[station], event.unmet == nil {
                say("  \(mark) \(Shown.whole(station)): \(Amounts.count(done[station] ?? 0, "task"))")
            }
        case .taskReused:
            let station = event.station?.name ?? ""
            done[station, default: 0] += 1
            reused += 1
            if let text = event.text {
                say("  \(terminal.messages.paint("-", .yellow)) \(name) is left out: it \(Shown.whole(text))")
            }
        case .taskFailed:
            finish(name)
            say(
                "  \(terminal.messages.paint("✗", .red)) \(name) failed: \(Shown.whole(event.text ?? "no reason given"))"
            )
            for line in (event.printed ?? "").split(separator: "\n").suffix(20) {
                say("      " + Shown.whole(String(line)))
            }
        case .taskRetried:
            finish(name)
            let mark = terminal.messages.paint("↻", .yellow)
            let pause = Amounts.seconds(event.seconds ?? 0)
            say(
                "  \(mark) \(name) failed: \(Shown.whole(event.text ?? "")); attempt \(event.count ?? 2) follows in \(pause)"
            )
        case .taskMoved:
            finish(name)
            let again = event.count == nil ? "goes to another host" : "runs again on another host"
            say(
                "  \(terminal.messages.paint("↻", .yellow)) \(name) \(again): \(Shown.whole(event.text ?? ""))")
        case .taskSkipped:
            say("  - \(name) was not run: \(Shown.whole(event.text ?? ""))")
        case .note, .collision:
            say("note: " + Shown.whole(event.text ?? ""))
        case .runEnded:
            ended = event
            tellReused()
        }
        showBar()
    }

    private func tellReused() {
        if reused == 0 { return }
        let all = done.values.reduce(0, +)
        let mark = terminal.messages.paint("=", .green)
        say(
            "  \(mark) \(reused) of \(Amounts.count(all, "task")) had been done before and \(reused == 1 ? "was" : "were") not run again"
        )
    }

    package func end() { if hasBar { terminal.showBar("") } }

    private mutating func finish(_ name: String) {
        if let position = running.firstIndex(of: name) { running.remove(at: position) }
    }

    private func showBar() {
        if !hasBar { return }
        if ended != nil { return terminal.showBar("") }
        let all = planned.values.reduce(0, +)
        let finished = done.values.reduce(0, +)
        let names = running.prefix(4).joined(separator: ", ") + (running.count > 4 ? ", …" : "")
        terminal.showBar(
            "\(finished) of \(Amounts.count(all, "task")) done" + (reused > 0 ? " (\(reused) before)" : "")
                + (names.isEmpty ? "" : "; running: \(names)"))
    }
}
