internal import Foundation
internal import Threads

/// A real `sshd` on a free loopback port, with throw-away keys in a folder of its own. It ends with the value, and with
/// the test's process, however that ends; nothing of the user's `~/.ssh` is read or written.
package final class SSHServer: @unchecked Sendable {
    package enum KeyType: String, Sendable, CaseIterable { case ed25519, ecdsa, rsa }

    /// nil where this machine can run one, else why not.
    package static var missing: String? {
        for name in ["sshd", "ssh", "ssh-keygen", "ssh-agent", "ssh-add"] where Program.find(name) == nil {
            return "\(name) is not installed"
        }
        return nil
    }

    package let port: Int
    package let folder: String
    package let user: String
    private var process: Process
    private var leash: Pipe

    package var address: String { "\(user)@127.0.0.1:\(port)" }
    /// The user's `known_hosts`, empty at first.
    package var knownHosts: String { folder + "/known_hosts" }
    /// An OpenSSH configuration that names nothing outside `folder`: for `LAS_SSH_CONFIG`.
    package var clientConfiguration: String { folder + "/client_config" }
    package func hostKey(_ type: KeyType) -> String { "\(folder)/host_\(type)" }
    package func userKey(_ type: KeyType) -> String { "\(folder)/user_\(type)" }
    package var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    /// - Parameters:
    ///   - folder: exists, and is the server's alone.
    ///   - user: who logs in; this process's own user by default.
    ///   - variables: of the programs that are started there.
    ///   - options: more lines for `sshd_config`.
    package init(
        in folder: String, hostKeys: [KeyType] = [.ed25519, .ecdsa], userKeys: [KeyType] = [.ed25519],
        user: String? = nil, variables: [String: String] = [:], options: [String] = []
    ) throws {
        (self.folder, self.user) = (folder, user ?? NSUserName())
        let keygen = Program("ssh-keygen")
        for type in hostKeys {
            try keygen.run("-q", "-t", type.rawValue, "-N", "", "-C", "host \(type)", "-f", "\(folder)/host_\(type)")
        }
        var authorized = ""
        for type in userKeys {
            try keygen.run("-q", "-t", type.rawValue, "-N", "", "-C", "user \(type)", "-f", "\(folder)/user_\(type)")
            authorized += try String(contentsOfFile: "\(folder)/user_\(type).pub", encoding: .utf8)
        }
        func write(_ text: String, _ name: String) throws {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        try write(authorized, "authorized_keys")
        try write("", "known_hosts")
        try write(
            """
            Host *
              UserKnownHostsFile \(folder)/known_hosts
              GlobalKnownHostsFile /dev/null
              IdentityFile none
            """, "client_config")
        if geteuid() == 0 {
            try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        }
        let setting = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: " ")
        var started: (port: Int, process: Process, leash: Pipe)?
        // Someone else may take the port between finding it and listening on it.
        for _ in 0..<5 where started == nil {
            let port = try Self.freePort()
            let lines =
                [
                    "Port \(port)", "ListenAddress 127.0.0.1", "PidFile \(folder)/pid",
                    "AuthorizedKeysFile \(folder)/authorized_keys", "StrictModes no", "UsePAM no",
                    "PermitRootLogin yes",
                    "PasswordAuthentication no", "KbdInteractiveAuthentication no", "MaxStartups 100",
                    "LogLevel VERBOSE", setting.isEmpty ? "" : "SetEnv \(setting)",
                ] + hostKeys.map { "HostKey \(folder)/host_\($0)" }
            // Of two lines for one keyword sshd takes the first.
            try write((options + lines).joined(separator: "\n") + "\n", "sshd_config")
            try? FileManager.default.removeItem(atPath: folder + "/pid")
            let (process, leash) = try Leash.start(
                [Program.find("sshd") ?? "/usr/sbin/sshd", "-D", "-e", "-f", folder + "/sshd_config"],
                log: folder + "/log")
            if Self.waits(for: folder + "/pid", of: process) { started = (port, process, leash) }
        }
        guard let started else {
            throw TestSupportError(
                "sshd does not start: \((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "")")
        }
        (port, process, leash) = started
    }

    deinit { stop() }

    /// Ends the server, and waits for its end. Connections that were made end by themselves.
    package func stop() {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// A line of `known_hosts` for this server.
    package func knownHostsLine(_ type: KeyType = .ed25519, names: String? = nil, marker: String = "") throws -> String
    {
        let fields = try String(contentsOfFile: hostKey(type) + ".pub", encoding: .utf8).split(separator: " ")
        return "\(marker.isEmpty ? "" : marker + " ")\(names ?? "[127.0.0.1]:\(port)") \(fields[0]) \(fields[1])\n"
    }

    package func setKnownHosts(_ lines: String...) throws {
        try lines.joined().write(toFile: knownHosts, atomically: true, encoding: .utf8)
    }

    /// As `ssh-keygen -l` prints it.
    package func fingerprint(_ type: KeyType = .ed25519) throws -> String {
        String(try Program("ssh-keygen").run("-l", "-f", hostKey(type) + ".pub").output.split(separator: " ")[1])
    }

    private static func waits(for file: String, of process: Process) -> Bool {
        for _ in 0..<18_000 where process.isRunning {
            if FileManager.default.fileExists(atPath: file) { return true }
            usleep(10_000)
        }
        process.terminate()
        return false
    }

    /// A port that nobody listens on, and that no other test of this process gets. None of those that the kernel gives to outgoing
    /// connections: one of these may take it before it is listened on.
    package static func freePort() throws -> Int {
        let descriptor = Loopback.socket()
        defer { close(descriptor) }
        for port in (20_000..<32_768).shuffled() where given.change({ $0.insert(port).inserted }) {
            let result = Loopback.with(port: port) { bind(descriptor, $0, $1) }
            if result == 0 { return port }
        }
        throw TestSupportError("no free port")
    }

    private static let given = Monitor<Set<Int>>([])
}

package struct TestSupportError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A real `ssh-agent`, which holds the keys that it is given.
package final class SSHAgent {
    package let socket: String
    private let process: Process
    private let leash: Pipe

    package init(in folder: String, keys: [String]) throws {
        socket = folder + "/agent"
        (process, leash) = try Leash.start(
            [Program.find("ssh-agent") ?? "/usr/bin/ssh-agent", "-D", "-a", socket], log: folder + "/agent.log")
        for _ in 0..<18_000 where !FileManager.default.fileExists(atPath: socket) { usleep(10_000) }
        var environment = ProcessInfo.processInfo.environment
        environment["SSH_AUTH_SOCK"] = socket
        for key in keys {
            let added = try Program("ssh-add", environment: environment).run("-q", key)
            guard added.status == 0 else { throw TestSupportError(added.errors) }
        }
    }

    deinit {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
