internal import Execution
internal import Files
internal import HostProtocol
internal import JSON
internal import Map
internal import Plan
internal import Synchronization
internal import Terminal

/// A run on the map of its metro: on a terminal drawn again below all else while it goes on, and left there at its end.
final class RunMap: Sendable {
    private let terminal: Terminal
    private let graph: MapGraph
    private let isUnicode: Bool
    private let state: Mutex<State>

    private struct State {
        var summary: RunSummary
        var isDue = false
        var isOver = false
        var lines: [String] = []
    }

    /// How long after something happened it is drawn: often enough for the eye, and no work for thousands of small tasks.
    private static let pause = Duration.milliseconds(100)

    init(_ run: RunID, _ plan: Plan, opening: MapGraph.Opening = .none, _ context: Context) {
        (terminal, graph) = (context.terminal, MapGraph(plan, opening: opening))
        isUnicode = MapOptions.isUnicode(context.environment)
        state = Mutex(State(summary: RunSummary(run)))
    }

    /// Whether it can be drawn while the run goes on.
    var isLive: Bool { terminal.messages.isTerminal && !terminal.isQuiet }

    func show(_ event: RunEvent) {
        let draws = state.withLock { state in
            state.summary.add(event)
            defer { state.isDue = true }
            return isLive && !state.isDue && !state.isOver
        }
        guard draws else { return }
        Task.detached { [self] in
            try? await Task.sleep(for: Self.pause)
            draw()
        }
    }

    /// The last look at it stays.
    func end() {
        let summary = state.withLock { state in
            state.isOver = true
            return state.summary
        }
        if isLive { terminal.showBlock([]) }
        for line in lines(summary, columns: isLive ? terminal.room.columns : 80) { terminal.say(line) }
    }

    private func draw() {
        state.withLock { state in
            state.isDue = false
            if state.isOver { return }
            let room = terminal.room
            let lines = lines(state.summary, columns: room.columns - 1)
            if lines == state.lines { return }
            state.lines = lines
            // Of what is higher than the terminal its lower end would be drawn again and again.
            terminal.showBlock(lines.count < room.lines ? lines : [Self.progress(state.summary)])
        }
    }

    private static func progress(_ summary: RunSummary) -> String { RunText.progress(summary) }

    private func lines(_ summary: RunSummary, columns: Int) -> [String] {
        let layout = MapLayout(graph.showing(Self.states(summary)), width: columns - 2)
        let map = TerminalMap(layout, columns: columns, style: terminal.messages, isUnicode: isUnicode)
        return map.lines + [Self.progress(summary)]
    }

    /// How far a run is with each station.
    static func states(_ summary: RunSummary) -> [String: StopState] {
        let running = Set(summary.running.map { String($0.id.name.prefix { $0 != " " }) })
        var states: [String: StopState] = [:]
        for station in summary.stations {
            let isAtWork =
                summary.isGoingOn
                && (station.done > 0
                    || running.contains { $0 == station.id.name || $0.hasPrefix(station.id.name + "/") })
            let phase: StopState.Phase =
                station.failed > 0
                ? .failed
                : station.skipped
                    ? .skipped
                    : station.tasks > 0 && station.done >= station.tasks ? .done : isAtWork ? .running : .waiting
            states[station.id.name] = StopState(phase, done: station.done, of: station.tasks)
        }
        return states
    }

    /// The plan of a run of this machine.
    static func plan(of run: RunID, in lash: LASH) throws -> Plan {
        let folder = RunFolder(run, in: lash)
        return try JSONText.decode(Plan.self, from: try File.read(folder.plan, atMost: 256 << 20))
    }
}
