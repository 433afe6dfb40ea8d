package import Digests
package import Files
internal import JSON
package import Parts

/// Whose signatures this LASH believes, and whether it demands one: `trusted/NAME.pub`, `policy.json`.
package struct Trust: Sendable {
    package let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    private var folder: String { lash.root + "/trusted" }
    private var policyFile: String { lash.root + "/policy.json" }

    /// A key with the name that the person gave it.
    package struct Trusted: Hashable, Sendable {
        package let name: String
        package let key: PublicKey
    }

    /// Sorted by name.
    package func keys() throws -> [Trusted] {
        guard File.exists(folder) else { return [] }
        return try Folder.names(in: folder).filter { $0.ends(with: ".pub") }.map { file in
            let path = "\(folder)/\(file)"
            guard let key = PublicKey(text: String(decoding: try File.read(path, atMost: 4096), as: UTF8.self)) else {
                throw SignatureFailure("this is no public key of las", place: path, fix: "remove the file")
            }
            return Trusted(name: String(decoding: file.utf8.dropLast(".pub".utf8.count), as: UTF8.self), key: key)
        }
    }

    package func add(_ key: PublicKey, as name: String) throws {
        try Folder.make(folder)
        try File.write("\(key.text) \(name)\n", to: "\(folder)/\(name).pub")
    }

    /// - Returns: false where there was none of that name.
    package func remove(_ name: String) -> Bool {
        let path = "\(folder)/\(name).pub"
        guard File.exists(path) else { return false }
        File.remove(path)
        return true
    }

    private struct Policy: Decodable {
        let signature: String?
        /// The runtime's affair.
        let engine: String?
    }

    /// Whether only bundles with a trusted signature run here.
    package func demandsSignature() throws -> Bool {
        guard File.exists(policyFile) else { return false }
        let text = try File.read(policyFile, atMost: 65536)
        guard let policy = try? JSONText.decode(Policy.self, from: text),
            policy.signature != nil || policy.engine != nil, ["required", "any", nil].contains(policy.signature)
        else {
            throw SignatureFailure(
                "the policy of this LASH can't be read", place: policyFile,
                fix: #"it must be {"signature": "required"} or {"signature": "any"}"#)
        }
        return policy.signature == "required"
    }

    package func setDemandsSignature(_ demands: Bool) throws {
        try Folder.make(lash.root)
        // What else it demands stays.
        let before = (try? File.read(policyFile, atMost: 65536)).flatMap { try? JSONText.parse($0) }
        var policy = before?.object ?? [:]
        policy["signature"] = .string(demands ? "required" : "any")
        try File.write(JSONText.bytes(of: .object(policy), indented: true), to: policyFile)
    }

    /// What a bundle's signatures say here.
    package enum Verdict: Hashable, Sendable {
        case unsigned
        /// Signed, and by nobody known here.
        case unknown([PublicKey])
        case trusted(Trusted)

        package var isTrusted: Bool { if case .trusted = self { true } else { false } }
    }

    /// - Throws: where a signature is not one of this bundle: then it was changed.
    package func verdict(_ identity: Digest, _ signatures: [BundleSignature], in path: String) throws -> Verdict {
        if signatures.isEmpty { return .unsigned }
        let trusted = try keys()
        var unknown: [PublicKey] = []
        var known: Trusted?
        for signature in signatures {
            guard let key = PublicKey(bytes: signature.key),
                key.verifies(signature.bytes, of: BundleSignature.message(identity))
            else {
                throw SignatureFailure(
                    "the signature of the bundle is not of what the bundle holds", place: path,
                    cause: "the bundle or its signature was changed", fix: "fetch it again, or pack and sign it again")
            }
            if let found = trusted.first(where: { $0.key == key }) {
                known = known ?? found
            } else {
                unknown.append(key)
            }
        }
        return known.map(Verdict.trusted) ?? .unknown(unknown)
    }

    /// To be asked before anything of a bundle runs.
    @discardableResult package func admit(
        _ identity: Digest, _ signatures: [BundleSignature], in path: String
    ) throws -> Verdict {
        let verdict = try verdict(identity, signatures, in: path)
        if case .trusted = verdict { return verdict }
        guard try demandsSignature() else { return verdict }
        let cause =
            switch verdict {
            case .unknown(let keys): "it is signed by \(keys.map(\.description).joined(separator: ", "))"
            default: "it is not signed"
            }
        throw SignatureFailure(
            "here only bundles run that are signed by a key that is trusted here", place: path, cause: cause,
            fix: "have it signed (las sign), or trust its signer's key (las key trust FILE)")
    }
}
