internal import Files
internal import HostProtocol
internal import Plan

/// What is told of the run: first to its journal, then to who follows it.
extension Scheduler {
    func tell(_ kind: RunEvent.Kind, _ task: PlannedTask? = nil, _ fill: (inout RunEvent) -> Void = { _ in }) {
        untold.append(
            journal.append(kind) {
                $0.task = task?.id
                $0.station = task?.station
                fill(&$0)
            })
    }

    func tellStations() throws(ExecutionFailure) {
        let known = graph.knownTasks
        for station in graph.stationIDs {
            guard let count = known[station], toldStations[station] != count else { continue }
            toldStations[station] = count
            tell(.stationPlanned) {
                $0.station = station
                $0.count = count
            }
        }
    }

    /// - Returns: the folders in `made` that nothing needs any more.
    func tellUnneeded() -> [String] {
        if keepsMade {
            _ = graph.takeUnneeded()
            return []
        }
        return graph.takeUnneeded().compactMap { unneeded in
            guard let made = RelativePath(unneeded.task.name) else { return nil }
            // It may have been told before the run was cut off, and not done any more.
            if resuming.recorded.freed.contains(unneeded.task) { return made.string }
            tell(.taskFreed) {
                $0.task = unneeded.task
                $0.station = unneeded.station
            }
            return made.string
        }
    }

    /// What is written is there whatever becomes of this process; for the case that the machine goes down it is synced soon.
    func record() throws(ExecutionFailure) {
        try journal.commit(syncing: false)
        for event in untold { follow(event) }
        untold.removeAll(keepingCapacity: true)
    }
}

extension PlannedTask.Command {
    /// For the journal and its readers: a command of thousands of files is told by its beginning.
    var shown: String {
        let text =
            switch self {
            case .shell(let text): text
            case .direct(let words): words.joined(separator: " ")
            }
        return text.utf8.count <= 2000 ? text : String(decoding: text.utf8.prefix(2000), as: UTF8.self) + "…"
    }
}
