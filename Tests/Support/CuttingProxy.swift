internal import Foundation

/// A TCP proxy on loopback that cuts its connections, both ways and at once, after so many bytes went to the server.
package final class CuttingProxy: @unchecked Sendable {
    package let port: Int
    private let listener: Int32

    /// - Parameter limit: nil to cut never.
    package init(to server: Int, cutAfter limit: Int?) throws {
        port = try SSHServer.freePort()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        guard Self.with(port: port, { bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0 else {
            throw TestSupportError("the proxy can't listen")
        }
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                guard Self.with(port: server, { connect(upstream, $0, $1) }) == 0 else {
                    close(client)
                    close(upstream)
                    continue
                }
                Thread.detachNewThread { Self.carry(client, upstream, limit: limit) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func with(port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    private static func carry(_ client: Int32, _ server: Int32, limit: Int?) {
        defer {
            close(client)
            close(server)
        }
        var passed = 0
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var ends = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ends, 2, -1) > 0 else { return }
            for (from, to) in [(0, server), (1, client)] where ends[from].revents != 0 {
                let count = recv(ends[from].fd, &buffer, buffer.count, 0)
                if count <= 0 { return }
                if from == 0 { passed += count }
                if let limit, passed > limit { return }
                var done = 0
                while done < count {
                    let sent = buffer.withUnsafeBytes {
                        send(to, $0.baseAddress! + done, count - done, Int32(MSG_NOSIGNAL))
                    }
                    if sent <= 0 { return }
                    done += sent
                }
            }
        }
    }
}
