internal import Foundation

/// A TCP proxy on loopback that hands on what it gets a while later, both ways, however much is on its way: a long line.
package final class DelayingProxy: @unchecked Sendable {
    package var port: Int { proxy.port }
    private let proxy: LoopbackProxy

    /// - Parameter delay: in seconds, each way.
    package init(to server: Int, delay: Double) throws {
        proxy = try LoopbackProxy(to: server) { client, upstream in
            let ends = Ends(client, upstream)
            Line(from: client, to: upstream, delay, ends).begin()
            Line(from: upstream, to: client, delay, ends).begin()
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
