internal import Digests
internal import Failures
internal import Files
internal import Glibc
package import HostProtocol
package import Plan

/// Looks at what is recorded of a run's steps: writes the run's journal, says what may start, and gathers the results at the end.
package struct StepAdvance {
    private let folder: StepFolder
    private let records: StepRecords
    private let engine: String
    private let reason: String

    /// - Parameters:
    ///   - engine: who starts the steps, for the journal; `reason` why.
    package init(_ folder: StepFolder, engine: String, reason: String) {
        (self.folder, self.engine, self.reason) = (folder, engine, reason)
        records = StepRecords(folder: folder)
    }

    /// How the run stands.
    package struct Standing: Sendable {
        package let run: RunID
        package let metro: String
        /// In the order of the plan, those first that check inputs.
        package let stations: [StationSteps]
        /// The end of the run, where nothing more will happen.
        package let end: RunEvent?
        /// What the journal got.
        package let events: [RunEvent]
    }

    /// What an engine knows that no record tells.
    package struct Known: Sendable {
        /// Steps that the engine has ended with, also where they left no record: that is then their failure.
        package var gone: [StepID] = []
        /// The same of all steps of these stations.
        package var goneStations: [StationID] = []
        /// The same of all steps.
        package var goneAll = false
        /// Why, where that is known.
        package var goneReason: String?
        /// Nothing further is to start, and what has not ended counts as cancelled.
        package var cancels = false
        /// Why, where no person asked for it.
        package var cancelReason: String?
        /// A run that was cancelled goes on; steps that failed may be tried again.
        package var goesOn = false

        package init() {}
    }

    /// - Throws: where another process does the same at the time, for half a minute.
    package func perform(_ known: Known = Known()) throws -> Standing {
        let journal = try self.journal()
        return try perform(known, journal: journal, after: journal.recorded)
    }

    /// How the run stands, without a word to its journal.
    package func look(_ known: Known = Known()) throws -> Standing {
        let plan = try folder.readPlan()
        var look = try take(known, plan, Journal.read(folder.run.journal))
        return Standing(
            run: folder.about.run, metro: plan.metro, stations: look.graph.allSteps(), end: nil, events: [])
    }

    /// What is recorded, and what an engine knows besides.
    private func take(_ known: Known, _ plan: Plan, _ events: [RunEvent]) throws -> Look {
        if known.goesOn { try goOn() }
        if known.cancels { try File.write(known.cancelReason ?? Scheduler.cancelled, to: folder.cancelled) }
        var look = Look(try TaskGraph(plan), records, events)
        try look.takeRecords()
        for step in look.lost(known) {
            var event = RunEvent(sequence: 0, time: Clock.wall, kind: .taskFailed)
            (event.task, event.station) = (step.task, step.step.station)
            event.text = known.goneReason ?? Self.lost
            try records.writeFailed([event], of: step.step)
            look.forgetNames(of: step.step.station)
        }
        try look.takeRecords()
        try look.takeFailures()
        return look
    }

    /// - Parameters:
    ///   - journal: held by this process.
    ///   - recorded: all that it has.
    package func perform(_ known: Known, journal: Journal, after recorded: [RunEvent]) throws -> Standing {
        let plan = try folder.readPlan()
        var look = try take(known, plan, recorded)
        let stopped = folder.stopped
        if let stopped { look.cancel(stopped) }
        let isEnded = look.graph.isFinished
        let before = recorded.last
        let hasEnded = before?.kind == .runEnded && isEnded
        let hasNews = look.hasNews
        let told = Told(journal: journal)
        // What is told of a run that has ended already is told anew when it goes on.
        if before == nil || before?.kind == .runEnded && (!isEnded || hasNews) {
            let count = before == nil ? nil : look.doneBefore
            told.append(before == nil ? .runStarted : .runResumed) {
                ($0.text, $0.engine, $0.reason) = (plan.metro, engine, reason)
                $0.count = count
            }
            if before == nil {
                for note in plan.notes { told.append(.note) { $0.text = note } }
            } else {
                look.tellFailuresAgain()
            }
        }
        for event in look.news {
            told.append(event.kind) { new in
                let sequence = new.sequence
                new = event
                new.sequence = sequence
            }
        }
        if isEnded, !hasEnded || !told.events.isEmpty {
            let succeeded = look.hasSucceeded && stopped == nil
            let results = try gather(look)
            told.append(.runEnded) {
                $0.succeeded = succeeded
                $0.exitCode = Int((succeeded ? ExitCode.done : .stationsFailed).rawValue)
                $0.files = results
                $0.text = stopped
            }
        }
        if !told.events.isEmpty { try journal.commit() }
        if isEnded { try? Folder.remove(folder.run.tasks) }
        return Standing(
            run: folder.about.run, metro: plan.metro, stations: look.graph.allSteps(),
            end: isEnded ? told.events.last ?? before : nil, events: told.events)
    }

    private final class Told {
        let journal: Journal
        private(set) var events: [RunEvent] = []

        init(journal: Journal) { self.journal = journal }

        func append(_ kind: RunEvent.Kind, _ fill: (inout RunEvent) -> Void) {
            events.append(journal.append(kind, fill))
        }
    }

    private static let lost = "its job ended without a word: it was killed, or its machine was lost"

    private func journal() throws -> Journal {
        for _ in 0..<150 {
            if !Journal.isHeld(folder.run.journal) { break }
            usleep(200_000)
        }
        return try Journal(folder.run.journal)
    }

    private func goOn() throws {
        File.remove(folder.cancelled)
        try Folder.make(folder.run.tasks)
        let plan = try folder.readPlan()
        var stations = plan.stations.map(\.id)
        stations += plan.inputs.map { StationID("inputs/\($0.name)") }
        for station in stations {
            for name in records.names(station) where name.ends(with: ".failed") {
                File.remove("\(folder.steps)/\(station)/\(name)")
            }
        }
    }

    private func gather(_ look: Look) throws -> [RunEvent.File] {
        try Folder.remove(folder.run.results)
        try Folder.make(folder.run.results)
        return try RunResults(folder.run).gather(look.graph.results, leftOut: look.graph.leftOut) {
            look.made[ExactText($0)]
        }
    }
}

