internal import Foundation

/// A real HTTP server (Python's) for the files of a folder, on a free loopback port, that also does what servers do wrong.
/// It ends with the value, and with the test's process, however that ends.
///
/// Below `/files/` it knows ranges and versions; `/cut/N/F` breaks off after N bytes the first time and then goes on like
/// `/files/F`; `/always-cut/N/F` breaks off every answer; `/plain/F` knows neither ranges nor versions; `/unsized/F` does not
/// say how long F is; `/wrong-range/F` sends another piece than it was asked for; `/huge` says that 10^15 bytes follow;
/// `/status/N` answers N; `/to/URL` leads on to URL; `/loop` to itself.
package final class WebServer: @unchecked Sendable {
    package static var missing: String? { Program.find("python3") == nil ? "python3 is not installed" : nil }

    package let folder: String
    package let port: Int
    private let isSecure: Bool
    private let process: Process
    private let leash: Pipe

    package var address: String { "\(isSecure ? "https" : "http")://127.0.0.1:\(port)" }
    /// The certificate of a server that speaks TLS: nobody vouches for it but itself.
    package var certificate: String { folder + ".server/certificate.pem" }

    /// What it was asked for: the path, and the range where one was asked for.
    package var requests: [String] {
        ((try? String(contentsOfFile: folder + ".server/requests", encoding: .utf8)) ?? "").split(separator: "\n")
            .map(String.init)
    }

    /// - Parameter folder: exists; beside it the server keeps a folder of its own.
    package init(of folder: String, isSecure: Bool = false) throws {
        (self.folder, self.isSecure) = (folder, isSecure)
        let own = folder + ".server"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        try Self.script.write(toFile: own + "/server.py", atomically: true, encoding: .utf8)
        if isSecure {
            try Program("openssl").run(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                own + "/key.pem", "-out", own + "/certificate.pem", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                "subjectAltName=IP:127.0.0.1")
        }
        (process, leash) = try Leash.start(
            [Program.find("python3") ?? "python3", own + "/server.py", folder, own, isSecure ? "tls" : "plain"],
            log: own + "/log")
        var port: Int?
        for _ in 0..<18_000 where port == nil {
            port = (try? String(contentsOfFile: own + "/port", encoding: .utf8)).flatMap { Int($0) }
            if port == nil { usleep(10_000) }
        }
        guard let port else {
            throw TestSupportError(
                "the server does not start: \((try? String(contentsOfFile: own + "/log", encoding: .utf8)) ?? "")")
        }
        self.port = port
    }

    deinit { stop() }

    /// Ends the server, and waits for its end.
    package func stop() {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private static let script = #"""
        import hashlib, http.server, os, ssl, sys, urllib.parse
        root, own, kind = sys.argv[1:4]
        cut = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def empty(self, code, **headers):
                self.send_response(code)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            def do_GET(self):
                asked = self.headers.get("Range")
                with open(own + "/requests", "a") as log:
                    log.write(self.path + (" " + asked if asked else "") + "\n")
                path = urllib.parse.unquote(self.path.split("?")[0])
                word, _, rest = path[1:].partition("/")
                if word == "to": return self.empty(302, Location=rest)
                if word == "loop": return self.empty(302, Location="/loop")
                if word == "status": return self.empty(int(rest))
                most = None
                if word in ("cut", "always-cut"):
                    count, _, rest = rest.partition("/")
                    if word == "always-cut" or self.path not in cut: most = int(count)
                    cut.add(self.path)
                if word == "huge":
                    self.send_response(200)
                    self.send_header("Content-Length", "1000000000000000")
                    self.end_headers()
                    return
                try:
                    with open(os.path.join(root, rest), "rb") as file: data = file.read()
                except OSError: return self.empty(404)
                start, code = 0, 200
                tag = '"' + hashlib.sha256(data).hexdigest()[:16] + '"'
                if word not in ("plain", "unsized"):
                    if self.headers.get("If-None-Match") == tag: return self.empty(304, ETag=tag)
                    if asked and self.headers.get("If-Range", tag) == tag:
                        start, code = int(asked[6:].rstrip("-")), 206
                        if start >= len(data): return self.empty(416)
                        if word == "wrong-range": start //= 2
                self.send_response(code)
                self.send_header("Connection", "close")
                self.close_connection = True
                if word not in ("plain", "unsized"): self.send_header("ETag", tag)
                if code == 206: self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
                if word != "unsized": self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                self.wfile.write(data[start:] if most is None else data[start:start + most])

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if kind == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(own + "/certificate.pem", own + "/key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        with open(own + "/port.new", "w") as file: file.write(str(server.server_address[1]))
        os.rename(own + "/port.new", own + "/port")
        server.serve_forever()
        """#
}
