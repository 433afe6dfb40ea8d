internal import Digests
internal import Failures
internal import Files

/// Hosts' keys: checked at every connection, accepted once by a person.
extension HostConnector {
    private func knownHosts(_ configuration: OpenSSHConfiguration) throws(HostFailure) -> KnownHosts {
        try KnownHosts(files: [lash.knownHosts] + configuration.knownHostsFiles)
    }

    private func name(_ configuration: OpenSSHConfiguration) -> KnownHosts.Name {
        KnownHosts.Name(host: configuration.host, port: configuration.port, alias: configuration.hostKeyAlias)
    }

    /// A connection to a host whose key is known.
    func verified(
        _ host: Host, _ address: HostAddress, _ configuration: OpenSSHConfiguration, waiter: Waiter
    ) throws(HostFailure) -> SSHSession {
        let known = try knownHosts(configuration)
        let name = name(configuration)
        let session = try SSHSession(configuration, preferred: known.types(of: name), waiter: waiter)
        let key = session.key
        switch known.check(key, of: name) {
        case .known: return session
        case .revoked(let line):
            throw HostFailure(
                .revokedHostKey, "the host shows a key that is revoked: \(key.kind) \(key.fingerprint)",
                cause: "revoked in \(line.place)", fix: "do not use this host before its keeper has given it a new key")
        case .changed(let lines):
            let before = lines.map { "\($0.key.kind) \($0.key.fingerprint) (\($0.place))" }.joined(separator: ", ")
            throw HostFailure(
                .changedHostKey,
                "the host shows another key than the one that is known: \(key.kind) \(key.fingerprint)",
                cause: "known is \(before); someone may be between you and the host, or it was set up anew",
                fix: "ask its keeper; if the new fingerprint is right: \(accepting(key, host, address))")
        case .unknown(let authority?):
            throw HostFailure(
                .vouchedFor, "the host's key is not known: \(key.kind) \(key.fingerprint)",
                cause: "the certificate authority in \(authority) can't be used by libssh2",
                fix: "use your own ssh for it (las host add … --ssh openssh), or: \(accepting(key, host, address))")
        case .unknown(nil):
            throw HostFailure(
                .unknownHostKey, "the host's key is not known yet: \(key.kind) \(key.fingerprint)",
                fix:
                    "compare the fingerprint with what its keeper says, then accept it: \(accepting(key, host, address))"
            )
        }
    }

    private func accepting(_ key: HostKey, _ host: Host, _ address: HostAddress) -> String {
        func word(_ text: String) -> String {
            let isPlain = text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || Array("/._-~@:+".utf8).contains(byte)
            }
            return isPlain ? text : HostText.quoted(text)
        }
        var words = ["las", "host", "add", host.name, word(address.description), "--accept-key", key.fingerprint]
        if let identity = host.identity { words += ["--identity", word(identity)] }
        if let lash = host.lash { words += ["--host-lash", word(lash)] }
        if host.program != .auto { words += ["--ssh", host.program.rawValue] }
        return words.joined(separator: " ")
    }

    /// Asks a host for its key, and keeps it in LASH's `known_hosts` if it has the fingerprint that the person gives.
    /// - Parameter fingerprint: `SHA256:…`, as `ssh-keygen -l` prints it on the host.
    /// - Throws: where none of the host's keys has it; nothing is kept then.
    package func accept(_ fingerprint: String, of host: Host) async throws -> HostKey {
        let digest = fingerprint.hasPrefix("SHA256:") ? Base64.decode(fingerprint.utf8.dropFirst(7)) : nil
        guard let digest, digest.count == Digest.byteCount else {
            throw HostFailure.usage(
                "“\(Shown.whole(fingerprint))” is no fingerprint of a key",
                fix: "it is printed by `ssh-keygen -l` on the host, and begins with SHA256:")
        }
        guard let address = host.address else { throw HostFailure.usage("“local” has no key: it is this machine") }
        let session = try HostSession(host)
        defer { session.retire() }
        return try await withTaskCancellationHandler {
            try await session.perform { (waiter) throws(HostFailure) in
                do throws(HostFailure) { return try find(digest, host, address, waiter: waiter) } catch {
                    throw error.at(host)
                }
            }
        } onCancel: {
            session.abandon()
        }
    }

    private func find(_ digest: [UInt8], _ host: Host, _ address: HostAddress, waiter: Waiter) throws(HostFailure)
        -> HostKey
    {
        let configuration = try OpenSSHConfiguration(of: address, environment: environment)
        if let beyond = configuration.beyondLibssh2, beyond.hasPrefix("Proxy") {
            throw HostFailure(
                .usage, "the host is reached by \(beyond), where las can't ask for its key",
                fix: "log in once by hand, which asks about the key: ssh \(configuration.alias)")
        }
        let (known, name) = (try knownHosts(configuration), name(configuration))
        var shown: [HostKey] = []
        // A host has a key of each type, and shows one a connection.
        for type in ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"] {
            if shown.contains(where: { $0.type == type }) { continue }
            let key: HostKey
            do throws(HostFailure) {
                key = try SSHSession(configuration, preferred: [type], waiter: waiter).key
            } catch {
                if error.kind == .noCommonMethod, !shown.isEmpty { continue }
                throw error
            }
            if shown.contains(key) { continue }
            if Digest(of: key.blob).bytes == digest {
                if case .revoked(let line) = known.check(key, of: name) {
                    throw HostFailure(
                        .revokedHostKey, "this key is revoked in \(line.place): it can't be accepted",
                        fix: "do not use this host before its keeper has given it a new key")
                }
                try keep(key, name: name.primary)
                return key
            }
            shown.append(key)
        }
        throw HostFailure(
            .changedHostKey, "the host has no key with the fingerprint SHA256:\(Base64.encode(digest, padded: false))",
            cause: "it shows " + shown.map { "\($0.kind) \($0.fingerprint)" }.joined(separator: ", "),
            fix: "compare with what `ssh-keygen -l` prints on the host itself")
    }

    private func keep(_ key: HostKey, name: String) throws(HostFailure) {
        do throws(FileFailure) {
            let lock = try FileLock.take(lash.locks + "/known_hosts")
            var text: [UInt8] = []
            do throws(FileFailure) { text = try File.read(lash.knownHosts) } catch {
                if !error.isMissing { throw error }
            }
            if let last = text.last, last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
            let line = "\(name) \(key.type) \(Base64.encode(key.blob))\n"
            if !String(decoding: text, as: UTF8.self).contains(line) {
                try File.write(text + Array(line.utf8), to: lash.knownHosts, mode: 0o600)
            }
            _ = consume lock
        } catch { throw HostFailure(error) }
    }
}
