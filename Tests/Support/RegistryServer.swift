internal import Foundation

/// A real registry (Debian's docker-registry) on a free loopback port, with its storage in a folder. It ends with the value,
/// and with the test's process, however that ends.
package final class RegistryServer: @unchecked Sendable {
    package static var missing: String? {
        Program.find("docker-registry") == nil ? "docker-registry is not installed" : nil
    }

    package enum Access: Sendable {
        case everybody
        /// Basic authentication.
        case password(user: String, password: String)
        /// Tokens of a server that `tokens` is, as the registry tells it to its callers.
        case tokens(TokenServer, realm: String)
    }

    package let port: Int
    package let folder: String
    private let process: Process
    private let leash: Pipe

    package var address: String { "127.0.0.1:\(port)" }
    package var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    /// - Parameters:
    ///   - folder: exists, and is the server's alone.
    ///   - storage: where it keeps what it is sent; below `folder` when left out.
    ///   - elsewhere: an address where its callers are sent for what it stores.
    package init(
        in folder: String, storage: String? = nil, access: Access = .everybody, elsewhere: String? = nil
    ) throws {
        self.folder = folder
        var started: (Int, Process, Pipe)?
        for _ in 0..<5 where started == nil {
            let port = try SSHServer.freePort()
            var configuration = """
                version: 0.1
                log: { level: info }
                storage:
                  filesystem: { rootdirectory: \(storage ?? folder + "/storage") }
                  delete: { enabled: true }
                http: { addr: "127.0.0.1:\(port)" }

                """
            if let elsewhere {
                configuration +=
                    "middleware: { storage: [{ name: redirect, options: { baseurl: \"\(elsewhere)\" } }] }\n"
            }
            switch access {
            case .everybody: break
            case .password(let user, let password):
                // bcrypt, by the system's own crypt(3).
                let hash = try Program("perl").run(
                    "-e", "print crypt($ARGV[0], '$2y$05$abcdefghijklmnopqrstuu')", password)
                try "\(user):\(hash.output)\n".write(toFile: folder + "/htpasswd", atomically: true, encoding: .utf8)
                configuration += "auth: { htpasswd: { realm: test, path: \(folder)/htpasswd } }\n"
            case .tokens(let server, let realm):
                configuration += """
                    auth: { token: { realm: "\(realm)", service: test, issuer: test, rootcertbundle: \(server.certificate) } }

                    """
            }
            try configuration.write(toFile: folder + "/config.yml", atomically: true, encoding: .utf8)
            let (process, leash) = try Leash.start(
                [Program.find("docker-registry") ?? "docker-registry", "serve", folder + "/config.yml"],
                log: folder + "/log")
            if Self.answers(port, process) { started = (port, process, leash) }
        }
        guard let started else { throw TestSupportError("docker-registry does not start: see \(folder)/log") }
        (port, process, leash) = started
    }

    private static func answers(_ port: Int, _ process: Process) -> Bool {
        for _ in 0..<18_000 where process.isRunning {
            let descriptor = Loopback.socket()
            defer { close(descriptor) }
            let result = Loopback.with(port: port) { connect(descriptor, $0, $1) }
            if result == 0 { return true }
            usleep(10_000)
        }
        process.terminate()
        return false
    }

    deinit { stop() }

    /// Ends it at once, as a crash would, and waits for its end.
    package func stop() {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
