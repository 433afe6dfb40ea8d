internal import Glibc
internal import Synchronization

/// How many bytes a second may be sent, to all hosts together. From any thread.
package final class RateLimit: Sendable {
    package let rate: Int64
    /// When what was let through until now will have gone.
    private let free = Mutex(ContinuousClock.Instant.now)

    /// - Parameter rate: bytes a second, 1 or more.
    package init(_ rate: Int64) { self.rate = max(1, rate) }

    /// How much is sent at once, so that it is sent steadily.
    var piece: Int { Int(min(256 << 10, max(4 << 10, rate / 8))) }

    /// - Returns: when so many bytes may be sent.
    func take(_ count: Int) -> ContinuousClock.Instant {
        let time = Duration.seconds(Double(count) / Double(rate))
        return free.withLock { free in
            // What was not used is not saved up.
            let begin = max(free, .now)
            free = begin + time
            return begin
        }
    }
}

extension Waiter {
    /// Waits until so many bytes may be sent.
    func wait(for limit: RateLimit?, _ count: Int) throws(HostFailure) {
        guard let limit else { return }
        let moment = limit.take(count)
        while true {
            let left = ContinuousClock.Instant.now.duration(to: moment).components
            let seconds = Double(left.seconds) + Double(left.attoseconds) / 1e18
            if seconds <= 0 { return }
            var none: [pollfd] = []
            _ = try wait(&none, atMost: seconds)
        }
    }
}
