internal import Foundation

/// A TCP proxy on loopback that cuts its connections, both ways and at once, after so many bytes went one way.
package final class CuttingProxy: @unchecked Sendable {
    package var port: Int { proxy.port }
    private let proxy: LoopbackProxy

    /// - Parameters:
    ///   - limit: of bytes that go to the server; nil to cut never.
    ///   - coming: of bytes that come from it.
    package init(to server: Int, cutAfter limit: Int? = nil, coming: Int? = nil) throws {
        proxy = try LoopbackProxy(to: server) { client, upstream in
            Thread.detachNewThread { Self.carry(client, upstream, limits: [limit, coming]) }
        }
    }

    private static func carry(_ client: Int32, _ server: Int32, limits: [Int?]) {
        defer {
            for socket in [client, server] {
                // A child that another test is just starting holds a copy until its exec: closing alone would end nothing.
                shutdown(socket, Int32(SHUT_RDWR))
                close(socket)
            }
        }
        var passed = [0, 0]
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
                passed[from] += count
                if let limit = limits[from], passed[from] > limit { return }
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
