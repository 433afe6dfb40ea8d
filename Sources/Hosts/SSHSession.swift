internal import CSsh2
internal import Failures
internal import Glibc

/// A session of libssh2 over a TCP connection; used by one thread, never blocking but in `waiter`.
///
/// The key exchange is done when it is made; the host's key is `key`, and nobody has checked it yet.
final class SSHSession {
    let waiter: Waiter
    let key: HostKey
    let handle: OpaquePointer
    private let connection: TCPConnection
    /// For libssh2's callbacks, which get this object through the session.
    var asked: ((_ text: String, _ isShown: Bool) -> String?)?

    private static let isReady: Bool = libssh2_init(0) == 0

    /// - Parameter preferred: types of host keys, the most wanted first; the others that libssh2 knows follow.
    init(_ configuration: OpenSSHConfiguration, preferred: [String], waiter: Waiter) throws(HostFailure) {
        guard Self.isReady else { throw HostFailure(.system, "libssh2 can't be started") }
        self.waiter = waiter
        let (host, port) = (configuration.host, configuration.port)
        let connection = try TCPConnection.open(
            host: host, port: port, family: configuration.family, seconds: configuration.connectTimeout, waiter: waiter)
        guard let handle = libssh2_session_init_ex(nil, nil, nil, nil) else {
            throw HostFailure(.system, "libssh2 has no memory for a session")
        }
        libssh2_session_set_blocking(handle, 0)
        do throws(HostFailure) {
            try Self.order(preferred, in: handle)
            try Self.shakeHands(handle, connection.descriptor, waiter: waiter, place: "\(host) port \(port)")
            var (length, type): (Int, Int32) = (0, 0)
            guard let bytes = libssh2_session_hostkey(handle, &length, &type),
                let key = HostKey(blob: Array(UnsafeRawBufferPointer(start: bytes, count: length)))
            else { throw HostFailure(.untrusted, "the host shows no key that can be read") }
            self.key = key
        } catch {
            libssh2_session_free(handle)
            throw error
        }
        self.handle = handle
        self.connection = connection
        libssh2_session_abstract(handle)?.pointee = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        // A goodbye where the host listens; without waiting for one that doesn't.
        libssh2_session_set_blocking(handle, 1)
        libssh2_session_set_timeout(handle, 1000)
        if !waiter.isAbandoned { libssh2_session_disconnect_ex(handle, 11, "done", "") }
        shutdown(connection.descriptor, Int32(SHUT_RDWR))
        libssh2_session_free(handle)
    }

    /// Names that this libssh2 does not know would make it ignore the whole list.
    private static func order(_ preferred: [String], in handle: OpaquePointer) throws(HostFailure) {
        var names: UnsafeMutablePointer<UnsafePointer<CChar>?>?
        let count = libssh2_session_supported_algs(handle, LIBSSH2_METHOD_HOSTKEY, &names)
        guard count > 0, let names else { return }
        let known = (0..<Int(count)).compactMap { names[$0].map { String(cString: $0) } }
        libssh2_free(handle, names)
        // Strong ones first among those that nobody asked for; DSA never.
        let usual = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
        var order: [String] = []
        for name in preferred + usual + known where known.contains(name) && !order.contains(name) && name != "ssh-dss" {
            order.append(name)
        }
        let result = libssh2_session_method_pref(handle, LIBSSH2_METHOD_HOSTKEY, order.joined(separator: ","))
        guard result == 0 else {
            throw HostFailure(.system, "libssh2 refuses the order of host keys (\(result))")
        }
    }

    private static func shakeHands(
        _ handle: OpaquePointer, _ descriptor: Int32, waiter: Waiter, place: String
    ) throws(HostFailure) {
        let limit = ContinuousClock.Instant.now + .seconds(60)
        while true {
            let result = libssh2_session_handshake(handle, descriptor)
            if result == 0 { return }
            guard result == LIBSSH2_ERROR_EAGAIN else {
                let cause = Self.lastError(of: handle)
                if result == LIBSSH2_ERROR_KEX_FAILURE || result == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE {
                    throw HostFailure(
                        .noCommonMethod, "libssh2 and the host at \(place) find no method in common", cause: cause,
                        fix:
                            "a host that has an RSA key only needs your own ssh (las host add … --ssh openssh), or a further key"
                    )
                }
                throw HostFailure(
                    .unreachable, "what answers at \(place) does not speak ssh", cause: cause,
                    fix: "is that the port of its ssh server?")
            }
            guard ContinuousClock.Instant.now < limit else {
                throw HostFailure(.unreachable, "what answers at \(place) does not say that it is an ssh server")
            }
            try Self.wait(handle, descriptor, waiter: waiter, atMost: 1)
        }
    }

    private static func wait(
        _ handle: OpaquePointer, _ descriptor: Int32, waiter: Waiter, atMost seconds: Double? = nil
    ) throws(HostFailure) {
        _ = try ready(handle, descriptor, waiter: waiter, atMost: seconds)
    }

    private static func ready(
        _ handle: OpaquePointer, _ descriptor: Int32, waiter: Waiter, atMost seconds: Double?
    ) throws(HostFailure) -> Waiter.Ready {
        let directions = libssh2_session_block_directions(handle)
        var events: Int32 = 0
        if directions & LIBSSH2_SESSION_BLOCK_INBOUND != 0 { events |= POLLIN }
        if directions & LIBSSH2_SESSION_BLOCK_OUTBOUND != 0 { events |= POLLOUT }
        var descriptors = [pollfd(fd: descriptor, events: Int16(events == 0 ? POLLIN : events), revents: 0)]
        return try waiter.wait(&descriptors, atMost: seconds)
    }

    /// Waits until libssh2 can go on, or someone wakes the waiter.
    @discardableResult func wait(atMost seconds: Double? = nil) throws(HostFailure) -> Waiter.Ready {
        try Self.ready(handle, connection.descriptor, waiter: waiter, atMost: seconds)
    }

    /// Calls until libssh2 does not ask to be called again.
    func patiently(_ call: () -> Int32) throws(HostFailure) -> Int32 {
        while true {
            let result = call()
            if result != LIBSSH2_ERROR_EAGAIN { return result }
            try wait()
        }
    }

    /// The same for calls that make something.
    func patiently(_ call: () -> OpaquePointer?) throws(HostFailure) -> OpaquePointer? {
        while true {
            if let made = call() { return made }
            if libssh2_session_last_errno(handle) != LIBSSH2_ERROR_EAGAIN { return nil }
            try wait()
        }
    }

    /// libssh2's own words.
    var lastError: String { Self.lastError(of: handle) }

    private static func lastError(of handle: OpaquePointer) -> String {
        var text: UnsafeMutablePointer<CChar>?
        var length: Int32 = 0
        let code = libssh2_session_last_error(handle, &text, &length, 0)
        guard let text, length > 0 else { return "libssh2 error \(code)" }
        return Shown.whole(String(cString: text)) + " (libssh2 error \(code))"
    }

    /// Starts a program by the account's shell.
    func start(_ command: String) throws(HostFailure) -> SSHChannel { try SSHChannel(self, command) }
}
