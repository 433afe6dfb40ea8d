package import Digests
package import Files
internal import Metro
package import Plan

/// What a run of a metro would run, and why, and what it would take from earlier runs; found without running anything.
package struct Forecast: Sendable {
    package struct Station: Sendable {
        package let id: StationID
        /// How many of its tasks are done already.
        package var done = 0
        /// Tasks that would run, and why.
        package var runs: [(task: TaskID, reason: String)] = []
        /// How many more there are is known when this one has run.
        package var waitsFor: TaskID?
    }

    /// In the order of the plan.
    package private(set) var stations: [Station] = []
    private var numbers: [StationID: Int] = [:]
    private var told: Set<TaskID> = []

    /// Whether a metro of this name has run in this LASH.
    package static func knows(_ metro: String, in lash: LASH) -> Bool { TaskHistory.exists(metro, in: lash) }

    /// - Parameters:
    ///   - plan: with all its inputs known.
    ///   - environments: the images that they were made into.
    ///   - needs: what is told of two images, when more than that they differ is known.
    package init(
        _ plan: Plan, _ files: MetroFiles, environments: [EnvironmentID: Digest], in lash: LASH,
        needs: (_ then: Digest, _ now: Digest) -> String?
    ) throws {
        let (store, history) = (TaskStore(lash: lash), TaskHistory.read(plan.metro, in: lash))
        let planned = Dictionary(plan.stations.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var graph = try TaskGraph(plan)
        var made = MadeDigests(plan)
        for id in graph.stationIDs {
            numbers[id] = stations.count
            stations.append(Station(id: id))
        }
        /// Why they run is told when all files are read.
        var changed: [(task: PlannedTask, number: Int, now: KeyParts)] = []
        while !graph.isFinished {
            for task in graph.takeReady() {
                guard let question = made.question(task, planned[task.station], environments) else {
                    let why =
                        task.usesNetwork
                        ? "it uses the network"
                        : task.workspaces.isEmpty ? "its needs were never packed here" : "it uses a workspace"
                    runs(task, why, &graph)
                    continue
                }
                let key = try files.key(
                    of: task, question.station, reads: question.reads, before: question.before,
                    environment: question.environment)
                guard let key else {
                    runs(task, "it reads more of the metro's own files than can be told", &graph)
                    continue
                }
                if let record = store.look(key.digest), Self.take(record, of: task, &graph) {
                    made.add(task, MadeEntry.digest(of: record.entries.map(\.entry)))
                    change(task.station) { $0.done += 1 }
                } else {
                    let number = numbers[task.station].map { stations[$0].runs.count } ?? 0
                    changed.append((task, number, KeyParts(key)))
                    runs(task, "", &graph)
                }
            }
        }
        let (digests, known) = (files.inputDigests, history.stations)
        for (task, number, now) in changed {
            let why = Self.reason(
                task, now, history, isKnown: known.contains(task.station.name), files: digests, needs: needs)
            change(task.station) { $0.runs[number].reason = why }
        }
    }

    /// Counts a task that would run, and all that depends on it.
    private mutating func runs(_ task: PlannedTask, _ why: String, _ graph: inout TaskGraph) {
        change(task.station) { $0.runs.append((task.id, why)) }
        told.insert(task.id)
        for skipped in graph.failed(task.id) {
            let why = "since \(skipped.because) runs"
            let tasks = skipped.task.map { [$0] } ?? graph.unfinished(of: skipped.station)
            for task in tasks where told.insert(task).inserted {
                change(skipped.station) { $0.runs.append((task, why)) }
            }
            if tasks.isEmpty { change(skipped.station) { $0.waitsFor = skipped.because } }
        }
    }

    private mutating func change(_ station: StationID, _ body: (inout Station) -> Void) {
        if let number = numbers[station] { body(&stations[number]) }
    }

    private static func take(_ record: TaskStore.Record, of task: PlannedTask, _ graph: inout TaskGraph) -> Bool {
        do {
            if task.checks != nil {
                _ = try graph.checked(task.id, objection: record.objection)
            } else {
                let turn = task.until.isEmpty ? nil : TaskGraph.TurnEnd(unmet: record.unmet)
                try graph.finished(task.id, made: record.entries.map(\.entry.made), turn: turn)
            }
            return true
        } catch {
            return false
        }
    }

    /// - Parameter isKnown: whether other tasks of its station have run.
    private static func reason(
        _ task: PlannedTask, _ now: KeyParts, _ history: TaskHistory, isKnown: Bool, files: [String: String],
        needs: (Digest, Digest) -> String?
    ) -> String {
        guard let past = history[task.id.name] else { return isKnown ? "it is new" : "it has not run yet" }
        let changes = RunReason.changes(from: past.parts, to: now, files: (files, history.files), needs: needs)
        if !changes.isEmpty { return RunReason.text(of: changes) }
        switch past.outcome {
        case .failed: return "it failed the last time"
        case nil: return "it was cut off the last time"
        case .done: return "what it made is no longer kept"
        }
    }
}

extension TaskHistory {
    /// The names of those whose tasks have run.
    fileprivate var stations: Set<String> {
        var names: Set<String> = []
        for task in tasks.keys {
            var name = task
            while names.insert(name).inserted, name.utf8.contains(UInt8(ascii: "/")) { name = File.parent(of: name) }
        }
        return names
    }
}
