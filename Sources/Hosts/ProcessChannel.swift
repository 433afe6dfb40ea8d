internal import Glibc

/// A program of this machine as a channel: the runtime of `local`, or the user's own `ssh`.
final class ProcessChannel: Channel {
    private let process: ChildProcess
    private let waiter: Waiter
    private(set) var errors = Tail()
    private var hasErrors = true
    private static let chunk = 256 << 10

    init(_ program: String, _ arguments: [String], environment: [String: String], waiter: Waiter) throws(HostFailure) {
        process = try ChildProcess(program, arguments, environment: environment)
        self.waiter = waiter
    }

    deinit { _ = close() }

    func read(waiting: Bool) throws(HostFailure) -> [UInt8]? {
        while true {
            drainErrors()
            var buffer = [UInt8](repeating: 0, count: Self.chunk)
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
            let count = bytes.withUnsafeBytes {
                send(
                    process.stream, $0.baseAddress! + done, bytes.count - done,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                drainErrors()
                _ = try wait(for: POLLOUT)
            } else if errno != EINTR {
                drainErrors()
                throw HostFailure(.cut, "\(process.name) takes no more", cause: String(cString: strerror(errno)))
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
