internal import Foundation

/// A TCP proxy on loopback that cuts its connections, both ways and at once, after so many bytes went to the server.
package final class CuttingProxy: @unchecked Sendable {
    package var port: Int { proxy.port }
    private let proxy: LoopbackProxy

    /// - Parameter limit: nil to cut never.
    package init(to server: Int, cutAfter limit: Int?) throws {
        proxy = try LoopbackProxy(to: server) { client, upstream in
            Thread.detachNewThread { Self.carry(client, upstream, limit: limit) }
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
