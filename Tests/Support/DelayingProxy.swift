internal import Foundation

/// A TCP proxy on loopback that hands on what it gets a while later, both ways, however much is on its way: a long line.
package final class DelayingProxy: @unchecked Sendable {
    package let port: Int
    private let listener: Int32

    /// - Parameter delay: in seconds, each way.
    package init(to server: Int, delay: Double) throws {
        port = try SSHServer.freePort()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
        self.listener = listener
        guard Self.with(port: port, { bind(listener, $0, $1) }) == 0, listen(listener, 8) == 0 else {
            throw TestSupportError("the proxy can't listen")
        }
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                _ = fcntl(client, F_SETFD, FD_CLOEXEC)
                let upstream = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                _ = fcntl(upstream, F_SETFD, FD_CLOEXEC)
                guard Self.with(port: server, { connect(upstream, $0, $1) }) == 0 else {
                    close(client)
                    close(upstream)
                    continue
                }
                for socket in [client, upstream] {
                    var yes: Int32 = 1
                    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
                }
                let ends = Ends(client, upstream)
                Line(from: client, to: upstream, delay, ends).begin()
                Line(from: upstream, to: client, delay, ends).begin()
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

    /// Both sockets: closed when nobody uses them any more.
    private final class Ends: @unchecked Sendable {
        let sockets: [Int32]
        init(_ sockets: Int32...) { self.sockets = sockets }
        deinit { sockets.forEach { close($0) } }
    }

    /// One direction: a thread that reads, and one that writes what is due.
    private final class Line: @unchecked Sendable {
        private let (from, to): (Int32, Int32)
        private let delay: Double
        private let ends: Ends
        private let condition = NSCondition()
        private var waiting: [(due: Date, bytes: [UInt8])] = []
        private var first = 0

        init(from: Int32, to: Int32, _ delay: Double, _ ends: Ends) {
            (self.from, self.to, self.delay, self.ends) = (from, to, delay, ends)
        }

        func begin() {
            Thread.detachNewThread { [self] in read() }
            Thread.detachNewThread { [self] in write() }
        }

        private func read() {
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = recv(from, &buffer, buffer.count, 0)
                condition.lock()
                waiting.append((Date() + delay, count > 0 ? Array(buffer[..<count]) : []))
                condition.signal()
                condition.unlock()
                if count <= 0 { return }
            }
        }

        private func write() {
            while true {
                condition.lock()
                while first == waiting.count { condition.wait() }
                let (due, bytes) = waiting[first]
                waiting[first].bytes = []
                first += 1
                if first > 1024 {
                    waiting.removeFirst(first)
                    first = 0
                }
                condition.unlock()
                let left = due.timeIntervalSinceNow
                if left > 0 { Thread.sleep(forTimeInterval: left) }
                if bytes.isEmpty {
                    shutdown(to, Int32(SHUT_WR))
                    return
                }
                var done = 0
                while done < bytes.count {
                    let sent = bytes.withUnsafeBytes {
                        send(to, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
                    }
                    if sent <= 0 {
                        shutdown(from, Int32(SHUT_RDWR))
                        return
                    }
                    done += sent
                }
            }
        }
    }
}
