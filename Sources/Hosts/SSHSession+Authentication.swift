internal import CSsh2
internal import Failures
internal import Files
internal import Glibc

extension SSHSession {
    /// How logging in went.
    enum Login {
        case done
        case refused(Refused)
    }

    struct Refused {
        /// In words, in order: what was tried.
        var tried: [String] = []
        /// Keys and other ways that libssh2 can't use, with their place.
        var unusable: [String] = []
        /// What the server takes: `publickey`, `password`, …
        var offered: [String] = []
        /// The server ended the connection: too many attempts.
        var isDisconnected = false
    }

    /// Tries the keys: the given one, the agent's, the usual files. RSA comes last, since most hosts refuse how libssh2
    /// signs with it (SHA-1).
    func logIn(
        withKeysOf configuration: OpenSSHConfiguration, given: String?, asking: Asking
    ) throws(HostFailure) -> Login {
        var state = Refused()
        guard let offered = try methods(for: configuration.user) else { return .done }
        state.offered = offered
        if configuration.usesGSSAPI, offered.contains("gssapi-with-mic") { state.unusable.append("Kerberos (GSSAPI)") }
        guard configuration.takesKeys, offered.contains("publickey") else { return .refused(state) }
        var files: [IdentityFile] = []
        for (path, isGiven) in (given.map { [($0, true)] } ?? []) + configuration.identityFiles.map({ ($0, false) }) {
            if files.contains(where: { $0.path == path }) { continue }
            do throws(FileFailure) { files.append(try IdentityFile(path)) } catch {
                if isGiven || !error.isMissing {
                    state.tried.append("the key \(path) (\(error.cause ?? error.summary))")
                }
            }
        }
        // A host that takes a key only with its certificate refuses the bare key.
        for path in files.map(\.certificate) + configuration.certificateFiles where File.exists(path) {
            if !state.unusable.contains("\(path) (a certificate)") { state.unusable.append("\(path) (a certificate)") }
        }
        if let provider = configuration.tokenProvider { state.unusable.append("the keys of \(provider)") }
        let agent = try Agent(of: self, socket: configuration.agent)
        var identities = agent?.identities ?? []
        if configuration.identitiesOnly {
            identities.removeAll { identity in !files.contains { $0.publicBlob == identity.blob } }
        }
        let user = configuration.user
        func attempt(_ file: IdentityFile) throws(HostFailure) -> Bool {
            // The agent may hold it without its passphrase.
            if let agent, let identity = identities.first(where: { $0.blob == file.publicBlob }) {
                identities.removeAll { $0.blob == identity.blob }
                if try logIn(identity, of: agent, user: user, &state) { return true }
                if !file.isEncrypted { return false }
            }
            return try logIn(file, user: user, asking: asking, &state)
        }
        if given != nil, let file = files.first, file.path == given, file.kind.isForLibssh2 {
            files.removeFirst()
            if try attempt(file) { return .done }
        }
        if let agent {
            for identity in identities where identity.kind.isForLibssh2 && !state.isDisconnected {
                identities.removeAll { $0.blob == identity.blob }
                if try logIn(identity, of: agent, user: user, &state) { return .done }
                files.removeAll { $0.publicBlob == identity.blob && !$0.isEncrypted }
            }
        }
        for file in files where file.kind.isForLibssh2 && !state.isDisconnected {
            if try attempt(file) { return .done }
        }
        for file in files where !file.kind.isForLibssh2 {
            state.unusable.append("\(file.path) (\(file.kind.name))")
        }
        for identity in identities
        where !identity.kind.isForLibssh2 && !files.contains(where: { $0.publicBlob == identity.blob }) {
            state.unusable.append("\(identity.comment) of the agent (\(identity.kind.name))")
        }
        for file in files where file.kind == .rsa && !file.isEncrypted && !state.isDisconnected {
            if try logIn(file, user: user, asking: asking, &state) { return .done }
        }
        return .refused(state)
    }

    /// - Returns: what the server takes for this account; nil where it lets it in without anything.
    private func methods(for user: String) throws(HostFailure) -> [String]? {
        while true {
            if let list = libssh2_userauth_list(handle, user, UInt32(user.utf8.count)) {
                return String(cString: list).split(separator: ",").map { Shown.whole(String($0)) }
            }
            if libssh2_userauth_authenticated(handle) != 0 { return nil }
            guard libssh2_session_last_errno(handle) == LIBSSH2_ERROR_EAGAIN else {
                throw HostFailure(.unreachable, "the host does not say how to log in", cause: lastError)
            }
            try wait()
        }
    }

    private func logIn(
        _ identity: Agent.Identity, of agent: Agent, user: String, _ state: inout Refused
    ) throws(HostFailure) -> Bool {
        let result = try patiently { libssh2_agent_userauth(agent.handle, user, identity.pointer) }
        if result == 0 { return true }
        note("\(identity.comment) of the agent (\(identity.kind.name))", result, &state)
        return false
    }

    private func note(_ what: String, _ result: Int32, _ state: inout Refused) {
        let isGone = [
            LIBSSH2_ERROR_SOCKET_DISCONNECT, LIBSSH2_ERROR_SOCKET_SEND, LIBSSH2_ERROR_SOCKET_RECV,
        ].contains(result)
        if isGone { state.isDisconnected = true }
        state.tried.append(isGone ? "\(what): the host ended the connection" : what)
    }

