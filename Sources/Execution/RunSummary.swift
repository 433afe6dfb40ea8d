package import Files
package import HostProtocol
package import Plan

/// A run as its journal tells of it: how far it is, what runs, what failed.
package struct RunSummary: Sendable {
    package enum State: String, Sendable {
        case running, paused
        case done, failed, cancelled
        /// Nobody runs it, and it has not ended: its process was killed, or the machine went down.
        case cutOff = "cut off"
        /// The host that it is on can't be asked.
        case outOfReach = "out of reach"
    }

    package struct Station: Sendable {
        package let id: StationID
        /// As far as it is known.
        package var tasks = 0
        /// Those that an earlier run had done among them.
        package var done = 0
        package var reused = 0
        package var failed = 0
        package var skipped = false
    }

    package struct Task: Sendable {
        package let id: TaskID
        /// Seconds since 1970.
        package let since: Double
        package var reason: String?
    }

    package let run: RunID
    package private(set) var metro = ""
    package private(set) var state = State.cutOff
    /// Seconds since 1970.
    package private(set) var began: Double?
    /// The last time that something happened.
    package private(set) var last: Double?
    package private(set) var engine = ""
    package private(set) var stations: [Station] = []
    package private(set) var running: [Task] = []
    package private(set) var failures: [Task] = []
    /// Why it ended, where that is no station's failure.
    package private(set) var text: String?
    /// The host that its process is on, where that is another machine.
    package var host: String?
    private var doneTasks: Set<TaskID> = []
    private var numbers: [StationID: Int] = [:]

    package var tasks: Int { stations.reduce(0) { $0 + $1.tasks } }
    package var done: Int { stations.reduce(0) { $0 + $1.done } }
    package var isGoingOn: Bool { state == .running || state == .paused }

    /// Of a run of which nothing is known yet: `add` tells.
    package init(_ run: RunID) { self.run = run }

    /// - Parameter isGoingOn: whether it goes on, where that is known from its host; nil for what its journal's lock says.
    package init(_ run: RunID, in lash: LASH, isGoingOn: Bool? = nil) {
        let folder = RunFolder(run, in: lash)
        self.run = run
        // Asked first: what ends meanwhile has its end in the journal.
        let isHeld = isGoingOn ?? Journal.isHeld(folder.journal)
        for event in Journal.read(folder.journal) { add(event) }
        if state == .running || state == .paused {
            if !isHeld { state = .cutOff }
        } else if began == nil {
            state = isHeld ? .running : .cutOff
        }
        if !self.isGoingOn { running = [] }
    }

    /// Nobody can say how it is now.
    package mutating func becomeUnknown() { if state == .cutOff { state = .outOfReach } }

    /// - Parameter event: the next one of its journal.
    package mutating func add(_ event: RunEvent) {
        last = event.time
        switch event.kind {
        case .runStarted, .runResumed:
            began = began ?? event.time
            (metro, state, engine) = (event.text ?? "", .running, event.engine ?? "")
            (text, running, failures) = (nil, [], [])
            for number in stations.indices {
                stations[number].failed = 0
                stations[number].skipped = false
            }
        case .runPaused: state = .paused
        case .runContinued: state = .running
        case .runEnded:
            state = event.succeeded ?? false ? .done : .failed
            text = event.text
            // A cancelled run says so, and nothing else does.
            if state == .failed, text == Scheduler.cancelled { state = .cancelled }
        case .note, .collision: break
        case .stationPlanned: change(event) { $0.tasks = event.count ?? 0 }
        case .taskStarted: if let task = event.task { running.append(Task(id: task, since: event.time)) }
        case .taskDone:
            end(event)
            if isNew(event) { change(event) { $0.done += 1 } }
        case .taskReused:
            if isNew(event) {
                change(event) {
                    $0.done += 1
                    $0.reused += 1
                }
            }
        case .taskFreed: break
        case .taskRetried, .taskMoved: end(event)
        case .taskFailed:
            end(event)
            change(event) { $0.failed += 1 }
            if let task = event.task { failures.append(Task(id: task, since: event.time, reason: event.text)) }
        case .taskSkipped: if event.task == nil { change(event) { $0.skipped = true } }
        }
    }

    /// What was lost and made again is counted once.
    private mutating func isNew(_ event: RunEvent) -> Bool {
        event.task.map { doneTasks.insert($0).inserted } ?? false
    }

    private mutating func end(_ event: RunEvent) {
        if let place = running.firstIndex(where: { $0.id == event.task }) { running.remove(at: place) }
    }

    private mutating func change(_ event: RunEvent, _ body: (inout Station) -> Void) {
        guard let id = event.station else { return }
        let number = numbers[id] ?? stations.count
        if number == stations.count {
            numbers[id] = number
            stations.append(Station(id: id))
        }
        body(&stations[number])
        // Of a station whose tasks are not told: those that are seen.
        stations[number].tasks = max(stations[number].tasks, stations[number].done + stations[number].failed)
    }
}
