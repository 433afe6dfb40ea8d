internal import Digests
internal import Files

/// What `known_hosts` files say about hosts' keys (the format of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
///
/// Read by our own code: libssh2 matches no wildcards, and takes a key that a line revokes for a good one.
/// Lines that can't be read count for nothing, as in OpenSSH.
struct KnownHosts: Sendable {
    enum Marker: Sendable { case none, revoked, certificateAuthority }

    struct Line: Sendable {
        let marker: Marker
        let names: Names
        let key: HostKey
        /// `file:line`.
        let place: String
    }

    enum Names: Sendable {
        case patterns([String])
        case hashed(salt: [UInt8], hash: [UInt8])
    }

    private(set) var lines: [Line] = []

    /// - Parameter files: those that are missing are passed over.
    init(files: [String]) throws(HostFailure) {
        for file in files {
            do throws(FileFailure) {
                read(try File.read(file, atMost: 256 << 20), from: file)
            } catch {
                if !error.isMissing { throw HostFailure(error) }
            }
        }
    }

    init(_ text: some Collection<UInt8>, from file: String = "known_hosts") { read(Array(text), from: file) }

    private mutating func read(_ bytes: [UInt8], from file: String) {
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if let line = Line(line, place: "\(file):\(index + 1)") { lines.append(line) }
        }
    }
}

extension KnownHosts.Line {
    /// - Returns: nil for comments, empty lines and what can't be read.
    init?(_ bytes: ArraySlice<UInt8>, place: String) {
        let blanks: [UInt8] = [0x20, 0x09, 0x0D]
        var fields = bytes.split(maxSplits: 5, whereSeparator: blanks.contains)[...]
        guard let first = fields.first, first.first != UInt8(ascii: "#") else { return nil }
        if first.first == UInt8(ascii: "@") {
            switch String(decoding: first, as: UTF8.self) {
            case "@revoked": marker = .revoked
            case "@cert-authority": marker = .certificateAuthority
            default: return nil
            }
            fields = fields.dropFirst()
        } else {
            marker = .none
        }
        guard fields.count >= 3, let hosts = fields.popFirst(), let type = fields.popFirst(),
            let blob = Base64.decode(fields[fields.startIndex]), let key = HostKey(blob: blob),
            key.type.utf8.elementsEqual(type), let names = KnownHosts.Names(hosts)
        else { return nil }
        (self.names, self.key, self.place) = (names, key, place)
    }
}

extension KnownHosts.Names {
    init?(_ field: ArraySlice<UInt8>) {
        if field.first == UInt8(ascii: "|") {
            let parts = field.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
            guard parts.count == 4, parts[0].isEmpty, parts[1].elementsEqual("1".utf8),
                let salt = Base64.decode(parts[2]), let hash = Base64.decode(parts[3]), hash.count == 20
            else { return nil }
            self = .hashed(salt: salt, hash: hash)
        } else {
            let text = String(decoding: field, as: UTF8.self).lowercased()
            self = .patterns(text.split(separator: ",").map(String.init))
        }
    }

    /// - Parameter name: in lower case; `[name]:port` where the port is not 22.
    func match(_ name: String) -> Bool {
        switch self {
        case .hashed(let salt, let hash): return HMAC.sha1(key: salt, message: name.utf8) == hash
        case .patterns(let patterns):
            var found = false
            for pattern in patterns {
                if pattern.hasPrefix("!") {
                    if Self.match(Array(name.utf8), Array(pattern.utf8.dropFirst())) { return false }
                } else if Self.match(Array(name.utf8), Array(pattern.utf8)) {
                    found = true
                }
            }
            return found
        }
    }

    /// `*` stands for any bytes, `?` for one. In time of the product of both lengths, whatever the pattern.
    private static func match(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var (t, p) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == UInt8(ascii: "?") || pattern[p] == text[t] {
                (t, p) = (t + 1, p + 1)
            } else if let last = star {
                (p, t) = (last.pattern + 1, last.text + 1)
                star?.text += 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
