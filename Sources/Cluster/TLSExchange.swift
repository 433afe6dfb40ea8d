internal import CSsl
internal import Failures
internal import Glibc

/// One request over a connection of its own, which ends with the answer. Small rather than fast: a request every second or so.
struct TLSExchange {
    /// A number, of IPv4 or IPv6: a pod knows its cluster's server by that, and nothing is looked up.
    let host: String
    let port: UInt16
    /// A file of certificates; no others are trusted.
    let authorities: String
    /// Seconds that any step of it may take.
    var patience = 30

    /// - Returns: all that the server sent, and whether it said by TLS's own word that this is the end: without that, it may
    ///   have been cut short.
    func send(_ request: [UInt8]) throws(ClusterFailure) -> (bytes: [UInt8], isEnded: Bool) {
        let descriptor = try connect()
        defer { close(descriptor) }
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw tls("can't begin to speak TLS") }
        defer { SSL_CTX_free(context) }
        guard las_ssl_demand_tls12(context) == 1, SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
            throw ClusterFailure(
                "the certificates of the cluster can't be read", place: authorities, cause: Self.reason, .integrity)
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        guard let ssl = SSL_new(context) else { throw tls("can't begin to speak TLS") }
        defer { SSL_free(ssl) }
        guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1, SSL_set_fd(ssl, descriptor) == 1 else {
            throw tls("can't begin to speak TLS")
        }
        guard SSL_connect(ssl) == 1 else {
            let verified = SSL_get_verify_result(ssl)
            if verified != Int(X509_V_OK) {
                throw ClusterFailure(
                    "what answers is not the cluster's server", place: place,
                    cause: String(cString: X509_verify_cert_error_string(verified)), .integrity)
            }
            throw tls("the cluster's server does not speak TLS with us")
        }
        var sent = 0
        while sent < request.count {
            let count = request.withUnsafeBytes { SSL_write(ssl, $0.baseAddress! + sent, Int32($0.count - sent)) }
            guard count > 0 else { throw tls("the connection to the cluster's server broke") }
            sent += Int(count)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while answer.count < 64 << 20 {
            let count = SSL_read(ssl, &buffer, Int32(buffer.count))
            if count > 0 {
                answer += buffer[..<Int(count)]
            } else {
                let isEnded = las_ssl_is_closed(ssl, count) == 1
                if answer.isEmpty, !isEnded { throw tls("the connection to the cluster's server broke") }
                return (answer, isEnded)
            }
        }
        throw ClusterFailure("the cluster's server answers without an end", place: place, .integrity)
    }

    private var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private func tls(_ summary: String) -> ClusterFailure {
        ClusterFailure(summary, place: place, cause: Self.reason, isPassing: true)
    }

    private static var reason: String? {
        let code = ERR_get_error()
        if code == 0 { return errno == 0 ? nil : String(cString: strerror(errno)) }
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: The connection

    private func connect() throws(ClusterFailure) -> Int32 {
        let family = host.contains(":") ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw system("can't make a socket") }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        let connected: Int32?
        if family == AF_INET6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            connected = inet_pton(AF_INET6, host, &address.sin6_addr) == 1 ? Self.connect(descriptor, &address) : nil
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            connected = inet_pton(AF_INET, host, &address.sin_addr) == 1 ? Self.connect(descriptor, &address) : nil
        }
        if connected == 0 { return descriptor }
        let failure =
            connected == nil
            ? ClusterFailure("the address of the cluster's server is no number: “\(Shown.text(host))”", .usage)
            // What the kernel says of an attempt that took too long.
            : errno == EINPROGRESS
                ? ClusterFailure(
                    "can't reach the cluster's server", place: place,
                    cause: "it did not answer within \(patience) seconds", isPassing: true)
                : system("can't reach the cluster's server")
        close(descriptor)
        throw failure
    }

    private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    private func system(_ summary: String) -> ClusterFailure {
        ClusterFailure(summary, place: place, cause: String(cString: strerror(errno)), isPassing: true)
    }
}
