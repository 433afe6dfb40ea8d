import Files
import Synchronization
import TestSupport

@testable import Hosts

func text(of path: String) throws -> String { String(decoding: try File.read(path), as: UTF8.self) }

extension String {
    func write(to path: String) throws { try File.write(self, to: path) }
}

/// A host of a test's own, and a las that knows nothing yet.
struct Bench {
    let server: SSHServer
    let folder: String
    let lash: LASH
    var host: Host
    var asked = Asked()
    var environment: [String: String]

    /// What the person was asked, and what they answer.
    final class Asked: Sendable {
        let questions = Mutex<[Asking.Question]>([])
        let answers: [String]
        init(_ answers: [String] = []) { self.answers = answers }

        var asking: Asking {
            Asking { question in
                self.questions.withLock { questions in
                    questions.append(question)
                    return questions.count <= self.answers.count ? self.answers[questions.count - 1] : nil
                }
            }
        }
    }

    /// - Parameter known: whether the server's ed25519 key is in `known_hosts`.
    init(
        in folder: String, hostKeys: [SSHServer.KeyType] = [.ed25519, .ecdsa],
        userKeys: [SSHServer.KeyType] = [.ed25519],
        user: String? = nil, options: [String] = [], variables: [String: String] = [:], known: Bool = true,
        identity: SSHServer.KeyType? = .ed25519, program: Host.Program = .libssh2
    ) throws {
        self.folder = folder
        try Folder.make(folder + "/ssh")
        let server = try SSHServer(
            in: folder + "/ssh", hostKeys: hostKeys, userKeys: userKeys, user: user,
            variables: ["LASH": folder + "/there"].merging(variables) { $1 }, options: options)
        self.server = server
        // A host that stands still for a while is no host that does not answer.
        try (text(of: server.clientConfiguration) + "\n  ConnectTimeout 120\n").write(to: server.clientConfiguration)
        if known { try server.setKnownHosts(server.knownHostsLine(hostKeys[0])) }
        lash = LASH(root: folder + "/here")
        host = try Host(
            named: "vega", address: HostAddress(server.address), identity: identity.map { server.userKey($0) },
            program: program)
        environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LAS_SSH_CONFIG": server.clientConfiguration,
            "HOME": folder,
        ]
    }

    func connector(runtime: HostRuntime? = nil) throws -> HostConnector {
        HostConnector(
            lash: lash, runtime: try runtime ?? HostRuntime(path: "/bin/cat"), asking: asked.asking,
            environment: environment, program: "las test")
    }

    /// Logs in, and has the host's shell say something.
    @discardableResult
    func reach() throws -> (said: String, reached: Reached) {
        let waiter = try Waiter()
        do throws(HostFailure) {
            let reached = try connectorOrTrap().reach(host, host.address!, waiter: waiter)
            let channel = try reached.transport.start("exec sh")
            try channel.write(Array("echo hello from $LASH\n".utf8))
            try channel.finishWriting()
            var said: [UInt8] = []
            while let bytes = try channel.read(waiting: true), !bytes.isEmpty { said += bytes }
            let status = channel.close()
            guard status == 0 else {
                throw Conversation.failure(status: status, errors: channel.errors.text, transport: reached.transport)
            }
            return (String(decoding: said, as: UTF8.self), reached)
        } catch { throw error.at(host) }
    }

    private func connectorOrTrap() throws(HostFailure) -> HostConnector {
        HostConnector(
            lash: lash, runtime: try HostRuntime(path: "/bin/cat"), asking: asked.asking, environment: environment,
            program: "las test")
    }

    /// The same host, reached through a proxy on this port.
    func through(_ port: Int) throws -> Host {
        try server.setKnownHosts(
            server.knownHostsLine(), server.knownHostsLine(names: "[127.0.0.1]:\(port)"))
        return try Host(
            named: "far", address: HostAddress("\(server.user)@127.0.0.1:\(port)"), identity: host.identity,
            program: .libssh2)
    }

    var hello: String { "hello from \(folder)/there\n" }
}
