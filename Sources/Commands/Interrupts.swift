internal import Glibc
internal import Synchronization
internal import Threads

/// Ctrl-C, SIGTERM and a terminal that is closed, while something runs that must be told: the first asks kindly, the second ends las at once.
enum Interrupts {
    private static let action = Mutex<(@Sendable () -> Void)?>(nil)
    /// Where the signal's handler writes; a handler may do little else.
    nonisolated(unsafe) private static var wake: Int32 = -1

    /// Calls `onInterrupt`, from a thread of its own, at the first interrupt during `body`.
    static func during<Value: Sendable>(
        _ body: () async throws -> Value, onInterrupt: @escaping @Sendable () -> Void
    ) async rethrows -> Value {
        action.withLock { $0 = onInterrupt }
        listen()
        defer {
            action.withLock { $0 = nil }
            signal(SIGINT, SIG_DFL)
            signal(SIGTERM, SIG_DFL)
            signal(SIGHUP, SIG_DFL)
        }
        return try await body()
    }

    private static func listen() {
        if wake < 0 {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { return }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            wake = ends[1]
            let listening = ends[0]
            // Without a thread that listens, an interrupt ends las at once, as it did before.
            guard let thread = try? OwnThread({ Interrupts.wait(on: listening) }) else { return }
            thread.detach()
        }
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                // The next one ends las.
                signal(number, SIG_DFL)
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(Interrupts.wake, &byte, 1)
            }
        }
    }

    private static func wait(on descriptor: Int32) {
        var byte: UInt8 = 0
        while true {
            let count = read(descriptor, &byte, 1)
            if count == 1 { action.withLock { $0 }?() }
            if count == 0 || (count < 0 && errno != EINTR) { return }
        }
    }
}
