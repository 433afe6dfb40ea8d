internal import Failures
internal import Glibc

/// A TCP connection to a host: all its addresses are tried, the next one a quarter of a second after the one before it,
/// families in turn (RFC 8305 in short); the first that answers is taken.
struct TCPConnection: ~Copyable {
    let descriptor: Int32

    deinit { Glibc.close(descriptor) }

    private init(owning descriptor: Int32) { self.descriptor = descriptor }

    /// - Parameters:
    ///   - family: "inet" or "inet6"; nil for both.
    ///   - seconds: how long it may take in all.
    static func open(
        host: String, port: UInt16, family: String?, seconds: Double, waiter: Waiter
    ) throws(HostFailure) -> TCPConnection {
        let addresses = try resolve(host: host, port: port, family: family)
        var attempts: [(descriptor: Int32, address: String)] = []
        defer { attempts.forEach { Glibc.close($0.descriptor) } }
        var failures: [String] = []
        var next = 0
        let limit = ContinuousClock.Instant.now + .seconds(seconds)
        while true {
            if next < addresses.count {
                let address = addresses[next]
                next += 1
                if let descriptor = begin(address) {
                    attempts.append((descriptor, address.text))
                } else {
                    failures.append("\(address.text): \(String(cString: strerror(errno)))")
                    continue
                }
            }
            if attempts.isEmpty { break }
            var descriptors = attempts.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
            let left = max(1, Double(ContinuousClock.Instant.now.duration(to: limit).components.seconds) + 1)
            guard try waiter.wait(&descriptors, atMost: next < addresses.count ? 0.25 : left) == .descriptors else {
                // Not before it was looked whether there is an answer: this thread may have stood still.
                if ContinuousClock.Instant.now < limit { continue }
                failures += attempts.map { "\($0.address): no answer in \(Int(seconds)) seconds" }
                break
            }
            for (index, ready) in descriptors.enumerated().reversed() where ready.revents != 0 {
                let attempt = attempts.remove(at: index)
                var (code, length): (Int32, socklen_t) = (0, socklen_t(MemoryLayout<Int32>.size))
                getsockopt(attempt.descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
                if code == 0 {
                    keepAlive(attempt.descriptor)
                    return TCPConnection(owning: attempt.descriptor)
                }
                Glibc.close(attempt.descriptor)
                failures.append("\(attempt.address): \(String(cString: strerror(code)))")
            }
        }
        throw HostFailure(
            .unreachable, "nothing answers at \(host.contains(":") ? "[\(host)]" : host) port \(port)",
            cause: failures.joined(separator: "; "),
            fix: "is the host on and on the network, its ssh server running, and the port right?")
    }

    private struct Address {
        var storage: sockaddr_storage
        let length: socklen_t
        let family: Int32
        let text: String
    }

    private static func resolve(host: String, port: UInt16, family: String?) throws(HostFailure) -> [Address] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family = family == "inet" ? AF_INET : family == "inet6" ? AF_INET6 : AF_UNSPEC
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else {
            let cause = result == EAI_SYSTEM ? String(cString: strerror(errno)) : String(cString: gai_strerror(result))
            throw HostFailure(
                .unreachable, "the name “\(Shown.whole(host))” leads to no address", cause: cause,
                fix: "is it spelled right, and is this machine on the network?")
        }
        defer { freeaddrinfo(list) }
        var addresses: [Address] = []
        var entry = list
        while let info = entry?.pointee {
            entry = info.ai_next
            guard let address = info.ai_addr, Int(info.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size else {
                continue
            }
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(info.ai_addrlen)))
            }
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            getnameinfo(address, info.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
            let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            addresses.append(Address(storage: storage, length: info.ai_addrlen, family: info.ai_family, text: text))
        }
        // The resolver's order within a family, the families in turn.
        guard let first = addresses.first?.family else { return [] }
        let (preferred, others) = (addresses.filter { $0.family == first }, addresses.filter { $0.family != first })
        return (0..<max(preferred.count, others.count)).flatMap {
            preferred.dropFirst($0).prefix(1) + others.dropFirst($0).prefix(1)
        }
    }

    /// - Returns: a socket that is being connected; nil, with `errno`, where that failed at once.
    private static func begin(_ address: Address) -> Int32? {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return nil }
        var storage = address.storage
        let result = withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, address.length) }
        }
        if result == 0 || errno == EINPROGRESS { return descriptor }
        let code = errno
        Glibc.close(descriptor)
        errno = code
        return nil
    }

    /// A host that vanishes is noticed within half a minute, also while nothing is sent.
    private static func keepAlive(_ descriptor: Int32) {
        func set(_ level: Int32, _ option: Int32, _ value: Int32) {
            var value = value
            setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
        let tcp = Int32(IPPROTO_TCP)
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        set(tcp, TCP_KEEPIDLE, 10)
        set(tcp, TCP_KEEPINTVL, 5)
        set(tcp, TCP_KEEPCNT, 4)
        set(tcp, TCP_USER_TIMEOUT, 30_000)
        set(tcp, TCP_NODELAY, 1)
    }
}
