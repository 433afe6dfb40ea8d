internal import Failures
internal import Files
package import JSON

/// The API server of the cluster that this process runs in, spoken to with the rights of the pod's service account.
package struct ClusterServer: Sendable {
    private let host: String
    private let port: UInt16
    /// `token`, `ca.crt` and `namespace`, as a kubelet mounts them.
    private let account: String
    package let namespace: String

    /// - Parameters:
    ///   - variables: the process's environment.
    ///   - account: the folder of the service account.
    package init(
        _ variables: [String: String], account: String = "/var/run/secrets/kubernetes.io/serviceaccount"
    ) throws(ClusterFailure) {
        guard let host = variables["KUBERNETES_SERVICE_HOST"],
            let port = variables["KUBERNETES_SERVICE_PORT"].flatMap(UInt16.init)
        else {
            throw ClusterFailure(
                "this is not inside a cluster: no KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT", .usage)
        }
        (self.host, self.port, self.account) = (host, port, account)
        namespace = try Self.word(account + "/namespace")
        guard !namespace.isEmpty, namespace.utf8.allSatisfy(Self.isPlain) else {
            throw ClusterFailure("this is no namespace", place: account + "/namespace", .integrity)
        }
    }

    package struct Answer: Sendable {
        package let status: Int
        package let body: JSONValue?
        /// What the server says, where it refuses.
        package var message: String? { body?["message"]?.string }
    }

    /// - Parameters:
    ///   - path: of a thing in the namespace: `batch/v1`, `jobs`, its name.
    ///   - patch: merged into it (RFC 7386), or how it is deleted; nil for none.
    /// - Throws: where nothing answers, or what answers is not the cluster's server. What it refuses is an answer.
    package func ask(
        _ method: String, _ group: String, _ kind: String, _ name: String, patch: JSONValue? = nil
    ) throws(ClusterFailure) -> Answer {
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isPlain) else {
            throw ClusterFailure("“\(Shown.text(name))” can't be a name in the cluster", .usage)
        }
        // It is renewed from time to time.
        let token = try Self.word(account + "/token")
        guard token.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) else {
            throw ClusterFailure("this is no token", place: account + "/token", .integrity)
        }
        let body = patch.map { JSONText.bytes(of: $0) } ?? []
        // HTTP 1.0: the answer comes in one piece, and its end is the connection's.
        var head =
            "\(method) /apis/\(group)/namespaces/\(namespace)/\(kind)/\(name) HTTP/1.0\r\n"
            + "Host: \(host.contains(":") ? "[\(host)]" : host):\(port)\r\nAccept: application/json\r\nUser-Agent: las\r\n"
            + "Authorization: Bearer \(token)\r\n"
        // How to delete is said as plain JSON: only what is changed is a patch.
        if patch != nil { head += "Content-Type: application/\(method == "PATCH" ? "merge-patch+json" : "json")\r\n" }
        head += "Content-Length: \(body.count)\r\n\r\n"
        let exchange = TLSExchange(host: host, port: port, authorities: account + "/ca.crt")
        let answer = try exchange.send(Array(head.utf8) + body)
        return try Self.answer(answer.bytes, isEnded: answer.isEnded)
    }

    // MARK: Answers

    /// - Parameter isEnded: nothing of it is missing; else it has to say its length.
    static func answer(_ bytes: [UInt8], isEnded: Bool = true) throws(ClusterFailure) -> Answer {
        let wrong = ClusterFailure("the cluster's server answers something that is no HTTP", isPassing: true)
        let blank = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: blank) }) else { throw wrong }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]), (100..<600).contains(status)
        else { throw wrong }
        let body = bytes[(end + blank.count)...]
        var isWhole = isEnded
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
            isWhole = Int(parts[1].drop { $0 == " " }) == body.count
        }
        if !isWhole { throw ClusterFailure("the cluster's server has not sent all of its answer", isPassing: true) }
        return Answer(status: status, body: try? JSONText.parse(Array(body)))
    }

    private static func word(_ path: String) throws(ClusterFailure) -> String {
        let bytes: [UInt8]
        do { bytes = try File.read(path, atMost: 1 << 20) } catch {
            throw ClusterFailure(
                "the pod has no service account", place: path, cause: error.cause,
                fix: "its manifest says “automountServiceAccountToken: true”", .usage)
        }
        var text = String(decoding: bytes, as: UTF8.self)[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: byte == UInt8(ascii: ".")
        }
    }
}
