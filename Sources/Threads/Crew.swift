internal import Glibc

/// Threads that do jobs, one after another. A thread is started when a job comes and none is free, up to a number of them,
/// and stays until the crew ends: what a job starts may depend on its thread.
package final class Crew: @unchecked Sendable {
    private let most: Int
    // All of it is guarded by the mutex, which is at a stable address, as the system demands.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [@Sendable () -> Void] = []
    private var next = 0
    private var idle = 0
    private var isEnding = false
    private var threads: [OwnThread] = []

    package init(atMost most: Int) {
        self.most = max(1, most)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Has a thread do it, as soon as one is free.
    /// - Throws: when there is no thread at all, and the system gives none.
    package func perform(_ job: @escaping @Sendable () -> Void) throws(OwnThread.Refused) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        jobs.append(job)
        if idle >= jobs.count - next {
            pthread_cond_signal(condition)
        } else if threads.count < most {
            do throws(OwnThread.Refused) { threads.append(try OwnThread { [self] in work() }) } catch {
                // Fewer do the work.
                if threads.isEmpty {
                    jobs.removeLast()
                    throw error
                }
            }
        }
    }

    /// Waits until all jobs are done and all threads have ended. Nothing is given to it afterwards.
    package func end() {
        pthread_mutex_lock(mutex)
        isEnding = true
        pthread_cond_broadcast(condition)
        let threads = threads
        self.threads = []
        pthread_mutex_unlock(mutex)
        for thread in threads { thread.join() }
    }

    private func work() {
        pthread_mutex_lock(mutex)
        while true {
            if next < jobs.count {
                let job = jobs[next]
                next += 1
                if next == jobs.count { (jobs, next) = ([], 0) }
                pthread_mutex_unlock(mutex)
                job()
                pthread_mutex_lock(mutex)
            } else if isEnding {
                break
            } else {
                idle += 1
                pthread_cond_wait(condition, mutex)
                idle -= 1
            }
        }
        pthread_mutex_unlock(mutex)
    }
}
