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
    private let tell: Int32
    private let number: UInt64
    private var thread: OwnThread?
    // Written by the thread before it tells, read after it was joined.
    private var result: Result<(Outputs, TaskGraph.TurnEnd?), any Error>?

    /// - Parameter tell: a pipe that gets the task's number, eight bytes, when all is done.
    init(_ running: RunningTask, made: String, tell: Int32) throws(ExecutionFailure) {
        (task, folder, unmet, self.made) = (running.task, running.folder, running.unmet, made)
        (self.tell, number) = (tell, running.number)
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
            return (try Outputs.settle(task, from: folder + "/task", staging: folder + "/outputs", to: target), end)
        }
        var number = number
        _ = write(tell, &number, 8)
    }

    /// After it told.
    func outcome() -> Result<(Outputs, TaskGraph.TurnEnd?), any Error> {
        thread?.join()
        guard let result else { preconditionFailure("it tells when there is a result") }
        return result
    }
}
