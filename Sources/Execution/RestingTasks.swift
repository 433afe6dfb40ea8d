internal import Plan

/// Tasks that failed and are to be started once more, each after a pause that grows: 1 s, 2 s, 4 s, at most 30 s.
struct RestingTasks {
    private var tasks: [(due: Double, task: PlannedTask)] = []
    /// How often each has failed.
    private var failures: [TaskID: Int]

    private static let longestPause = 30.0

    init(failures: [TaskID: Int] = [:]) { self.failures = failures }

    var isEmpty: Bool { tasks.isEmpty }
    var due: [Double] { tasks.map(\.due) }

    /// 1 for one that never failed.
    func attempt(of task: PlannedTask) -> Int { (failures[task.id] ?? 0) + 1 }

    /// - Returns: the number of the attempt that follows, and the pause before it; nil where it has had all.
    mutating func rest(_ task: PlannedTask, from now: Double) -> (attempt: Int, pause: Double)? {
        let failed = attempt(of: task)
        guard failed <= task.retry else { return nil }
        failures[task.id] = failed
        let pause = failed > 5 ? Self.longestPause : min(Self.longestPause, Double(1 << (failed - 1)))
        tasks.append((now + pause, task))
        return (failed + 1, pause)
    }

    mutating func takeRested(by now: Double) -> [PlannedTask] {
        let rested = tasks.filter { $0.due <= now }.map(\.task)
        tasks.removeAll { $0.due <= now }
        return rested
    }

    mutating func takeAll() -> [PlannedTask] {
        defer { tasks = [] }
        return tasks.map(\.task)
    }
}
