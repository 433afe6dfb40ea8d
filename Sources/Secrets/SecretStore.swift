internal import Digests
package import Files
internal import JSON
internal import Signatures

/// The secrets of a LASH: `secrets.json`, which only its owner may read, each sealed by a key that is in `secrets.key` or that a
/// passphrase stands for. Names can be seen, values only by who has the key.
package struct SecretStore: Sendable {
    package let lash: LASH
    /// Asks for the passphrase; nil where nobody can be asked.
    private let ask: @Sendable (_ prompt: String) -> String?

    package init(_ lash: LASH, ask: @escaping @Sendable (_ prompt: String) -> String?) {
        (self.lash, self.ask) = (lash, ask)
    }

    package var file: String { lash.root + "/secrets.json" }
    package var keyFile: String { lash.root + "/secrets.key" }

    /// A value may be a whole certificate, and no more.
    package static let largest = 64 << 10
    private static let version = 1
    /// Opens only with the right key, whether there are secrets or none.
    private static let proof = "las: secrets of a LASH, 1"

    private struct Contents: Codable {
        struct Passphrase: Codable {
            let salt: String
            let effort: SealingKey.Effort
        }

        var version = SecretStore.version
        /// nil where the key lies in a file.
        var passphrase: Passphrase?
        var proof: String
        /// Sealed values by their names.
        var secrets: [String: String] = [:]
    }

    // MARK: What people do with it

    /// Sorted.
    package func names() throws -> [String] { try read().map { $0.secrets.keys.sorted() } ?? [] }

    /// Whether a passphrase stands for the key; nil before there is one.
    package func hasPassphrase() throws -> Bool? { try read().map { $0.passphrase != nil } }

    package func set(_ name: String, _ value: [UInt8]) throws {
        try alone {
            var (contents, key) = try opened()
            contents.secrets[name] = Base64.encode(key.seal(value, label: name))
            try write(contents)
        }
    }

    /// - Returns: false where there was none of that name.
    package func remove(_ name: String) throws -> Bool {
        try alone {
            guard var contents = try read(), contents.secrets.removeValue(forKey: name) != nil else { return false }
            try write(contents)
            return true
        }
    }

    /// The values of these names.
    package func values(of names: [String]) throws -> [String: [UInt8]] {
        if names.isEmpty { return [:] }
        let known = try read()?.secrets ?? [:]
        if let missing = names.first(where: { known[$0] == nil }) {
            throw SecretFailure(
                "there is no secret “\(missing)” here", place: file, fix: "las secret set \(missing)")
        }
        let (contents, key) = try opened()
        var values: [String: [UInt8]] = [:]
        for name in names {
            guard let sealed = contents.secrets[name].flatMap({ Base64.decode($0.utf8) }),
                let value = key.open(sealed, label: name)
            else { throw Self.damaged(file, "the secret “\(name)” does not open") }
            values[name] = value
        }
        return values
    }

    /// Seals all of them anew with another key: that of a passphrase, or, with nil, one in a file.
    package func protect(by passphrase: String?) throws { try alone { try reseal(by: passphrase) } }

    private func reseal(by passphrase: String?) throws {
        let old = try read().map { ($0, try self.key(of: $0)) }
        var (contents, key) = try fresh(passphrase)
        for (name, sealed) in old?.0.secrets ?? [:] {
            guard let sealed = Base64.decode(sealed.utf8), let value = old?.1.open(sealed, label: name) else {
                throw Self.damaged(file, "the secret “\(name)” does not open")
            }
            contents.secrets[name] = Base64.encode(key.seal(value, label: name))
        }
        // A new key in a file is there before what it opens: between the two, the old file opens with nothing but its own.
        if passphrase == nil {
            try File.write(key.bytes, to: keyFile + ".new", mode: 0o600)
            try write(contents)
            try File.rename(keyFile + ".new", to: keyFile)
        } else {
            try write(contents)
            File.remove(keyFile)
        }
    }

    /// Nobody else changes the file meanwhile.
    private func alone<Value>(_ change: () throws -> Value) throws -> Value {
        let lock = try FileLock.take(lash.locks + "/secrets")
        let value = try change()
        lock.release()
        return value
    }

    // MARK: The key

    private func opened() throws -> (Contents, SealingKey) {
        if let contents = try read() { return (contents, try self.key(of: contents)) }
        let (contents, key) = try fresh(nil)
        try Folder.make(lash.root)
        try File.write(key.bytes, to: keyFile, mode: 0o600)
        return (contents, key)
    }

    private func fresh(_ passphrase: String?) throws -> (Contents, SealingKey) {
        guard let passphrase else {
            let key = try SealingKey.make()
            return (Contents(proof: Base64.encode(key.seal([], label: Self.proof))), key)
        }
        let (salt, effort) = (try SealingKey.salt(), SealingKey.Effort.usual)
        guard let key = SealingKey.of(passphrase: passphrase, salt: salt, effort: effort) else {
            throw SecretFailure(
                "the key of the passphrase can't be made", cause: "it takes 256 MiB of memory", exitCode: .resources)
        }
        return (
            Contents(
                passphrase: .init(salt: Base64.encode(salt), effort: effort),
                proof: Base64.encode(key.seal([], label: Self.proof))), key
        )
    }

    private func key(of contents: Contents) throws -> SealingKey {
        guard let proof = Base64.decode(contents.proof.utf8) else {
            throw Self.damaged(file, "its proof is not base64")
        }
        func isRight(_ key: SealingKey) -> Bool { key.open(proof, label: Self.proof) != nil }
        guard let passphrase = contents.passphrase else {
            // The second one where a change of keys was cut off between the two files.
            for path in [keyFile, keyFile + ".new"] where File.exists(path) {
                guard let status = File.status(path), status.kind == .file, status.mode & 0o077 == 0 else {
                    throw SecretFailure("others can read the key of the secrets", place: path, fix: "chmod 600 \(path)")
                }
                if let key = SealingKey(bytes: try File.read(path, atMost: 4096)), isRight(key) { return key }
            }
            throw SecretFailure(
                "the secrets can't be opened", place: keyFile,
                cause: File.exists(keyFile) ? "this is another key than they were sealed with" : "the key is gone",
                fix: "bring the file back, or remove \(file) and set the secrets again", exitCode: .integrity)
        }
        guard let salt = Base64.decode(passphrase.salt.utf8) else { throw Self.damaged(file, "its salt is not base64") }
        guard let typed = ask("Passphrase of the secrets: ") else {
            throw SecretFailure(
                "the secrets are sealed by a passphrase, and there is no terminal to ask for it at",
                fix: "las secret protect --key-file, at a terminal, lets them be opened without one")
        }
        guard let key = SealingKey.of(passphrase: typed, salt: salt, effort: passphrase.effort), isRight(key) else {
            throw SecretFailure("this is not the passphrase of the secrets")
        }
        return key
    }

    // MARK: The file

    private func read() throws -> Contents? {
        guard File.exists(file) else { return nil }
        let text = try File.read(file, atMost: 64 << 20)
        guard let value = try? JSONText.parse(text), let version = value["version"]?.integer else {
            throw Self.damaged(file, "it is not what las writes")
        }
        if version > Self.version {
            throw SecretFailure(
                "the secrets were written by a newer las", place: file, fix: "use that las, or a newer one")
        }
        do { return try value.decode(Contents.self) } catch { throw Self.damaged(file, error.description) }
    }

    private func write(_ contents: Contents) throws {
        try File.write(JSONText.bytes(of: JSONValue(encoding: contents), indented: true), to: file, mode: 0o600)
    }

    private static func damaged(_ file: String, _ cause: String) -> SecretFailure {
        SecretFailure(
            "the secrets can't be read", place: file, cause: cause, fix: "remove the file, and set the secrets again",
            exitCode: .integrity)
    }
}
