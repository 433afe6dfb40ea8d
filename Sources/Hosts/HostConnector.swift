package import Files
internal import Synchronization

/// Reaches hosts: `local` by a pipe, the others by ssh.
package struct HostConnector: Sendable {
    package let lash: LASH
    package let runtime: HostRuntime
    let asking: Asking
    let environment: [String: String]
    /// What this las calls itself: "las 0.1.0".
    let program: String
    /// What may be sent in a second, to all hosts together; nil for all that goes.
    package var limit: RateLimit?
    /// Whether hosts try what they can do before they greet, and tell: for a person who asks.
    package var examines = false

    /// - Parameters:
    ///   - lash: this machine's, with the keys of hosts that were accepted.
    ///   - runtime: what is brought to hosts.
    ///   - environment: `PATH`, `SSH_AUTH_SOCK`, and `LAS_SSH_CONFIG`, which names an OpenSSH configuration in the place
    ///     of the user's.
    package init(lash: LASH, runtime: HostRuntime, asking: Asking, environment: [String: String], program: String) {
        (self.lash, self.runtime, self.asking) = (lash, runtime, asking)
        (self.environment, self.program) = (environment, program)
    }

    /// Lends a session, whose connection ends with `body`. When the task is cancelled, the connection is given up at once.
    /// - Throws: a `HostFailure` where the host can't be reached or can't run the runtime, and what `body` throws.
    package func withSession<Result: Sendable>(
        to host: Host, isolation: isolated (any Actor)? = #isolation,
        note: @Sendable (ConnectionNote) -> Void = { _ in },
        _ body: (HostSession) async throws -> Result
    ) async throws -> Result {
        let session: HostSession
        do throws(HostFailure) { session = try HostSession(host) } catch { throw error.at(host) }
        return try await withTaskCancellationHandler {
            do {
                try await session.open(self, note: note)
                let result = try await body(session)
                await session.close()
                return result
            } catch {
                await session.close()
                throw (error as? HostFailure)?.at(host) ?? error
            }
        } onCancel: {
            session.abandon()
        }
    }

    /// A way to start programs on a host over ssh, logged in, the host's key checked.
    func reach(_ host: Host, _ address: HostAddress, waiter: Waiter) throws(HostFailure) -> Reached {
        let configuration = try OpenSSHConfiguration(of: address, environment: environment)
        func openSSH(because reason: String?) throws(HostFailure) -> Reached {
            let transport = try OpenSSH(
                host, address, configuration, knownHosts: lash.knownHosts, environment: environment, waiter: waiter)
            return Reached(transport: transport, way: .openssh, reason: reason)
        }
        if host.program == .openssh { return try openSSH(because: nil) }
        let mayFallBack = host.program == .auto && configuration.program != nil
        if let beyond = configuration.beyondLibssh2 {
            if mayFallBack { return try openSSH(because: "your OpenSSH configuration asks for \(beyond)") }
            throw HostFailure(
                .usage, "your OpenSSH configuration asks for \(beyond), which libssh2 can't do",
                fix: "install OpenSSH's client, and add the host with --ssh openssh")
        }
        let session: SSHSession
        do throws(HostFailure) {
            session = try verified(host, address, configuration, waiter: waiter)
        } catch {
            // What ssh itself can do more: RSA host keys, and hosts that a certificate authority vouches for.
            guard mayFallBack, error.kind == .noCommonMethod || error.kind == .vouchedFor else { throw error }
            return try openSSH(
                because: error.kind == .vouchedFor ? "a certificate authority vouches for it" : error.summary)
        }
        // What needed nobody's answer, the user's own program can do as well.
        let wasAsked = Atomic(false)
        let noticed = Asking { question in
            wasAsked.store(true, ordering: .relaxed)
            return asking(question)
        }
        switch try session.logIn(
            withKeysOf: configuration, given: host.identity.map { Account.ofUser.expand($0) }, asking: noticed)
        {
        case .done:
            var reached = Reached(transport: session, way: .libssh2, reason: nil)
            if mayFallBack, !wasAsked.load(ordering: .relaxed), OpenSSHConfiguration.processorKnowsAES {
                let (known, environment) = (lash.knownHosts, environment)
                reached.carrier = { () throws(HostFailure) -> any Transport in
                    var quick = configuration
                    quick.connectTimeout = min(5, quick.connectTimeout)
                    return try OpenSSH(
                        host, address, quick, knownHosts: known, environment: environment, waiter: waiter,
                        isSecond: true)
                }
            }
            return reached
        case .refused(let refused):
            if mayFallBack, !refused.unusable.isEmpty {
                let reached = try openSSH(
                    because: "libssh2 can't log in with \(refused.unusable.joined(separator: ", "))")
                let channel = try reached.transport.start("exit 0")
                // Logging in may take longer than `close` waits for an end.
                try waiter.within(60, "the host does not end a program that it started") { () throws(HostFailure) in
                    while true { if let bytes = try channel.read(waiting: true), bytes.isEmpty { break } }
                }
                if channel.close() == 0 { return reached }
            }
            return try withPassword(host, address, configuration, after: refused, waiter: waiter)
        }
    }

    private func withPassword(
        _ host: Host, _ address: HostAddress, _ configuration: OpenSSHConfiguration, after refused: SSHSession.Refused,
        waiter: Waiter
    ) throws(HostFailure) -> Reached {
        let account = "\(configuration.user)@\(configuration.host)"
        var tried = refused.tried
        var fix = "name the key that the host takes: las host add \(host.name) \(address) --identity FILE"
        if configuration.takesPasswords, !Set(refused.offered).isDisjoint(with: ["password", "keyboard-interactive"]) {
            // A connection of its own: hosts count the keys that they refused.
            let session = try verified(host, address, configuration, waiter: waiter)
            do throws(HostFailure) {
                if try session.logIn(withPasswordOf: configuration, asking: asking) {
                    return Reached(transport: session, way: .libssh2, reason: nil)
                }
                tried.append("the password")
                fix = "try again with the right password, or log in with a key"
            } catch {
                guard error.kind == .refusedLogin, error.fix == nil else { throw error }
                tried.append("a password (none was given)")
            }
        }
        let cause = [
            "tried: " + (tried.isEmpty ? "nothing, since there is no key" : tried.joined(separator: ", ")),
            "the host takes: " + refused.offered.joined(separator: ", "),
            refused.unusable.isEmpty ? nil : "libssh2 can't use " + refused.unusable.joined(separator: ", "),
        ]
        throw HostFailure(
            .refusedLogin, "the host does not let \(account) in",
            cause: cause.compactMap { $0 }.joined(separator: "; "), fix: fix)
    }
}

/// How a host was reached.
package enum Way: String, Sendable {
    case pipe, libssh2, openssh
}

struct Reached {
    let transport: any Transport
    let way: Way
    /// Why by the user's own `ssh`.
    let reason: String?
    /// Another way that carries many bytes with less work, where there is one: a connection of the user's own `ssh`.
    var carrier: (() throws(HostFailure) -> any Transport)?
}

/// What a person may want to know while a connection is made.
package enum ConnectionNote: Hashable, Sendable {
    /// The user's own `ssh` is used, for this reason.
    case byOpenSSH(reason: String)
    /// So many bytes of the runtime were sent, of so many.
    case runtime(sent: Int64, total: Int64)
}
