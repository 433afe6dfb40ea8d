internal import Digests
internal import Failures
internal import Files

/// Public keys as gpgv takes them: one binary keyring file, made of binary and armoured ones.
enum Keyring {
    /// Writes the keys of these signers to one file in `folder`.
    ///
    /// - Returns: the file's path.
    static func gather(_ signers: [AptSource.Signer], trusted: [String], in folder: String) throws -> String {
        var keys: [UInt8] = []
        var files: [String] = []
        for signer in signers {
            switch signer {
            case .file(let path): files.append(path)
            case .key(let text): keys += try binary(Array(text.utf8), place: "Signed-By")
            case .fingerprint: break
            }
        }
        let ofMachine = signers.allSatisfy { if case .fingerprint = $0 { true } else { false } }
        for path in files { keys += try binary(try File.read(path, atMost: 1 << 26), place: path) }
        if ofMachine {
            // One that can't be read is passed over, as apt does: its keys are then not there.
            for path in trusted {
                if let bytes = try? File.read(path, atMost: 1 << 26) { keys += (try? binary(bytes, place: path)) ?? [] }
            }
        }
        let path = folder + "/keyring.gpg"
        try File.create(path, keys, mode: 0o600)
        return path
    }

    /// Armour (RFC 4880, 6.2) taken off where there is some.
    static func binary(_ bytes: [UInt8], place: String) throws(DepotFailure) -> [UInt8] {
        guard bytes.starts(with: "-----BEGIN".utf8) || !bytes.prefix(1).contains(where: { $0 & 0x80 != 0 }) else {
            return bytes
        }
        var keys: [UInt8] = []
        var body: [UInt8]?
        var inHeaders = false
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.starts(with: "-----BEGIN PGP PUBLIC KEY BLOCK".utf8) {
                (body, inHeaders) = ([], true)
            } else if line.starts(with: "-----END".utf8), let text = body {
                guard let decoded = Base64.decode(text) else { throw unreadable(place) }
                keys += decoded
                body = nil
            } else if inHeaders {
                if line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) { inHeaders = false }
            } else if body != nil, line.first != UInt8(ascii: "=") {
                body?.append(contentsOf: line.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") })
            }
        }
        guard body == nil, !keys.isEmpty else { throw unreadable(place) }
        return keys
    }

    private static func unreadable(_ place: String) -> DepotFailure {
        DepotFailure(
            "this is not a keyring that las can read", place: place, fix: "give it as gpg --export writes it",
            .integrity)
    }
}