/// The graph, as far as records have it, and what the journal does not tell yet.
private struct Look {
    var graph: TaskGraph
    private let records: StepRecords
    private(set) var news: [RunEvent] = []
    private(set) var made: [ExactText: RunEvent.File] = [:]
    /// Tasks that the journal had as done.
    private(set) var doneBefore = 0
    private(set) var hasSucceeded = true
    private var started: Set<TaskID> = []
    private var failed: [TaskID: RunEvent] = [:]
    private var skipped: Set<String> = []
    private var planned: [StationID: Int] = [:]
    private var names: [StationID: Set<String>] = [:]
    private var stations: [StationID]

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

    private mutating func keep(_ event: RunEvent, of task: TaskID) {
        for file in event.files ?? [] { made[ExactText("\(task)/\(file.path)")] = file }
    }

    mutating func forgetNames(of station: StationID) { names[station] = nil }

    private mutating func names(of station: StationID) -> Set<String> {
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

    private mutating func tell(_ event: RunEvent) {
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

    // MARK: Failures

    /// Steps that could have run, that the engine has ended with, and that nothing is recorded of.
    mutating func lost(_ known: StepAdvance.Known) -> [(step: StepID, task: TaskID)] {
        let gone = Set(known.gone)
        let all = Set(known.goneAll ? stations : known.goneStations)
        var lost: [(step: StepID, task: TaskID)] = []
        for station in stations where all.contains(station) || gone.contains(where: { $0.station == station }) {
            let names = names(of: station)
            for (number, task) in graph.open(of: station) {
                let step = StepID(station, number)
                if all.contains(station) || gone.contains(step), !names.contains("\(number).failed") {
                    lost.append((step, task))
                }
            }
        }
        return lost
    }

    mutating func takeFailures() throws {
        for station in stations {
            let names = names(of: station)
            for (number, _) in graph.open(of: station) where names.contains("\(number).failed") {
                guard let record = records.failed(StepID(station, number)) else { continue }
                takeFailure(record)
            }
        }
    }

    /// Turns before the one that failed are done, by the same record.
    private mutating func takeFailure(_ record: StepRecord) {
        let ends = Dictionary(record.ends.map { ($0.task, $0) }, uniquingKeysWith: { $1 })
        for event in record.events {
            guard let task = event.task else { continue }
            switch event.kind {
            case .taskDone:
                guard graph.isOpen(task), let end = ends[task] else { continue }
                do { try graph.take(end) } catch { continue }
                graph.handOut()
                tell(event)
                keep(event, of: task)
            case .taskFailed: fail(event)
            default: if failed[task] == nil, event.kind != .taskStarted || !started.contains(task) { tell(event) }
            }
        }
    }

    private mutating func fail(_ event: RunEvent, because text: String? = nil) {
        guard let task = event.task else { return }
        hasSucceeded = false
        let isTold = failed[task] != nil
        if !isTold {
            failed[task] = event
            news.append(event)
        }
        for found in graph.failed(task) {
            var event = RunEvent(sequence: 0, time: event.time, kind: .taskSkipped)
            (event.station, event.task) = (found.station, found.task)
            event.text = text ?? "\(found.because) failed"
            allSkipped.append(event)
            if skipped.insert(found.task?.name ?? "\(found.station.name) ").inserted { news.append(event) }
        }
        allFailed.append(event)
    }

    private var allFailed: [RunEvent] = []
    private var allSkipped: [RunEvent] = []

    mutating func tellFailuresAgain() {
        let fresh = news.filter { $0.kind != .taskFailed && $0.kind != .taskSkipped }
        news = fresh + allFailed + allSkipped
    }

    /// What has not ended ends now.
    mutating func cancel(_ reason: String) {
        for station in stations {
            for (_, task) in graph.open(of: station) where graph.isOpen(task) {
                var event = RunEvent(sequence: 0, time: Clock.wall, kind: .taskFailed)
                (event.task, event.station, event.text) = (task, station, reason)
                fail(event, because: reason)
            }
        }
    }
}
