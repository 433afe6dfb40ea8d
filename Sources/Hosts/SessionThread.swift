internal import Glibc

/// The thread that a session's blocking calls run on, as the executor of the session's actor.
///
/// libssh2 wants one thread a session, and a thread that waits for a host must not be one of Swift's own few.
final class SessionThread: SerialExecutor, @unchecked Sendable {
    // Guarded by `mutex`; both live at a fixed address.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [UnownedJob] = []
    private var isRunning = false
    private var isStopped = false

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Lets the thread end when nothing is left to do. What comes later still runs, on a thread of its own.
    func stop() {
        pthread_mutex_lock(mutex)
        isStopped = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        pthread_mutex_lock(mutex)
        jobs.append(UnownedJob(job))
        if isRunning {
            pthread_cond_signal(condition)
        } else {
            isRunning = true
            begin()
        }
        pthread_mutex_unlock(mutex)
    }

    private func begin() {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<SessionThread>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(result == 0, "the system has no thread left for a session")
    }

    private func work() {
        pthread_mutex_lock(mutex)
        while true {
            if jobs.isEmpty {
                if isStopped { break }
                pthread_cond_wait(condition, mutex)
                continue
            }
            let job = jobs.removeFirst()
            pthread_mutex_unlock(mutex)
            job.runSynchronously(on: asUnownedSerialExecutor())
            pthread_mutex_lock(mutex)
        }
        isRunning = false
        pthread_mutex_unlock(mutex)
    }
}
