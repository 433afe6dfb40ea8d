internal import Digests
internal import Failures
internal import Files
internal import Glibc
package import HostProtocol
package import Plan
internal import Threads

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
    private func take(_ known: Known, _ plan: Plan, _ events: [RunEvent]) throws -> StepLook {
        if known.goesOn { try goOn() }
        if known.cancels { try File.write(known.cancelReason ?? Scheduler.cancelled, to: folder.cancelled) }
        var look = StepLook(try TaskGraph(plan), records, events)
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

    private func gather(_ look: StepLook) throws -> [RunEvent.File] {
        try Folder.remove(folder.run.results)
        try Folder.make(folder.run.results)
        return try RunResults(folder.run).gather(look.graph.results, leftOut: look.graph.leftOut) {
            look.made[ExactText($0)]?.digest
        }
    }
}
