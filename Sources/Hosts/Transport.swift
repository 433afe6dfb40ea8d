internal import Glibc

/// A way to start programs on a host.
protocol Transport: AnyObject {
    /// - Parameter command: for the account's shell, whichever that is: words without anything to quote.
    func start(_ command: String) throws(HostFailure) -> any Channel

    /// Why a program ended before it said anything; nil where that is no fault of the connection.
    func failure(status: Int32?, errors: String?) -> HostFailure?
}

extension SSHSession: Transport {
    func start(_ command: String) throws(HostFailure) -> any Channel { try SSHChannel(self, command) }
    func failure(status: Int32?, errors: String?) -> HostFailure? { nil }
}

/// The user's own `ssh`: what libssh2 can't do, it can. Nobody is asked for anything, and host keys are as strict.
final class OpenSSH: Transport {
    private let program: String
    private let options: [String]
    private let configuration: OpenSSHConfiguration
    private let environment: [String: String]
    private let waiter: Waiter
    /// Where the socket of the one connection lies that all programs go over; nil where each has its own.
    private let folder: String?

    /// - Parameter isSecond: whether a connection of libssh2 has let the user in: what is no better than that one will do.
    init(
        _ host: Host, _ address: HostAddress, _ configuration: OpenSSHConfiguration, knownHosts: String,
        environment: [String: String], waiter: Waiter, isSecond: Bool = false
    ) throws(HostFailure) {
        guard let program = configuration.program else {
            throw HostFailure(
                .usage, "the program ssh, which this host needs, is not on the PATH",
                fix: "install OpenSSH's client (Debian: openssh-client)")
        }
        self.program = program
        let files = ([knownHosts] + configuration.knownHostsFiles).map { path in
            "\"" + path.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%") + "\""
        }.joined(separator: " ")
        folder = Self.privateFolder(environment)
        // The program that comes first makes the connection, and keeps it for as long as it runs; later ones go over it.
        let shared =
            folder.map {
                ["-o", "ControlMaster=auto", "-o", "ControlPath=\($0)/ssh", "-o", "ControlPersist=no"]
            } ?? ["-o", "ControlMaster=no", "-o", "ControlPath=none"]
        options =
            configuration.options(of: address)
            + (host.identity.map { ["-i", Account.ofUser.expand($0)] } ?? [])
            + [
                "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=\(files)",
                "-o", "ConnectTimeout=\(Int(configuration.connectTimeout))", "-o", "ServerAliveInterval=15",
                "-o", "ServerAliveCountMax=2", "-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no",
                "-o", "RequestTTY=no", "-o", "RemoteCommand=none", "-o", "LogLevel=ERROR",
            ] + shared
            + (configuration.orderedCiphers(knowingAES: OpenSSHConfiguration.processorKnowsAES).map {
                ["-o", "Ciphers=" + $0.joined(separator: ",")]
            } ?? [])
            + ((isSecond ? configuration.lightKeyExchanges : nil).map {
                ["-o", "KexAlgorithms=" + $0.joined(separator: ",")]
            } ?? [])
        (self.configuration, self.environment, self.waiter) = (configuration, environment, waiter)
    }

    deinit {
        guard let folder else { return }
        unlink(folder + "/ssh")
        rmdir(folder)
    }

    /// A folder that nobody else can look into, with a short path: that of a socket has room for a hundred bytes.
    private static func privateFolder(_ environment: [String: String]) -> String? {
        for place in [environment["XDG_RUNTIME_DIR"] ?? "", "/tmp"]
        where place.hasPrefix("/") && place.utf8.count < 60 && !place.contains("%") && !place.contains(" ") {
            var name = Array("\(place)/las-ssh-XXXXXX".utf8CString)
            if let made = mkdtemp(&name) { return String(cString: made) }
        }
        return nil
    }

    func start(_ command: String) throws(HostFailure) -> any Channel {
        try ProcessChannel(
            program, options + ["--", configuration.alias, command], environment: environment, waiter: waiter)
    }

    /// OpenSSH ends with 255 for everything that is its own, and tells the reasons apart in words only.
    func failure(status: Int32?, errors: String?) -> HostFailure? {
        guard status == 255 else { return nil }
        let text = errors ?? ""
        let account = "\(configuration.user)@\(configuration.host)"
        if text.contains("revoked") && text.lowercased().contains("host key") {
            return HostFailure(.revokedHostKey, "the host's key is revoked", cause: errors, fix: "do not use this host")
        }
        if text.contains("IDENTIFICATION HAS CHANGED") {
            return HostFailure(
                .changedHostKey, "the host's key is another one than before", cause: errors,
                fix: "ask its keeper; see: ssh \(configuration.alias)")
        }
        if text.contains("Host key verification failed") {
            return HostFailure(
                .unknownHostKey, "the host's key is not known", cause: errors,
                fix: "log in once by hand and compare the fingerprint: ssh \(configuration.alias)")
        }
        if text.contains("Permission denied") || text.contains("Too many authentication failures") {
            return HostFailure(
                .refusedLogin, "the host refuses \(account)", cause: errors,
                fix: "see that this works without being asked: ssh -o BatchMode=yes \(configuration.alias) true")
        }
        return HostFailure(
            .unreachable, "ssh can't reach \(account)", cause: errors,
            fix: "see what it says: ssh \(configuration.alias)")
    }
}
