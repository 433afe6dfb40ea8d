import Files
import Glibc
import Threads

/// A port of 127.0.0.1 where stations of a test wait until it lets them on, so that nothing hangs on how long anything takes.
/// Such a station has `network: yes`.
final class Gate: Sendable {
    let port: UInt16
    private let state: Monitor<State>

    private struct State {
        var count = 0
        var waiting: [Int32] = []
        var isOpen = false
        var hasEnded = false
    }

    /// - Parameters:
    ///   - first: so many of those that come are let on at once.
    ///   - arrived: called for each that comes.
    init(letting first: Int = 0, _ arrived: @escaping @Sendable () -> Void = {}) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw FileFailure("listen on", "127.0.0.1") }
        port = UInt16(bigEndian: address.sin_port)
        let state = Monitor(State())
        self.state = state
        try OwnThread {
            while !state.change({ $0.hasEnded }) {
                var comes = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                guard poll(&comes, 1, 500) > 0 else { continue }
                let client = accept(listener, nil, nil)
                if client < 0 { continue }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                let goesOn = state.change { state in
                    state.count += 1
                    let goesOn = state.isOpen || state.count <= first
                    if !goesOn { state.waiting.append(client) }
                    return goesOn
                }
                if goesOn { Gate.letOn(client) }
                arrived()
            }
            close(listener)
        }.detach()
    }

    deinit {
        open()
        state.change { $0.hasEnded = true }
    }

    /// What a station does that waits here.
    var command: String { "exec 3<>/dev/tcp/127.0.0.1/\(port); read go <&3" }

    /// Waits until so many have come, those that were let on as well.
    func waits(for count: Int) -> Bool {
        for _ in 0..<3000 {
            if state.change({ $0.count >= count }) { return true }
            usleep(100_000)
        }
        return false
    }

    /// Lets on all that wait, and all that come.
    func open() {
        let waiting = state.change { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for client in waiting { Gate.letOn(client) }
    }

    private static func letOn(_ client: Int32) {
        let text = Array("go\n".utf8)
        _ = send(client, text, text.count, Int32(MSG_NOSIGNAL))
        // A child that another test starts may have it open for a moment, too.
        shutdown(client, Int32(SHUT_RDWR))
        close(client)
    }
}
