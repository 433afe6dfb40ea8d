internal import Failures
internal import Files

/// Signatures of release files, checked by the system's gpgv.
enum ReleaseSignature {
    /// What was signed, and by whom.
    struct Verified: Sendable {
        let text: [UInt8]
        /// Fingerprints of the primary keys whose signatures are good, sorted.
        let fingerprints: [String]
    }

    /// - Parameters:
    ///   - signature: of a detached one; nil when `release` is signed in itself (`InRelease`).
    ///   - folder: for gpgv's files, of this check alone.
    /// - Throws: `DepotFailure` of exit code 5 unless a trusted key's signature is good.
    static func verify(
        _ release: String, signature: String?, source: AptSource, trusted: [String], folder: String
    ) throws -> Verified {
        let keyring = try Keyring.gather(source.signers, trusted: trusted, in: folder)
        let verified = folder + "/verified"
        if signature == nil { try checkIsOneMessage(release, source) }
        let arguments =
            ["--ignore-time-conflict", "--keyring", keyring, "--status-fd", "1"]
            + (signature.map { ["--", $0, release] } ?? ["--output", verified, "--", release])
        let result = try Program.run("gpgv", arguments, folder: folder)
        let report = Report(String(decoding: result.output, as: UTF8.self))
        let allowed = source.signers.compactMap { if case .fingerprint(let digits) = $0 { digits } else { nil } }
        let good = report.good.filter { key in
            allowed.isEmpty || allowed.contains { key.fingerprint.hasSuffix($0) || key.primary.hasSuffix($0) }
        }
        guard !good.isEmpty, !report.hasBadSignature else {
            throw refusal(source, report, errors: String(decoding: result.errors, as: UTF8.self))
        }
        return Verified(
            text: try File.read(signature == nil ? verified : release), fingerprints: Set(good.map(\.primary)).sorted())
    }

    /// One signed message and nothing else: text around it would look signed and is not.
    private static func checkIsOneMessage(_ path: String, _ source: AptSource) throws {
        let text = try File.read(path)
        var begins = 0, ends = 0
        var outside = false
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true) {
            if line.elementsEqual("-----BEGIN PGP SIGNED MESSAGE-----".utf8) {
                begins += 1
            } else if line.elementsEqual("-----END PGP SIGNATURE-----".utf8) {
                ends += 1
            } else if begins == 0 || ends > 0 {
                outside = outside || !line.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }
            }
        }
        if begins != 1 || ends != 1 || outside {
            throw DepotFailure(
                "the release file of \(Shown.whole(source.name)) is not one signed message", place: source.place,
                fix: "ask who runs the archive, or use another mirror", .integrity)
        }
    }

    private static func refusal(_ source: AptSource, _ report: Report, errors: String) -> DepotFailure {
        let keys: String =
            if source.signers.isEmpty { "the machine's trusted keys" } else {
                source.signers.map { signer in
                    switch signer {
                    case .file(let path): path
                    case .fingerprint(let digits): digits
                    case .key: "the key in the sources file"
                    }
                }.joined(separator: ", ")
            }
        let fix =
            if report.hasBadSignature {
                "the file was changed or damaged after it was signed: try again later, or another mirror"
            } else if let missing = report.missingKeys.first {
                "it is signed with \(missing), which is not in \(keys): install that key if you trust it, and name it in signed-by"
            } else {
                "the archive must sign with a key of \(keys)"
            }
        let lines = errors.split(separator: "\n").filter {
            !$0.hasPrefix("gpgv: Signature made") && !$0.contains("using ")
        }
        return DepotFailure(
            "the release file of \(Shown.whole(source.name)) has no good signature of a trusted key",
            place: source.place,
            cause: lines.isEmpty ? nil : Shown.whole(lines.joined(separator: "; ")), fix: fix, .integrity)
    }

    /// What gpgv says on its status descriptor (GnuPG's doc/DETAILS).
    private struct Report {
        struct Key { let fingerprint: String, primary: String }

        var good: [Key] = []
        var hasBadSignature = false
        var missingKeys: [String] = []

        /// MD5, SHA-1 and RIPEMD-160 by OpenPGP's numbers.
        private static let weakHashes: Set<String> = ["1", "2", "3"]

        init(_ status: String) {
            var isGood = false
            for line in status.split(separator: "\n") where line.hasPrefix("[GNUPG:] ") {
                let words = line.split(separator: " ").dropFirst().map(String.init)
                switch words.first {
                case "NEWSIG": isGood = false
                case "GOODSIG": isGood = true
                case "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "ERRSIG": isGood = false
                case "BADSIG": (isGood, hasBadSignature) = (false, true)
                case "NO_PUBKEY": if words.count > 1 { missingKeys.append(words[1]) }
                case "VALIDSIG" where isGood && words.count >= 10:
                    if !Self.weakHashes.contains(words[8]) {
                        good.append(Key(fingerprint: words[1], primary: words.count > 10 ? words[10] : words[1]))
                    }
                default: break
                }
            }
        }
    }
}
