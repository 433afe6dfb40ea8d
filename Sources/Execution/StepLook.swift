internal import Files
internal import HostProtocol
internal import Plan
internal import Threads

/// The graph, as far as records have it, and what the journal does not tell yet.
struct StepLook {
    var graph: TaskGraph
    let records: StepRecords
    var news: [RunEvent] = []
    private(set) var made: [ExactText: RunEvent.File] = [:]
    /// Tasks that the journal had as done.
    private(set) var doneBefore = 0
    var hasSucceeded = true
    var started: Set<TaskID> = []
    var failed: [TaskID: RunEvent] = [:]
    var skipped: Set<String> = []
    private var planned: [StationID: Int] = [:]
    private var names: [StationID: Set<String>] = [:]
    var stations: [StationID]

    /// All failures, and all that can't run for them, whether the journal has them or not.
    var allFailed: [RunEvent] = []
    var allSkipped: [RunEvent] = []

    var hasNews: Bool { !news.isEmpty }

    init(_ graph: TaskGraph, _ records: StepRecords, _ journal: [RunEvent]) {
        (self.graph, self.records, stations) = (graph, records, graph.stationIDs)
        for event in journal {
            switch event.kind {
            case .taskDone: takeDone(event)
            case .taskStarted: if let task = event.task { started.insert(task) }
            case .runResumed: (failed, skipped) = ([:], [])
            case .taskFailed:
                if let task = event.task {
                    failed[task] = event
                    started.remove(task)
                }
            case .taskSkipped: skipped.insert(event.task?.name ?? "\(event.station?.name ?? "") ")
            case .stationPlanned: if let station = event.station { planned[station] = event.count }
            default: break
            }
        }
    }

    private mutating func takeDone(_ event: RunEvent) {
        guard let task = event.task else { return }
        graph.handOut()
        let end = TaskEnd(
            task, made: (event.files ?? []).map { MadeEntry($0).made }, unmet: event.unmet, objection: event.text)
        // What was told as done was so; what is not is found in its record again.
        do { try graph.take(end) } catch { return }
        doneBefore += 1
        (failed[task], started) = (nil, started.union([task]))
        keep(event, of: task)
    }

    mutating func keep(_ event: RunEvent, of task: TaskID) {
        for file in event.files ?? [] { made[ExactText("\(task)/\(file.path)")] = file }
    }

    mutating func forgetNames(of station: StationID) { names[station] = nil }

    mutating func names(of station: StationID) -> Set<String> {
        if let known = names[station] { return known }
        let found = Set(records.names(station))
        names[station] = found
        return found
    }

    // MARK: Records

    /// Takes what is done, until nothing more is known by it.
    mutating func takeRecords() throws {
        tellStations()
        var isMore = true
        while isMore {
            isMore = false
            for station in stations {
                let names = names(of: station)
                if names.isEmpty { continue }
                for (number, task) in graph.open(of: station) where take(StepID(station, number), task, names) {
                    isMore = true
                }
            }
            tellStations()
        }
    }

    private mutating func take(_ step: StepID, _ task: TaskID, _ names: Set<String>) -> Bool {
        var record: StepRecord?
        if names.contains("\(step.number)") { record = records.done(step) }
        if record == nil, graph.hasTurns(step), let turn = task.name.pathNames.last.flatMap(Int.init),
            names.contains("\(step.number).\(turn)")
        {
            record = records.done(step, turn: turn)
        }
        guard let record else {
            if !started.contains(task), names.contains("\(step.number).begun"),
                let event = records.begun(step)?.events.first, event.task == task, event.kind == .taskStarted
            {
                tell(event)
            }
            return false
        }
        let ends = Dictionary(record.ends.map { ($0.task, $0) }, uniquingKeysWith: { $1 })
        var isTaken = false
        for event in record.events {
            guard let id = event.task else { continue }
            if event.kind != .taskDone {
                if event.kind != .taskStarted || !started.contains(id) { tell(event) }
                continue
            }
            guard let end = ends[id] else { continue }
            graph.handOut()
            guard graph.isOpen(id) else { continue }
            do {
                let note = try graph.take(end)
                isTaken = true
                failed[id] = nil
                tell(event)
                keep(event, of: id)
                if let note {
                    var event = RunEvent(sequence: 0, time: event.time, kind: .note)
                    event.text = note
                    tell(event)
                }
            } catch {
                var event = event
                event.kind = .taskFailed
                event.text = error.summary + (error.cause.map { ": \($0)" } ?? "")
                event.files = nil
                fail(event)
                return true
            }
        }
        return isTaken
    }

    mutating func tell(_ event: RunEvent) {
        if event.kind == .taskStarted, let task = event.task { started.insert(task) }
        if event.kind == .taskRetried, let task = event.task { started.remove(task) }
        news.append(event)
    }

    private mutating func tellStations() {
        graph.handOut()
        let known = graph.knownTasks
        for station in stations {
            guard let count = known[station], planned[station] != count else { continue }
            planned[station] = count
            var event = RunEvent(sequence: 0, time: Clock.wall, kind: .stationPlanned)
            (event.station, event.count) = (station, count)
            news.append(event)
        }
    }
}
