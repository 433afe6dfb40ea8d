internal import Foundation

/// Listens on a free port of loopback, and hands on each connection with one of its own to a server. Who holds it decides what goes
/// through.
final class LoopbackProxy: @unchecked Sendable {
    let port: Int
    private let listener: Int32

    /// - Parameter carry: called with both sockets, which it closes; it must not wait.
    init(to server: Int, _ carry: @escaping @Sendable (_ client: Int32, _ upstream: Int32) -> Void) throws {
        let listener = Loopback.socket()
        self.listener = listener
        // The kernel's choice, so that no other test gets the same.
        guard Loopback.with(port: 0, { bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0,
            let port = Self.port(of: listener)
        else {
            close(listener)
            throw TestSupportError("the proxy can't listen")
        }
        self.port = port
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                if client < 0, errno == EINTR || errno == ECONNABORTED { continue }
                if client < 0 { return }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                let upstream = Loopback.socket()
                guard Loopback.with(port: server, { connect(upstream, $0, $1) }) == 0 else {
                    close(client)
                    close(upstream)
                    continue
                }
                for socket in [client, upstream] {
                    var yes: Int32 = 1
                    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
                }
                carry(client, upstream)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func port(of listener: Int32) -> Int? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        return result == 0 ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }
}
