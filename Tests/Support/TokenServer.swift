internal import Foundation

/// A server that gives tokens for a registry, as docker's own does: signed by a key whose certificate the registry is told.
/// It ends with the value, and with the test's process, however that ends.
package final class TokenServer: @unchecked Sendable {
    package static var missing: String? {
        ["python3", "openssl"].first { Program.find($0) == nil }.map { "\($0) is not installed" }
    }

    package let port: Int
    package var certificate: String { folder + "/certificate.pem" }
    private let folder: String
    private let process: Process
    private let leash: Pipe

    /// Every request: its method and what it showed of the person, `-` for nothing.
    package var requests: [String] {
        ((try? String(contentsOfFile: folder + "/requests", encoding: .utf8)) ?? "").split(separator: "\n")
            .map(String.init)
    }

    /// - Parameters:
    ///   - folder: exists, and is the server's alone.
    ///   - address: on which it listens: an address of the loopback interface.
    ///   - stale: how many tokens have expired when they are given, at first.
    ///   - brief: how many then are taken for three seconds only: a registry allows for clocks that are a minute off.
    package init(
        in folder: String, address: String = "127.0.0.1", user: String, password: String, stale: Int = 0, brief: Int = 0
    )
        throws
    {
        self.folder = folder
        try Self.script.write(toFile: folder + "/server.py", atomically: true, encoding: .utf8)
        try Program("openssl").run(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder + "/key.pem", "-out",
            folder + "/certificate.pem", "-days", "2", "-subj", "/CN=test")
        (process, leash) = try Leash.start(
            [
                Program.find("python3") ?? "python3", folder + "/server.py", folder, address, "\(user):\(password)",
                String(stale), String(brief),
            ], log: folder + "/log")
        var port: Int?
        for _ in 0..<18_000 where port == nil {
            port = (try? String(contentsOfFile: folder + "/port", encoding: .utf8)).flatMap { Int($0) }
            if port == nil { usleep(10_000) }
        }
        guard let port else { throw TestSupportError("the server for tokens does not start: see \(folder)/log") }
        self.port = port
    }

    deinit {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private static let script = #"""
        import base64, http.server, json, os, subprocess, sys, time, urllib.parse
        folder, address, credentials, stale, brief = sys.argv[1:6]
        stale, brief = int(stale), int(brief)
        plain = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        der = subprocess.run(["openssl", "x509", "-in", folder + "/certificate.pem", "-outform", "DER"],
                             capture_output=True, check=True).stdout
        def token(scope):
            global stale, brief
            now = int(time.time())
            end = now + 300
            if stale > 0: stale, end = stale - 1, now - 3600
            elif brief > 0: brief, end = brief - 1, now - 57
            kind, name, actions = scope.split(":")
            head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
            claims = {"iss": "test", "sub": "someone", "aud": "test", "exp": end, "nbf": now - 7200, "iat": now - 7200,
                      "jti": str(time.time()), "access": [{"type": kind, "name": name, "actions": actions.split(",")}]}
            text = plain(json.dumps(head).encode()) + "." + plain(json.dumps(claims).encode())
            mark = subprocess.run(["openssl", "dgst", "-sha256", "-sign", folder + "/key.pem"], input=text.encode(),
                                  capture_output=True, check=True).stdout
            return text + "." + plain(mark)
        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def do_GET(self):
                shown = self.headers.get("Authorization")
                with open(folder + "/requests", "a") as log: log.write("GET " + (shown or "-") + "\n")
                fields = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                right = shown == "Basic " + base64.b64encode(credentials.encode()).decode()
                body = json.dumps({"token": token(fields["scope"][0])}).encode() if right else b"{}"
                self.send_response(200 if right else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        server = http.server.ThreadingHTTPServer((address, 0), Handler)
        with open(folder + "/port.new", "w") as file: file.write(str(server.server_port))
        os.rename(folder + "/port.new", folder + "/port")
        server.serve_forever()
        """#
}
