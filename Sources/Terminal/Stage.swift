internal import Failures
internal import Glibc
internal import Synchronization

/// A piece of work that takes its time: a bar on a terminal, otherwise a line when it ends (and every ten seconds before).
package final class Stage: Sendable {
    private struct State {
        var done: Int64 = 0
        var total: Int64 = 0
        var shown = 0.0
        var detail = ""
    }

    private let terminal: Terminal
    private let title: String
    private let began = Clock.now()
    private let state = Mutex(State())

    package init(_ terminal: Terminal, _ title: String) {
        (self.terminal, self.title) = (terminal, title)
        terminal.showBar(title + " …")
        state.withLock { $0.shown = began }
    }

    /// Shows the work of `body`; when that fails the bar is taken away without a word.
    package static func during<Value>(
        _ terminal: Terminal, _ title: String, _ body: (Stage) throws -> Value
    ) rethrows -> Value {
        let stage = Stage(terminal, title)
        do {
            let value = try body(stage)
            stage.end()
            return value
        } catch {
            stage.abandon()
            throw error
        }
    }

    /// Bytes done so far and in all; 0 in all when that is not known.
    package func update(done: Int64, of total: Int64, detail: String = "") {
        let now = Clock.now()
        let text: String? = state.withLock { state in
            (state.done, state.total, state.detail) = (done, total, detail)
            let pause = terminal.messages.isTerminal ? 0.1 : 10
            guard now - state.shown >= pause else { return nil }
            state.shown = now
            return Self.text(title: title, state: state, seconds: now - began)
        }
        guard let text else { return }
        if terminal.messages.isTerminal { terminal.showBar(text) } else { terminal.say(text) }
    }

    /// Takes the bar away and says how long it took. Work of under a fifth of a second that has nothing to tell is not told.
    package func end(_ outcome: String = "") {
        terminal.showBar("")
        let seconds = Clock.now() - began
        if outcome.isEmpty && seconds < 0.2 { return }
        let told = outcome.isEmpty ? title : "\(title): \(outcome)"
        terminal.say("\(told) (\(Amounts.seconds(seconds)))")
    }

    /// Takes the bar away without a word: the error that follows tells.
    package func abandon() { terminal.showBar("") }

    private static func text(title: String, state: State, seconds: Double) -> String {
        var text = title
        if state.total > 0 {
            let share = min(1, Double(state.done) / Double(state.total))
            let filled = Int(share * 24)
            text += " [" + String(repeating: "=", count: filled) + String(repeating: " ", count: 24 - filled) + "]"
            text += " \(Amounts.bytes(state.done)) of \(Amounts.bytes(state.total))"
            if seconds > 1, state.done > 0 {
                let rate = Double(state.done) / seconds
                text += ", \(Amounts.bytes(Int64(rate)))/s"
                if state.done < state.total {
                    text += ", \(Amounts.seconds(Double(state.total - state.done) / rate)) left"
                }
            }
        } else if state.done > 0 {
            text += " \(Amounts.bytes(state.done))"
        } else {
            text += " …"
        }
        return state.detail.isEmpty ? text : text + "  " + Shown.whole(state.detail)
    }
}

private enum Clock {
    /// Seconds of the monotonic clock.
    static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
