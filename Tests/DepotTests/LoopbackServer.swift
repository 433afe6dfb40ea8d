import Files
import Glibc
import Synchronization

/// A small HTTP server for the files of a folder, on a free port of 127.0.0.1, that can break off in the middle.
final class LoopbackServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let folder: String
    private struct State {
        /// How many answers still end after half of the file.
        var breaks = 0
        var ranges: [String] = []
    }
    private let state = Mutex(State())

    var address: String { "http://127.0.0.1:\(port)/" }
    /// The ranges that were asked for.
    var ranges: [String] { state.withLock { $0.ranges } }

    init(folder: String, breaks: Int = 0) throws {
        self.folder = folder
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
        (self.descriptor, port) = (descriptor, UInt16(bigEndian: address.sin_port))
        state.withLock { $0.breaks = breaks }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { server in
                if let server { Unmanaged<LoopbackServer>.fromOpaque(server).takeRetainedValue().serve() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func serve() {
        while true {
            let client = accept(descriptor, nil, nil)
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            if client < 0 { break }
            answer(client)
            // A child that another test is just starting has a copy: closing alone would not tell the other side that it ends here.
            shutdown(client, Int32(SHUT_RDWR))
            close(client)
        }
        close(descriptor)
    }

    private func answer(_ client: Int32) {
        var request: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
            let count = read(client, &chunk, chunk.count)
            if count <= 0 { return }
            request += chunk[..<count]
        }
        let lines = String(decoding: request, as: UTF8.self).split(separator: "\r\n")
        let path = String(lines[0].split(separator: " ")[1].prefix { $0 != "?" })
        let range = lines.first { $0.hasPrefix("Range: bytes=") }.map { $0.dropFirst("Range: bytes=".count).dropLast() }
        // A folder is shown as a page.
        let isPage = path.hasSuffix("/")
        guard let bytes = try? File.read(folder + path + (isPage ? "index.html" : "")) else {
            send(client, Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
            return
        }
        let start = range.flatMap { Int($0) } ?? 0
        let rest = bytes[min(start, bytes.count)...]
        let isBroken = state.withLock { state in
            if let range { state.ranges.append(String(range)) }
            defer { state.breaks -= 1 }
            return state.breaks > 0
        }
        let first =
            range == nil
            ? "200 OK" : "206 Partial Content\r\nContent-Range: bytes \(start)-\(bytes.count - 1)/\(bytes.count)"
        send(
            client,
            Array(
                "HTTP/1.1 \(first)\r\n\(isPage ? "Content-Type: text/html\r\n" : "")Content-Length: \(rest.count)\r\nConnection: close\r\n\r\n"
                    .utf8))
        send(client, Array(isBroken ? rest.prefix(rest.count / 2) : rest))
    }

    private func send(_ client: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}
