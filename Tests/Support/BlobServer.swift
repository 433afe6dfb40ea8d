internal import Foundation

/// A second machine that a registry sends its callers to for what it stores: the files of a folder, on another address of the loopback
/// interface. It ends with the value, and with the test's process, however that ends.
package final class BlobServer: @unchecked Sendable {
    package let address: String
    /// What its callers must trust, where it is secure.
    package var certificate: String { folder + "/certificate.pem" }
    private let folder: String
    private let process: Process
    private let leash: Pipe

    /// What each request showed of the person, `-` for nothing.
    package var shown: [String] {
        ((try? String(contentsOfFile: folder + "/shown", encoding: .utf8)) ?? "").split(separator: "\n").map(
            String.init)
    }

    /// - Parameters:
    ///   - files: what it serves.
    ///   - folder: exists, and is the server's alone.
    ///   - isSecure: whether it speaks https, as its own authority.
    package init(of files: String, in folder: String, isSecure: Bool = false) throws {
        self.folder = folder
        if isSecure {
            let made = try Program("openssl").run(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder + "/key.pem", "-out",
                folder + "/certificate.pem", "-days", "2", "-subj", "/CN=127.0.0.2", "-addext",
                "subjectAltName=IP:127.0.0.2")
            if made.status != 0 { throw TestSupportError(made.errors) }
        }
        try Self.script.write(toFile: folder + "/server.py", atomically: true, encoding: .utf8)
        (process, leash) = try Leash.start(
            [Program.find("python3") ?? "python3", folder + "/server.py", folder, files, isSecure ? "tls" : ""],
            log: folder + "/log")
        var port: String?
        for _ in 0..<18_000 where port == nil {
            port = try? String(contentsOfFile: folder + "/port", encoding: .utf8)
            if port == nil { usleep(10_000) }
        }
        guard let port else { throw TestSupportError("the server does not start: see \(folder)/log") }
        address = "\(isSecure ? "https" : "http")://127.0.0.2:\(port)/"
    }

    deinit {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private static let script = #"""
        import http.server, os, ssl, sys
        folder, files, secure = sys.argv[1:4]
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *words): super().__init__(*words, directory=files)
            def log_message(self, *words): pass
            def do_GET(self):
                with open(folder + "/shown", "a") as log: log.write((self.headers.get("Authorization") or "-") + "\n")
                super().do_GET()
        server = http.server.ThreadingHTTPServer(("127.0.0.2", 0), Handler)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with open(folder + "/port.new", "w") as file: file.write(str(server.server_port))
        os.rename(folder + "/port.new", folder + "/port")
        server.serve_forever()
        """#
}
