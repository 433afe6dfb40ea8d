internal import CLinux
internal import Glibc
internal import Threads

/// Waits for many descriptors at once (epoll), without ever looking at the clock but for deadlines.
final class Poller {
    struct Ready {
        let token: UInt64
        let hasEnded: Bool
    }

    private let descriptor: Int32

    init() throws(ExecutionFailure) {
        descriptor = las_poller_new()
        if descriptor < 0 { throw .system("can't wait for events") }
    }

    deinit { close(descriptor) }

    func add(_ descriptor: Int32, token: UInt64) throws(ExecutionFailure) {
        if las_poller_add(self.descriptor, descriptor, token) != 0 { throw .system("can't wait for events") }
    }

    func remove(_ descriptor: Int32) { _ = las_poller_remove(self.descriptor, descriptor) }

    /// - Parameter until: a time of `Clock.monotonic`, nil to wait for ever.
    func wait(until deadline: Double?) throws(ExecutionFailure) -> [Ready] {
        var milliseconds: Int32 = -1
        if let deadline {
            milliseconds = Int32(min(max(0, (deadline - Clock.monotonic) * 1000).rounded(.up), 86_400_000))
        }
        var ready = [las_ready](repeating: las_ready(), count: 64)
        let count = las_poller_wait(descriptor, &ready, Int32(ready.count), milliseconds)
        if count < 0 { throw .system("can't wait for events") }
        return ready.prefix(Int(count)).map { Ready(token: $0.token, hasEnded: $0.ended != 0) }
    }
}
