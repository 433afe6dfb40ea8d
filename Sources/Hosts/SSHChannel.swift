internal import CSsh2

/// A program on the host, started through libssh2.
final class SSHChannel: Channel {
    private let session: SSHSession
    private let handle: OpaquePointer
    private(set) var errors = Tail()
    private var isClosed = false
    /// What came while something was written.
    private var early: [UInt8] = []
    private static let mostEarly = 4 << 20
    private var status: Int32?
    /// What is read comes through this.
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private static let window: UInt32 = 2 << 20

    init(_ session: SSHSession, _ command: String) throws(HostFailure) {
        self.session = session
        let opened = try session.patiently {
            libssh2_channel_open_ex(
                session.handle, "session", 7, Self.window,
                32768, nil, 0)
        }
        guard let opened else {
            throw HostFailure(.cut, "the host opens no channel", cause: session.lastError)
        }
        handle = opened
        let result = try session.patiently {
            libssh2_channel_process_startup(opened, "exec", 4, command, UInt32(command.utf8.count))
        }
        guard result == 0 else {
            throw HostFailure(
                .unfitHost, "the host does not let this account start programs", cause: session.lastError,
                fix: "the account needs a login that may run commands, not only transfer files")
        }
    }

    deinit {
        _ = close()
        // Nothing is waited for any more: libssh2 lets go of what is its own in any case.
        libssh2_channel_free(handle)
    }

    func read(waiting: Bool) throws(HostFailure) -> [UInt8]? {
        if !early.isEmpty {
            defer { early = [] }
            return early
        }
        while true {
            let count = read(0, into: &buffer)
            if count > 0 { return Array(buffer[..<count]) }
            if count < 0, count != Int(LIBSSH2_ERROR_EAGAIN) {
                throw HostFailure(.cut, "the connection to the host was cut", cause: session.lastError)
            }
            if try drainErrors() || hasUnread { continue }
            if libssh2_channel_eof(handle) != 0 { return [] }
            if !waiting { return nil }
            if try session.wait() == .woken { return nil }
        }
    }

    private func read(_ stream: Int32, into buffer: inout [UInt8]) -> Int {
        buffer.withUnsafeMutableBytes {
            libssh2_channel_read_ex(handle, stream, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }

    /// Whether libssh2 holds something for us. Looking for something else, it takes in whatever the connection brings, and the
    /// connection is silent then although there is something to read.
    private var hasUnread: Bool { libssh2_poll_channel_read(handle, 0) != 0 }

    /// What is not read of standard error would fill the window and stop all.
    private func drainErrors() throws(HostFailure) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var any = false
        while true {
            let count = read(1, into: &buffer)
            guard count > 0 else { return any }
            errors.append(buffer[..<count])
            any = true
        }
    }

    func write(_ bytes: [UInt8]) throws(HostFailure) {
        var done = 0
        var hasTriedAgain = false
        while done < bytes.count {
            // After EAGAIN the same bytes must be given again, and nothing else.
            let count = bytes.withUnsafeBytes {
                libssh2_channel_write_ex(
                    handle, 0, ($0.baseAddress! + done).assumingMemoryBound(to: CChar.self), bytes.count - done)
            }
            if count >= 0 {
                done += count
                hasTriedAgain = false
                if count == 0 { try session.wait() }
            } else if count == Int(LIBSSH2_ERROR_EAGAIN) {
                if try hasEnded() { throw HostFailure(.cut, "the program on the host takes no more") }
                guard libssh2_channel_window_write_ex(handle, nil) > 0 else {
                    try session.wait()
                    continue
                }
                // The host's leave to send more may have come while its end was looked for: then it comes no second time.
                if hasTriedAgain { try session.wait(atMost: 0.02) }
                hasTriedAgain = true
            } else {
                throw HostFailure(.cut, "the connection to the host was cut", cause: session.lastError)
            }
        }
    }

    /// Whether the program takes nothing more. What it has said is taken in first: libssh2 tells of the end only when
    /// nothing lies unread before it.
    private func hasEnded() throws(HostFailure) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 32 << 10)
        while early.count < Self.mostEarly {
            let count = read(0, into: &buffer)
            if count <= 0 { break }
            early += buffer[..<count]
        }
        _ = try drainErrors()
        return libssh2_channel_eof(handle) != 0
    }

    func finishWriting() throws(HostFailure) {
        let result = try session.patiently { libssh2_channel_send_eof(handle) }
        if result != 0 { throw HostFailure(.cut, "the connection to the host was cut", cause: session.lastError) }
    }

    func leave() { isClosed = true }

    func close() -> Int32? {
        if isClosed { return status }
        isClosed = true
        // A program that says nothing more is about to end, also on a host that is slow at it: how it ended is awaited.
        let patience: Double = libssh2_channel_eof(handle) == 0 ? 5 : 60
        do throws(HostFailure) {
            try session.waiter.within(patience, "the host does not close") { () throws(HostFailure) in
                _ = try session.patiently { libssh2_channel_send_eof(handle) }
                // The program's end comes with its status; until then what it still says is thrown away.
                var buffer = [UInt8](repeating: 0, count: 4096)
                while libssh2_channel_eof(handle) == 0 {
                    let count = read(0, into: &buffer)
                    if count < 0, count != Int(LIBSSH2_ERROR_EAGAIN) { return }
                    _ = try drainErrors()
                    if count <= 0, !hasUnread, libssh2_channel_eof(handle) == 0 { try session.wait() }
                }
                _ = try session.patiently { libssh2_channel_close(handle) }
                _ = try session.patiently { libssh2_channel_wait_closed(handle) }
                status = libssh2_channel_get_exit_status(handle)
            }
        } catch {}
        return status
    }
}
