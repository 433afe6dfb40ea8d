internal import Digests

/// A host's public key, as it travels and as `known_hosts` holds it.
package struct HostKey: Hashable, Sendable {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    package let type: String
    package let blob: [UInt8]

    /// - Returns: nil for what does not begin with a type's name.
    init?(blob: [UInt8]) {
        var reader = WireReader(blob)
        guard let name = reader.string(), (1...64).contains(name.count), name.allSatisfy({ (0x21..<0x7F).contains($0) })
        else { return nil }
        type = String(decoding: name, as: UTF8.self)
        self.blob = blob
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    package var fingerprint: String { "SHA256:" + Base64.encode(Digest(of: blob).bytes, padded: false) }

    /// ED25519, ECDSA, RSA: as OpenSSH's messages call it.
    package var kind: String {
        switch type {
        case "ssh-ed25519": "ED25519"
        case "ssh-rsa": "RSA"
        case "ssh-dss": "DSA"
        case _ where type.hasPrefix("ecdsa-sha2-"): "ECDSA"
        default: type
        }
    }
}

/// Reads the strings of ssh's wire format (RFC 4251): a length of four bytes, then so many bytes.
struct WireReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) { rest = Array(bytes)[...] }

    mutating func number() -> Int? {
        guard rest.count >= 4 else { return nil }
        defer { rest = rest.dropFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func string() -> [UInt8]? {
        var copy = self
        guard let length = copy.number(), length <= copy.rest.count else { return nil }
        let bytes = Array(copy.rest.prefix(length))
        rest = copy.rest.dropFirst(length)
        return bytes
    }

    mutating func skip(_ prefix: [UInt8]) -> Bool {
        guard rest.starts(with: prefix) else { return false }
        rest = rest.dropFirst(prefix.count)
        return true
    }
}
