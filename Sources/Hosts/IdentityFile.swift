internal import Digests
internal import Files

/// What can be said of a private key's file without its passphrase.
struct IdentityFile: Sendable {
    enum Kind: Hashable, Sendable {
        case ed25519, ecdsa, rsa
        /// What libssh2 can't use in any case: a key on a security token, DSA.
        case other(String)
        case unknown

        init(type: String) {
            switch type {
            case "ssh-ed25519": self = .ed25519
            case "ssh-rsa": self = .rsa
            case _ where type.hasPrefix("ecdsa-sha2-") && !type.contains("-cert-"): self = .ecdsa
            default: self = .other(type)
            }
        }

        /// How OpenSSH calls it.
        var name: String {
            switch self {
            case .ed25519: "ED25519"
            case .ecdsa: "ECDSA"
            case .rsa: "RSA"
            case .other(let type): type
            case .unknown: "unknown"
            }
        }

        var isForLibssh2: Bool { self == .ed25519 || self == .ecdsa || self == .unknown }
    }

    let path: String
    /// Where `ssh-keygen -s` puts a certificate for the key.
    var certificate: String { path + "-cert.pub" }
    let kind: Kind
    let isEncrypted: Bool
    /// Known without the passphrase for keys in OpenSSH's own format; else from the `.pub` beside, when there is one.
    let publicBlob: [UInt8]?

    /// - Throws: where the file can't be read.
    init(_ path: String) throws(FileFailure) {
        self.path = path
        let text = try File.read(path, atMost: 1 << 20)
        let lines = text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).map { String(decoding: $0, as: UTF8.self) }
        let head = lines.first { $0.hasPrefix("-----BEGIN ") } ?? ""
        if head == "-----BEGIN OPENSSH PRIVATE KEY-----" {
            let body = lines.drop { $0 != head }.dropFirst().prefix { !$0.hasPrefix("-----") }.joined()
            if let (blob, isEncrypted) = Self.openSSH(Base64.decode(body.utf8) ?? []) {
                publicBlob = blob
                self.isEncrypted = isEncrypted
                kind = HostKey(blob: blob).map { Kind(type: $0.type) } ?? .unknown
                return
            }
        }
        isEncrypted =
            head.contains("ENCRYPTED")
            || lines.prefix(4).contains { $0.hasPrefix("Proc-Type:") && $0.contains("ENCRYPTED") }
        let beside = (try? File.read(path + ".pub", atMost: 1 << 16)).flatMap { text in
            let fields = text.split(maxSplits: 2, whereSeparator: { $0 == 0x20 || $0 == 0x0A })
            return fields.count >= 2 ? Base64.decode(fields[1]) : nil
        }
        publicBlob = beside
        if head.contains("RSA PRIVATE") {
            kind = .rsa
        } else if head.contains("EC PRIVATE") {
            kind = .ecdsa
        } else {
            kind = beside.flatMap { HostKey(blob: $0) }.map { Kind(type: $0.type) } ?? .unknown
        }
    }

    /// The public part of OpenSSH's own format (its PROTOCOL.key), and whether the private one is encrypted.
    private static func openSSH(_ bytes: [UInt8]) -> (blob: [UInt8], isEncrypted: Bool)? {
        var reader = WireReader(bytes)
        guard reader.skip(Array("openssh-key-v1\0".utf8)), let cipher = reader.string(), reader.string() != nil,
            reader.string() != nil, reader.number() == 1, let blob = reader.string()
        else { return nil }
        return (blob, cipher != Array("none".utf8))
    }
}
