internal import Foundation

/// An FTP server on loopback, pyftpdlib, which serves a folder to one user. It ends with the value, and with the test's process.
package final class FTPServer: @unchecked Sendable {
    package let port: Int
    package let user = "alice"
    package let password = "not in a metro"
    /// What is served.
    package let files: String
    private let folder: String
    private var running: (process: Process, leash: Pipe)?

    package static let missing: String? = {
        guard let python else { return "python3 is not installed" }
        let asked = try? Program(python).run("-c", "import pyftpdlib")
        return asked?.status == 0 ? nil : "python3-pyftpdlib is not installed"
    }()

    /// Debian's, which finds Debian's packages.
    private static var python: String? {
        access("/usr/bin/python3", X_OK) == 0 ? "/usr/bin/python3" : Program.find("python3")
    }

    /// How it behaves.
    package struct Manner: Sendable {
        /// What the user may do, in pyftpdlib's letters.
        package var rights = "elradfmwMT"
        /// It dies when so many bytes of a file have come.
        package var diesAfter: Int?
        /// It does not know this command.
        package var lacks = ""
        package init() {}
    }

    /// - Parameter folder: exists, and is the server's alone.
    package init(in folder: String, serving files: String, _ manner: Manner = Manner()) throws {
        (self.folder, self.files) = (folder, files)
        try Self.script.write(toFile: folder + "/server.py", atomically: true, encoding: .utf8)
        port = try SSHServer.freePort()
        try start(manner)
    }

    deinit { stop() }

    package func start(_ manner: Manner = Manner()) throws {
        try? FileManager.default.removeItem(atPath: folder + "/ready")
        running = try Leash.start(
            [
                Self.python ?? "python3", folder + "/server.py", folder, files, String(port), user, password,
                manner.rights, String(manner.diesAfter ?? -1), manner.lacks,
            ], log: folder + "/log")
        for _ in 0..<18_000 {
            if FileManager.default.fileExists(atPath: folder + "/ready") { return }
            usleep(10_000)
        }
        throw TestSupportError("the server does not start: see \(folder)/log")
    }

    package func stop() {
        try? running?.leash.fileHandleForWriting.close()
        running?.process.waitUntilExit()
        running = nil
    }

    /// Waits until it has died by itself.
    package func hasDied() -> Bool {
        for _ in 0..<18_000 {
            if FileManager.default.fileExists(atPath: folder + "/died") { return true }
            usleep(10_000)
        }
        return false
    }

    private static let script = #"""
        import os, sys, time
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler, DTPHandler
        from pyftpdlib.servers import FTPServer
        folder, files, port, user, password, rights, dies, lacks = sys.argv[1:9]
        class Channel(DTPHandler):
            came = 0
            def handle_read(self):
                super().handle_read()
                if int(dies) >= 0 and self.receive and self.tot_bytes_received > int(dies):
                    self.file_obj.flush()
                    open(folder + "/died", "w").close()
                    os._exit(1)
            # The library calls it by this name.
            handle_read_event = handle_read
        class Handler(FTPHandler):
            authorizer = DummyAuthorizer()
            dtp_handler = Channel
            auth_failed_timeout = 0
        if lacks:
            Handler.proto_cmds = {k: v for k, v in FTPHandler.proto_cmds.items() if k != lacks}
        Handler.authorizer.add_user(user, password, files, perm=rights)
        for number in range(600):
            try:
                server = FTPServer(("127.0.0.1", int(port)), Handler)
                break
            except OSError:
                time.sleep(0.1)
        open(folder + "/ready", "w").close()
        server.serve_forever()
        """#
}
