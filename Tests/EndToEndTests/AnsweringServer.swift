import Files
import Glibc

/// A server on a free port of 127.0.0.1 that greets each connection with the next of its lines, and ends after the last.
final class AnsweringServer: Sendable {
    let port: UInt16

    init(_ lines: [String]) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard listening else { throw FileFailure("listen on", "127.0.0.1") }
        port = UInt16(bigEndian: address.sin_port)
        let work = Unmanaged.passRetained(Work(descriptor: descriptor, lines: lines)).toOpaque()
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { work in
                if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().serve() }
                return nil
            }, work)
        pthread_detach(thread)
    }

    private final class Work: Sendable {
        let descriptor: Int32
        let lines: [String]

        init(descriptor: Int32, lines: [String]) { (self.descriptor, self.lines) = (descriptor, lines) }

        func serve() {
            for line in lines {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                // A test that failed before must not leave this behind for ever; until its metro is packed it may take long.
                guard poll(&waiting, 1, 1_800_000) > 0 else { break }
                let client = accept(descriptor, nil, nil)
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                if client < 0 { break }
                let text = Array((line + "\n").utf8)
                _ = send(client, text, text.count, Int32(MSG_NOSIGNAL))
                close(client)
            }
            close(descriptor)
        }
    }
}
