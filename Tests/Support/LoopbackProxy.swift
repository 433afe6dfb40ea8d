internal import Foundation

/// Listens on a free port of loopback, and hands on each connection with one of its own to a server. Who holds it decides what goes
/// through.
final class LoopbackProxy: @unchecked Sendable {
    let port: Int
    private let listener: Int32

    /// - Parameter carry: called with both sockets, which it closes; it must not wait.
    init(to server: Int, _ carry: @escaping @Sendable (_ client: Int32, _ upstream: Int32) -> Void) throws {
        let listener = Self.socket()
        self.listener = listener
        // The kernel's choice, so that no other test gets the same.
        guard Self.with(port: 0, { bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0,
            let port = Self.port(of: listener)
        else {
            close(listener)
            throw TestSupportError("the proxy can't listen")
        }
        self.port = port
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                if client < 0 { return }
                let upstream = Self.socket()
                guard Self.with(port: server, { connect(upstream, $0, $1) }) == 0 else {
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

    /// Not for the children of other tests: they would hold a connection open that was closed here.
    private static func socket() -> Int32 {
        Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
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

    private static func port(of listener: Int32) -> Int? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
        }
        return result == 0 ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }
}
