internal import Failures
internal import HostProtocol
internal import JSON

/// A run as lines of text, one for each thing that happens.
struct RunLines {
    private(set) var done = 0
    private(set) var failed = 0
    private(set) var reused = 0

    mutating func tell(_ event: RunEvent) {
        func say(_ text: String) { Output.note(Shown.whole(text)) }
        let name = event.task?.name ?? event.station?.name ?? ""
        switch event.kind {
        case .runStarted:
            say(
                "\(event.text ?? "") runs here; engine: \(event.engine ?? "?"), because \(event.reason ?? "it is the best")"
            )
        case .runResumed:
            say(
                "\(event.text ?? "") goes on here, \(event.count ?? 0) of its tasks being done; engine: \(event.engine ?? "?"), because \(event.reason ?? "it is the best")"
            )
        case .runPaused: say("paused: nothing further is started")
        case .runContinued: say("going on")
        case .stationPlanned, .taskStarted, .taskFreed: break
        case .taskDone:
            done += 1
            if let text = event.text { return say("  left out \(name): it \(text)") }
            say("  done     \(name) (\(Amounts.seconds(event.seconds ?? 0)))\(event.unmet.map { ": \($0)" } ?? "")")
        case .taskReused:
            reused += 1
            if let text = event.text { say("  left out \(name): it \(text)") }
        case .taskFailed:
            failed += 1
            say("  failed   \(name): \(event.text ?? "")")
            for line in (event.printed ?? "").split(separator: "\n").suffix(20) { say("    | \(line)") }
        case .taskRetried:
            let pause = Amounts.seconds(event.seconds ?? 0)
            say("  again    \(name): \(event.text ?? ""); attempt \(event.count ?? 2) follows in \(pause)")
        case .taskMoved: say("  moved    \(name): \(event.text ?? "")")
        case .taskSkipped: say("  skipped  \(name): \(event.text ?? "")")
        case .note, .collision: say("note: \(event.text ?? "")")
        case .runEnded:
            if reused > 0 {
                say(
                    "  \(reused) of \(reused + done) tasks had been done before and \(reused == 1 ? "was" : "were") not run again"
                )
            }
            if let text = event.text { say(text) }
        }
    }

    static func json(_ event: RunEvent) { Output.line(String(decoding: JSONText.encode(event), as: UTF8.self)) }
}
