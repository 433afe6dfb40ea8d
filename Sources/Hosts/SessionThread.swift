internal import Threads

/// The thread that a session's blocking calls run on, as the executor of the session's actor.
///
/// libssh2 wants one thread a session, and a thread that waits for a host must not be one of Swift's own few.
final class SessionThread: SerialExecutor {
    private struct State: Sendable {
        var jobs: [UnownedJob] = []
        var isRunning = false
        var isStopped = false
    }

    private enum Turn { case job(UnownedJob), end }

    private let state = Monitor(State())

    /// Lets the thread end when nothing is left to do. What comes later still runs, on a thread of its own.
    func stop() { state.change { $0.isStopped = true } }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.change { state in
            state.jobs.append(job)
            if !state.isRunning {
                state.isRunning = true
                begin()
            }
        }
    }

    private func begin() {
        do throws(OwnThread.Refused) {
            try OwnThread { [self] in work() }.detach()
        } catch { preconditionFailure("the system has no thread left for a session") }
    }

    private func work() {
        while true {
            let turn = state.await { state -> Turn? in
                if !state.jobs.isEmpty { return .job(state.jobs.removeFirst()) }
                if !state.isStopped { return nil }
                state.isRunning = false
                return .end
            }
            guard case .job(let job) = turn else { return }
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }
}
