internal import Digests
internal import Glibc
internal import Plan
internal import Threads

/// Checks, hashes, syncs and moves a task's outputs in a thread of its own, so that other tasks start meanwhile.
final class Settling: @unchecked Sendable {
    private let task: PlannedTask
    private let folder: String
    private let made: String
    /// What of `until` a command has found not to hold.
    private let unmet: String?
    private let keeping: Keeping?
    private let begun: Double
    private let tell: Int32
    private let number: UInt64
    private var thread: OwnThread?
    // Written by the thread before it tells, read after it was joined.
    private var result: Result<(Outputs, TaskGraph.TurnEnd?), any Error>?

    /// What it is known by in other runs.
    struct Keeping: Sendable {
        let store: TaskStore
        let key: Digest
        /// What is kept of it already, if anything, is not used any more.
        let replaces: Bool
    }

    /// - Parameters:
    ///   - keeping: nil for a task that is not known by anything.
    ///   - tell: a pipe that gets the task's number, eight bytes, when all is done.
    init(_ running: RunningTask, made: String, keeping: Keeping?, tell: Int32) throws(ExecutionFailure) {
        (task, folder, unmet, self.made) = (running.task, running.folder, running.unmet, made)
        (self.keeping, begun, self.tell, number) = (keeping, running.begun, tell, running.number)
        do throws(OwnThread.Refused) {
            thread = try OwnThread { [self] in settle() }
        } catch { throw ExecutionFailure(error) }
    }

    private func settle() {
        result = Result {
            var end: TaskGraph.TurnEnd?
            if !task.until.isEmpty {
                let unmet =
                    try TurnLook(task: task, work: folder + "/task", made: made).unmet()
                    + [self.unmet].compactMap(\.self)
                end = .init(unmet: unmet.isEmpty ? nil : unmet.joined(separator: ", and "))
            }
            let target = made + "/" + task.made
            let outputs = try Outputs.settle(task, from: folder + "/task", staging: folder + "/outputs", to: target)
            keep(outputs, from: target, end)
            return (outputs, end)
        }
        var number = number
        _ = write(tell, &number, 8)
    }

    /// Where that can't be done the task runs again in the next run, and no more.
    private func keep(_ outputs: Outputs, from target: String, _ end: TaskGraph.TurnEnd?) {
        guard let keeping else { return }
        var record = TaskStore.Record(key: keeping.key)
        record.entries = outputs.entries.map { TaskStore.Kept(entry: $0) }
        record.seconds = Clock.monotonic - begun
        record.unmet = end?.unmet
        try? keeping.store.keep(record, from: target, replaces: keeping.replaces)
    }

    /// After it told.
    func outcome() -> Result<(Outputs, TaskGraph.TurnEnd?), any Error> {
        thread?.join()
        guard let result else { preconditionFailure("it tells when there is a result") }
        return result
    }
}
