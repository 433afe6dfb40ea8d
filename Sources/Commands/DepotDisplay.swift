internal import Depot
internal import Failures
internal import Synchronization
internal import Terminal

/// What the depot is doing, as stages of the terminal: one after another.
final class DepotDisplay: Sendable {
    private struct State {
        var phase: DepotProgress.Phase?
        var stage: Stage?
        var total: Int64 = 0
    }

    private let terminal: Terminal
    private let state = Mutex(State())

    init(_ terminal: Terminal) { self.terminal = terminal }

    func show(_ event: DepotEvent) {
        switch event {
        case .warning(let text): terminal.warn(Shown.whole(text))
        case .note(let text): terminal.say("note: " + Shown.whole(text))
        case .progress(let progress): show(progress)
        }
    }

    /// Shows what the depot does in `body`, up to its end.
    func during<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            let value = try await body()
            close { $0.end() }
            return value
        } catch {
            close { $0.abandon() }
            throw error
        }
    }

    private func close(_ end: (Stage) -> Void) {
        state.withLock { state in
            if let stage = state.stage { end(stage) }
            (state.phase, state.stage) = (nil, nil)
        }
    }

    private func show(_ progress: DepotProgress) {
        state.withLock { state in
            if state.phase != progress.phase {
                state.stage?.end()
                (state.phase, state.stage) = (progress.phase, Stage(terminal, Self.title(progress.phase)))
            }
            let counts = ![.configuring, .solving, .asking, .building].contains(progress.phase)
            state.stage?.update(
                done: counts ? progress.done : 0, of: counts ? progress.total : 0, detail: progress.what)
            if progress.total > 0, progress.done >= progress.total {
                state.stage?.end()
                (state.phase, state.stage) = (nil, nil)
            }
        }
    }

    private static func title(_ phase: DepotProgress.Phase) -> String {
        switch phase {
        case .indexes: "reading what the package archives have"
        case .solving: "choosing packages"
        case .fetching: "fetching packages"
        case .unpacking: "unpacking packages"
        case .inputs: "fetching inputs"
        case .archives: "unpacking archives"
        case .configuring: "configuring packages"
        case .asking: "asking pip for packages"
        case .building: "building"
        }
    }
}
