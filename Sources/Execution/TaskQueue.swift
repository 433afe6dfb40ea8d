internal import Plan

/// Tasks that wait for room: those first that the longest path goes on from, then in the order in which they came.
///
/// A path is as long as the stations on it, the turns of a loop counted one by one: how long they take is known by nobody.
struct TaskQueue {
    private struct Line {
        var tasks: [PlannedTask?] = []
        var head = 0
    }

    /// Of each length of path, the longest last.
    private var lines: [Line]
    private let places: [StationID: Int]
    private var counts: [StationID: Int] = [:]

    init(_ plan: Plan) {
        var lengths: [StationID: Int] = [:]
        for station in plan.stations.reversed() {
            let own = station.turns.map { $0.keepsLast ? $0.count : 1 } ?? 1
            let length = (lengths[station.id] ?? 0) + own
            lengths[station.id] = length
            for taken in station.takes + station.forEach {
                if let before = taken.station { lengths[before] = max(lengths[before] ?? 0, length) }
            }
        }
        let known = Set(lengths.values).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: known.enumerated().map { ($1, $0) })
        places = lengths.mapValues { numbers[$0] ?? 0 }
        // The last line is for what is no station of the plan: looks at inputs, which everything waits for.
        lines = Array(repeating: Line(), count: known.count + 1)
    }

    /// Those first that would be taken first.
    func ordered(_ tasks: [PlannedTask]) -> [PlannedTask] {
        if lines.count <= 2 || tasks.count < 2 { return tasks }
        return tasks.enumerated().map { (places[$1.station] ?? lines.count - 1, $0, $1) }
            .sorted { ($0.0, $1.1) > ($1.0, $0.1) }.map(\.2)
    }

    mutating func add(_ more: [PlannedTask]) {
        for task in more {
            let place = places[task.station] ?? lines.count - 1
            if lines[place].head > 1024, lines[place].head > lines[place].tasks.count / 2 {
                lines[place].tasks.removeFirst(lines[place].head)
                lines[place].head = 0
            }
            lines[place].tasks.append(task)
            counts[task.station, default: 0] += 1
        }
    }

    /// No task waits.
    var isEmpty: Bool { lines.allSatisfy { $0.tasks[$0.head...].allSatisfy { $0 == nil } } }

    func contains(where fits: (PlannedTask) -> Bool) -> Bool {
        lines.contains { $0.tasks[$0.head...].contains { $0.map(fits) ?? false } }
    }

    /// How many of a station wait.
    func count(of station: StationID) -> Int { counts[station] ?? 0 }

    mutating func removeAll() { (lines, counts) = (Array(repeating: Line(), count: lines.count), [:]) }

    /// Taking the first that fits costs no more than looking at those before it.
    mutating func takeFirst(where fits: (PlannedTask) -> Bool, until full: () -> Bool) -> PlannedTask? {
        if full() { return nil }
        for place in lines.indices.reversed() {
            while lines[place].head < lines[place].tasks.count, lines[place].tasks[lines[place].head] == nil {
                lines[place].head += 1
            }
            for position in lines[place].head..<lines[place].tasks.count {
                if let task = lines[place].tasks[position], fits(task) {
                    lines[place].tasks[position] = nil
                    counts[task.station, default: 1] -= 1
                    return task
                }
            }
        }
        return nil
    }
}
