internal import Glibc
internal import Synchronization

/// The one place where a session's thread waits for descriptors: until they are ready, a deadline passes, or someone
/// else wakes it.
final class Waiter: Sendable {
    enum Ready { case descriptors, woken }

    private struct State {
        var isAbandoned = false
        var deadline: (time: ContinuousClock.Instant, waitingFor: String)?
    }

    private let state = Mutex(State())
    /// What `wake` writes into, and what the thread looks at while it waits.
    private let wakeEnd: Int32
    private let waitEnd: Int32

    init() throws(HostFailure) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .system("can't make a socket") }
        (wakeEnd, waitEnd) = (ends[0], ends[1])
    }

    deinit {
        close(wakeEnd)
        close(waitEnd)
    }

    /// Ends the thread's waiting once. From any thread.
    func wake() {
        var byte: UInt8 = 1
        _ = send(wakeEnd, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    /// Makes this and every later waiting fail: the person, or a task that was cancelled, gave up. From any thread.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        wake()
    }

    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Lets what `body` does take so long at most.
    /// - Parameter what: what fails then: "the host does not answer".
    func within<Result, Problem: Error>(
        _ seconds: Double, _ what: String, _ body: () throws(Problem) -> Result
    ) throws(Problem) -> Result {
        let before = state.withLock { state in
            let before = state.deadline
            state.deadline = (.now + .seconds(seconds), what)
            return before
        }
        defer { state.withLock { $0.deadline = before } }
        return try body()
    }

    /// - Parameter descriptors: with the events of poll(2); what happened is put back into them.
    func wait(_ descriptors: inout [pollfd], atMost seconds: Double? = nil) throws(HostFailure) -> Ready {
        let limit = seconds.map { ContinuousClock.Instant.now + .seconds($0) }
        while true {
            let (isAbandoned, deadline) = state.withLock { ($0.isAbandoned, $0.deadline) }
            if isAbandoned { throw HostFailure(.abandoned, "given up") }
            let now = ContinuousClock.Instant.now
            if let deadline, deadline.time <= now { throw HostFailure(.unreachable, deadline.waitingFor) }
            if let limit, limit <= now { return .woken }
            let until = [deadline?.time, limit].compactMap { $0 }.min()
            var all = descriptors + [pollfd(fd: waitEnd, events: Int16(POLLIN), revents: 0)]
            let count = poll(&all, nfds_t(all.count), until.map { Self.milliseconds(from: now, to: $0) } ?? -1)
            if count < 0, errno != EINTR { throw .system("can't wait for a connection") }
            if count <= 0 { continue }
            descriptors = Array(all.dropLast())
            if all[all.count - 1].revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 64)
                while recv(waitEnd, &bytes, bytes.count, 0) > 0 {}
                if !self.isAbandoned { return .woken }
                continue
            }
            return .descriptors
        }
    }

    private static func milliseconds(from now: ContinuousClock.Instant, to then: ContinuousClock.Instant) -> Int32 {
        let left = now.duration(to: then).components
        let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(clamping: max(0, milliseconds))
    }
}

extension HostFailure {
    /// With the system's last error.
    static func system(_ summary: String) -> HostFailure {
        HostFailure(.system, summary, cause: String(cString: strerror(errno)))
    }
}
