internal import Files
internal import Glibc

/// A program of this machine as a channel: the runtime of `local`, or the user's own `ssh`.
final class ProcessChannel: Channel {
    private let process: ChildProcess
    private let waiter: Waiter
    private(set) var errors = Tail()
    private var hasErrors = true
    /// What is read comes through this.
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private(set) var takesFiles = true

    init(_ program: String, _ arguments: [String], environment: [String: String], waiter: Waiter) throws(HostFailure) {
        process = try ChildProcess(program, arguments, environment: environment)
        self.waiter = waiter
    }

    deinit { _ = close() }

    func read(waiting: Bool) throws(HostFailure) -> [UInt8]? {
        while true {
            drainErrors()
            let count = recv(process.stream, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 { return Array(buffer[..<count]) }
            // Reset is how a socket says that the program ended without having read all.
            if count == 0 || errno == ECONNRESET { return [] }
            if errno == EINTR { continue }
            guard errno == EAGAIN else { throw .system("can't read from \(process.name)") }
            if !waiting { return nil }
            if try wait(for: POLLIN) == .woken { return nil }
        }
    }

    func write(_ bytes: [UInt8]) throws(HostFailure) {
        var done = 0
        while done < bytes.count {
            done += try sent {
                bytes.withUnsafeBytes {
                    send(
                        process.stream, $0.baseAddress! + done, bytes.count - done,
                        Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
            }
        }
    }

    func write(_ count: Int, of file: Int32, at offset: Int64) throws(HostFailure) -> Int {
        var done = 0
        while takesFiles, done < count {
            var isRefused = false
            let taken = try sent {
                let taken = File.hand(count - done, of: file, at: offset + Int64(done), to: process.stream)
                isRefused = taken < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)
                return isRefused ? 0 : taken
            }
            if isRefused { takesFiles = false }
            if taken == 0 { break }
            done += taken
        }
        return done
    }

    /// - Parameter body: sends something without waiting, and says how much of it; -1 with `errno`.
    private func sent(_ body: () -> Int) throws(HostFailure) -> Int {
        while true {
            let count = body()
            if count >= 0 { return count }
            if errno == EAGAIN {
                drainErrors()
                _ = try wait(for: POLLOUT)
            } else if errno != EINTR {
                let code = errno
                drainErrors()
                throw HostFailure(.cut, "\(process.name) takes no more", cause: String(cString: strerror(code)))
            }
        }
    }

    func finishWriting() throws(HostFailure) { shutdown(process.stream, Int32(SHUT_WR)) }

    func leave() {
        shutdown(process.stream, Int32(SHUT_RDWR))
        _ = process.end(patience: 0.1)
    }

    func close() -> Int32? {
        shutdown(process.stream, Int32(SHUT_RDWR))
        let status = process.end(patience: 5)
        drainErrors()
        return status
    }

    private func wait(for event: Int32) throws(HostFailure) -> Waiter.Ready {
        var descriptors = [pollfd(fd: process.stream, events: Int16(event), revents: 0)]
        if hasErrors { descriptors.append(pollfd(fd: process.errors, events: Int16(POLLIN), revents: 0)) }
        return try waiter.wait(&descriptors)
    }

    private func drainErrors() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while hasErrors {
            let count = Glibc.read(process.errors, &buffer, buffer.count)
            if count > 0 {
                errors.append(buffer[..<count])
            } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
                hasErrors = false
            } else if errno == EAGAIN {
                return
            }
        }
    }
}
