internal import Digests
internal import Files
internal import HostProtocol
internal import Plan

/// What the tasks of a metro were known by when they ran for the last time, so that it can be said what changed since.
///
/// In `tasks/metros`, a file for each metro's name. Nothing depends on it but words.
struct TaskHistory: Sendable, Codable {
    enum Outcome: String, Sendable, Codable { case done, failed }

    struct Past: Sendable, Codable {
        let parts: KeyParts
        /// nil for a task that was cut off.
        var outcome: Outcome?
    }

    /// By their names.
    private(set) var tasks: [String: Past] = [:]
    /// Digests in short of the inputs' files, by their paths.
    private(set) var files: [String: String] = [:]

    /// More are not remembered: such a file would take longer to read than it is worth.
    static let mostTasks = 20_000

    subscript(task: String) -> Past? { tasks[task] }

    mutating func add(_ more: [TaskID: Past], files: [String: String]) {
        if tasks.count + more.count > Self.mostTasks { tasks = [:] }
        if more.count <= Self.mostTasks { for (task, past) in more { tasks[task.name] = past } }
        if files.count <= Self.mostTasks { self.files = files }
    }

    /// - Parameter own: a run whose journal is left out: what its tasks were known by is at hand.
    static func read(_ metro: String, in lash: LASH, besides own: RunID? = nil) -> TaskHistory {
        var history = SealedFile.read(TaskHistory.self, place(metro, lash)) ?? TaskHistory()
        for journal in unfinished(metro, in: lash, besides: own) { history.add(Journal.read(journal)) }
        return history
    }

    static func exists(_ metro: String, in lash: LASH) -> Bool {
        File.exists(place(metro, lash)) || !unfinished(metro, in: lash).isEmpty
    }

    /// The journals of runs that go on, or were killed: what they did is remembered by nothing else.
    private static func unfinished(_ metro: String, in lash: LASH, besides own: RunID? = nil) -> [String] {
        let runs = ((try? Folder.names(in: lash.runs)) ?? []).compactMap { RunID($0) }.filter { $0 != own }
        // Of one that ended well, and whose results were taken, only a record is left.
        return runs.map { RunFolder($0, in: lash) }.filter { File.exists($0.results) }.map(\.journal)
            .filter { Journal.first($0)?.text == metro && !Journal.hasEnded($0) }
    }

    private mutating func add(_ events: [RunEvent]) {
        for event in events {
            guard let task = event.task?.name else { continue }
            switch event.kind {
            case .taskStarted: event.key.map { tasks[task] = Past(parts: $0) }
            case .taskDone: tasks[task]?.outcome = .done
            case .taskFailed: tasks[task]?.outcome = .failed
            default: break
            }
        }
    }

    func write(_ metro: String, in lash: LASH) {
        try? SealedFile.write(self, to: Self.place(metro, lash), beside: lash.temporary)
    }

    private static func place(_ metro: String, _ lash: LASH) -> String {
        "\(lash.tasks)/metros/\(Digest(of: metro).hex)"
    }
}