    private func logIn(
        _ file: IdentityFile, user: String, asking: Asking, _ state: inout Refused
    ) throws(HostFailure) -> Bool {
        let name = "the key \(file.path) (\(file.kind.name))"
        if let blob = file.publicBlob, file.kind != .rsa {
            // Asked for first, so that nobody is asked for the passphrase of a key that the host does not take.
            let (isTaken, result) = try isTaken(blob, user: user)
            if !isTaken {
                note(name, result, &state)
                return false
            }
        }
        var passphrase: String?
        for attempt in 0..<3 {
            if file.isEncrypted {
                guard let given = asking(.passphrase(file: file.path, isAgain: attempt > 0)) else {
                    state.tried.append(
                        name + (attempt == 0 ? " (its passphrase was not given)" : " (wrong passphrase)"))
                    return false
                }
                passphrase = given
            }
            let result = try patiently {
                libssh2_userauth_publickey_fromfile_ex(
                    handle, user, UInt32(user.utf8.count), nil, file.path, passphrase ?? "")
            }
            if result == 0 { return true }
            // One code for a wrong passphrase and for a key that can't be read at all.
            if result == LIBSSH2_ERROR_FILE, file.isEncrypted, attempt < 2 { continue }
            if result == LIBSSH2_ERROR_FILE {
                state.tried.append(name + (file.isEncrypted ? " (wrong passphrase)" : " (libssh2 can't read it)"))
                if !file.isEncrypted { state.unusable.append("\(file.path) (\(file.kind.name))") }
                return false
            }
            note(name, result, &state)
            return false
        }
        return false
    }

    /// Whether the server would take a key, asked without signing anything: libssh2 calls for the signature only then.
    private func isTaken(_ blob: [UInt8], user: String) throws(HostFailure) -> (Bool, Int32) {
        var isTaken = false
        let result = try withUnsafeMutablePointer(to: &isTaken) { (flag) throws(HostFailure) -> Int32 in
            var context: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(flag)
            return try patiently {
                libssh2_userauth_publickey(
                    handle, user, blob, blob.count,
                    { _, _, _, _, _, context in
                        context?.pointee?.assumingMemoryBound(to: Bool.self).pointee = true
                        return -1
                    }, &context)
            }
        }
        return (isTaken, result)
    }

    /// Logs in with a password, in a session in which nothing was tried before.
    /// - Returns: false where the server refuses it.
    /// - Throws: where nobody gives one.
    func logIn(withPasswordOf configuration: OpenSSHConfiguration, asking: Asking) throws(HostFailure) -> Bool {
        let user = configuration.user
        let account = "\(user)@\(configuration.host)"
        guard let offered = try methods(for: user) else { return true }
        if offered.contains("password") {
            guard let given = asking(.password(account: account)) else {
                throw HostFailure(.refusedLogin, "no password was given")
            }
            var secret = Array(given.utf8CString)
            defer {
                secret.withUnsafeMutableBytes { if let start = $0.baseAddress { explicit_bzero(start, $0.count) } }
            }
            let result = try patiently {
                libssh2_userauth_password_ex(
                    handle, user, UInt32(user.utf8.count), secret, UInt32(secret.count - 1), nil)
            }
            if result == 0 { return true }
            if result == LIBSSH2_ERROR_PASSWORD_EXPIRED {
                throw HostFailure(
                    .refusedLogin, "the password of \(account) has expired", fix: "set a new one: ssh \(account)")
            }
            return false
        }
        guard offered.contains("keyboard-interactive") else { return false }
        var isFirst = true
        asked = { text, isShown in
            defer { isFirst = false }
            return asking(
                isFirst && !isShown
                    ? .password(account: account) : .prompt(text: Shown.whole(text), account: account))
        }
        defer { asked = nil }
        let result = try patiently {
            libssh2_userauth_keyboard_interactive_ex(handle, user, UInt32(user.utf8.count)) {
                _, _, _, _, count, prompts, answers, context in
                guard let prompts, let answers, let object = context?.pointee else { return }
                let session = Unmanaged<SSHSession>.fromOpaque(object).takeUnretainedValue()
                for index in 0..<Int(count) {
                    let bytes = UnsafeRawBufferPointer(start: prompts[index].text, count: Int(prompts[index].length))
                    let answer = session.asked?(String(decoding: bytes, as: UTF8.self), prompts[index].echo != 0) ?? ""
                    // libssh2 frees it.
                    answers[index].text = strdup(answer)
                    answers[index].length = UInt32(answer.utf8.count)
                }
            }
        }
        return result == 0
    }
}

/// The keys of an ssh-agent, as libssh2 lists them.
final class Agent {
    struct Identity {
        let pointer: UnsafeMutablePointer<libssh2_agent_publickey>
        let blob: [UInt8]
        let comment: String
        let kind: IdentityFile.Kind
    }

    let handle: OpaquePointer
    private(set) var identities: [Identity] = []
    private let session: SSHSession

    /// - Returns: nil where there is no agent, or it does not answer.
    init?(of session: SSHSession, socket: String?) throws(HostFailure) {
        guard let socket, let handle = libssh2_agent_init(session.handle) else { return nil }
        self.session = session
        self.handle = handle
        libssh2_agent_set_identity_path(handle, socket)
        guard libssh2_agent_connect(handle) == 0, libssh2_agent_list_identities(handle) == 0 else { return nil }
        var before: UnsafeMutablePointer<libssh2_agent_publickey>?
        var identity: UnsafeMutablePointer<libssh2_agent_publickey>?
        while libssh2_agent_get_identity(handle, &identity, before) == 0, let found = identity {
            before = found
            let blob = Array(UnsafeRawBufferPointer(start: found.pointee.blob, count: found.pointee.blob_len))
            let comment = found.pointee.comment.map { Shown.whole(String(cString: $0)) } ?? "a key"
            identities.append(
                Identity(
                    pointer: found, blob: blob, comment: comment,
                    kind: HostKey(blob: blob).map { IdentityFile.Kind(type: $0.type) } ?? .unknown))
        }
    }

    deinit {
        libssh2_agent_disconnect(handle)
        libssh2_agent_free(handle)
    }
}
