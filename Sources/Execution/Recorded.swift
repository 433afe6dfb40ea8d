internal import HostProtocol
internal import Plan

/// What the journal of a run says that goes on: what is done and is not run again, and how often the rest has failed.
struct Recorded {
    /// `taskDone` or `taskReused`, by the task.
    private(set) var done: [TaskID: RunEvent] = [:]
    /// Those of them whose outputs were given up, since nothing needed them any more.
    private(set) var freed: Set<TaskID> = []
    /// Of tasks that were to be tried again.
    private(set) var failures: [TaskID: Int] = [:]
    /// The machine's starts in which something was recorded.
    private(set) var boots: Set<String> = []
    private(set) var wasBegun = false
    /// The last one, where that is the end of the run.
    private(set) var end: RunEvent?

    init(_ events: [RunEvent]) {
        for event in events { add(event) }
    }

    private mutating func add(_ event: RunEvent) {
        switch event.kind {
        case .runStarted, .runResumed:
            wasBegun = true
            end = nil
            if let boot = event.boot { boots.insert(boot) }
        case .runEnded: end = event
        case .taskDone, .taskReused:
            if let task = event.task {
                done[task] = event
                freed.remove(task)
            }
        // What it had made was lost, so that it was started again.
        case .taskStarted:
            if let task = event.task {
                done[task] = nil
                freed.remove(task)
            }
        case .taskFreed: if let task = event.task { freed.insert(task) }
        case .taskRetried: if let task = event.task { failures[task, default: 0] += 1 }
        // It has all its attempts again.
        case .taskFailed: if let task = event.task { failures[task] = nil }
        case .stationPlanned, .taskMoved, .taskSkipped, .note, .collision, .runPaused, .runContinued: break
        }
    }

    /// What was given up is wanted again.
    mutating func forgetFreed() {
        for task in freed { done[task] = nil }
        freed = []
    }

    /// Takes a task's event away.
    mutating func take(_ task: TaskID) -> RunEvent? { done.removeValue(forKey: task) }
}
