internal import CCurl
package import Digests
internal import Failures
package import Files
internal import Glibc
package import Metro
package import Workspaces

/// A folder on an FTP server, by libcurl: one connection, which is kept.
package final class FTPFolder: RemoteFolder {
    let server: FileServer
    private let password: String?
    private let easy: UnsafeMutableRawPointer
    private let errors = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    /// Seconds without a byte, after which it is given up.
    private let silence: Int
    package let shown: String

    private static let started: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// - Parameter password: of the user whom the address names; nil where `netrc` may know it.
    package init(_ server: FileServer, password: String?, silence: Int = 30) throws(RemoteTrouble) {
        guard Self.started, let easy = curl_easy_init() else {
            errors.deallocate()
            throw RemoteTrouble(.hopeless, "libcurl does not start")
        }
        (self.server, self.password, self.easy, self.silence) = (server, password, easy, silence)
        shown = Shown.text(server.address, atMost: 200)
    }

    deinit {
        curl_easy_cleanup(easy)
        errors.deallocate()
    }

    // MARK: One exchange

    /// What goes and comes while it lasts.
    final class Exchange {
        /// What the server says.
        var lines: [String] = []
        var taken: [UInt8] = []
        /// Where bytes go that come; memory where it is nil.
        var target: Int32?
        var source: (file: Int32, size: Int64, at: Int64) = (-1, 0, 0)
        var hasher = SHA256()
        var count: Int64 = 0
        /// Why las itself broke it off.
        var failure: FileFailure?
        static let mostListed = 256 << 20
    }

    private func begin(_ path: RelativePath?, isFolder: Bool, _ exchange: Exchange) {
        // The connection stays.
        curl_easy_reset(easy)
        errors[0] = 0
        las_curl_begin(easy, address(of: path, isFolder: isFolder), errors, silence)
        las_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "ftp,ftps")
        // A proxy for the web speaks no FTP.
        las_curl_set_text(easy, CURLOPT_PROXY, "")
        las_curl_set_number(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, silence)
        if let password {
            if let user = server.user { las_curl_set_text(easy, CURLOPT_USERNAME, user) }
            las_curl_set_text(easy, CURLOPT_PASSWORD, password)
        } else {
            las_curl_set_number(easy, CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue))
            if let file = getenv("NETRC"), file.pointee != 0 {
                las_curl_set_text(easy, CURLOPT_NETRC_FILE, String(cString: file))
            }
        }
        let security = server.security == .demanded ? CURLUSESSL_ALL : CURLUSESSL_TRY
        las_curl_set_number(easy, CURLOPT_USE_SSL, Int(security.rawValue))
        let own = Unmanaged.passUnretained(exchange).toOpaque()
        las_curl_set_pointer(easy, CURLOPT_HEADERDATA, own)
        las_curl_set_header_reader(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
            let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
            let text = line.prefix { $0 != 0x0D && $0 != 0x0A }
            if exchange.lines.count < 1000 { exchange.lines.append(String(decoding: text, as: UTF8.self)) }
            return size * count
        }
        las_curl_set_pointer(easy, CURLOPT_WRITEDATA, own)
        las_curl_set_writer(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
            return exchange.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
    }

    /// - Parameters:
    ///   - first: commands before anything is opened, `*` before one that may fail.
    ///   - then: those in the folder, before anything goes or comes.
    private func perform(
        _ what: String, _ exchange: Exchange, first: [String] = [], then: [String] = []
    ) throws(RemoteTrouble) {
        var lists: [UnsafeMutablePointer<curl_slist>?] = []
        defer { lists.forEach { curl_slist_free_all($0) } }
        for (option, commands) in [(CURLOPT_QUOTE, first), (CURLOPT_PREQUOTE, then)] where !commands.isEmpty {
            var list: UnsafeMutablePointer<curl_slist>?
            for command in commands { list = curl_slist_append(list, command) }
            lists.append(list)
            las_curl_set_pointer(easy, option, list)
        }
        let result = withExtendedLifetime(exchange) { curl_easy_perform(easy) }
        if result == CURLE_OK { return }
        if let failure = exchange.failure {
            throw RemoteTrouble(.away, failure.summary, cause: failure.cause, fix: failure.fix)
        }
        throw FTPTrouble(
            result, code: las_curl_response_code(easy), told: String(cString: errors), last: exchange.lines.last,
            server: server
        ).trouble(what)
    }

    private func address(of path: RelativePath?, isFolder: Bool) -> String {
        let scheme = server.security == .implied ? "ftps" : "ftp"
        var names = server.folders.map { $0.isEmpty ? "%2F" : Self.encoded($0) }
        if let path { names += path.components.map(Self.encoded) }
        let folder = isFolder && !names.isEmpty ? "/" : ""
        // Of a user whom the address names the password is looked for, and of one whom an option names it is not.
        let login = password == nil ? server.user.map { Self.encoded($0) + "@" } ?? "" : ""
        return "\(scheme)://\(login)\(server.host)/\(names.joined(separator: "/"))\(folder)"
    }

    private static func encoded(_ name: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                text.append(byte)
            default: text += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A path behind a command, from the folder on. Nothing in it ends the line: `Outpost` names no such file.
    private static func argument(_ path: RelativePath) throws(RemoteTrouble) -> String {
        guard path.string.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw RemoteTrouble(.refused, "the file's name can't be said to a server")
        }
        return "./\(path)"
    }

    // MARK: What is asked

    package func list() throws(RemoteTrouble) -> (items: [RelativePath: RemoteItem], unreadable: Set<RelativePath>) {
        var items: [RelativePath: RemoteItem] = [:]
        var unreadable: Set<RelativePath> = []
        /// With what tells the folders apart that it lies in: a link may lead back up.
        var waiting: [(folder: RelativePath?, above: [UInt64])] = [(nil, [])]
        while let (folder, above) = waiting.popLast() {
            let entries: [FTPEntry]
            do throws(RemoteTrouble) { entries = try self.entries(of: folder) } catch {
                guard let folder, error.kind == .refused || error.kind == .missing else { throw error }
                unreadable.insert(folder)
                continue
            }
            var twice: Set<RelativePath> = []
            for entry in entries {
                guard let path = RelativePath(entry.name, in: folder) else { continue }
                if items[path] != nil {
                    twice.insert(path)
                    continue
                }
                let item = entry.item
                if item.isFolder {
                    if above.count > 60 || entry.unique != 0 && above.contains(entry.unique) { continue }
                    waiting.append((path, above + [entry.unique]))
                }
                items[path] = item
            }
            // A name that has a line break in it, most likely: nobody knows what it is.
            for path in twice {
                items[path] = nil
                waiting.removeAll { $0.folder == path }
                unreadable.insert(path)
            }
        }
        return (items, unreadable)
    }

    private func entries(of folder: RelativePath?) throws(RemoteTrouble) -> [FTPEntry] {
        let exchange = Exchange()
        begin(folder, isFolder: true, exchange)
        las_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, "MLSD")
        do throws(RemoteTrouble) {
            try perform(
                "list \(folder.map { Shown.text($0.string, atMost: 200) } ?? "the folder")", exchange,
                first: folder == nil ? ["*OPTS MLST type;size;modify;unique;"] : [])
        } catch {
            let code = las_curl_response_code(easy)
            if error.kind == .refused, [500, 501, 502, 504].contains(code) {
                throw RemoteTrouble(
                    .hopeless, "the server can't list files in a form that is sure",
                    cause: "it does not know the command MLSD (RFC 3659), and what LIST says is for people",
                    fix: "use a server that does: ProFTPD, Pure-FTPd, FileZilla Server, pyftpdlib")
            }
            throw error
        }
        return exchange.taken.split(separator: UInt8(ascii: "\n")).compactMap { FTPEntry(line: $0) }
    }

    package func item(at path: RelativePath) throws(RemoteTrouble) -> RemoteItem? {
        let exchange = Exchange()
        begin(nil, isFolder: true, exchange)
        las_curl_set_number(easy, CURLOPT_NOBODY, 1)
        let command = "MLST \(try Self.argument(path))"
        do throws(RemoteTrouble) { try perform("look at \(Self.name(path))", exchange, then: [command]) } catch {
            if error.kind == .missing || error.kind == .refused && las_curl_response_code(easy) == 550 { return nil }
            throw error
        }
        // The last answer; a line of it begins with a space.
        guard let line = exchange.lines.last(where: { $0.utf8.first == 0x20 }),
            let entry = FTPEntry(line: Array(line.utf8.dropFirst())[...])
        else { throw RemoteTrouble(.away, "the server's answer about \(Self.name(path)) can't be understood") }
        return entry.item
    }

    package func get(
        _ path: RelativePath, into file: Int32
    ) throws(RemoteTrouble) -> (digest: Digest, size: Int64) {
        let exchange = Exchange()
        exchange.target = file
        begin(path, isFolder: false, exchange)
        try perform("fetch \(Self.name(path))", exchange)
        return (exchange.hasher.digest(), exchange.count)
    }

    package func put(
        _ file: Int32, size: Int64, as path: RelativePath, makesFolder: Bool
    ) throws(RemoteTrouble) -> Digest {
        let exchange = Exchange()
        exchange.source = (file, size, 0)
        begin(path, isFolder: false, exchange)
        las_curl_set_number(easy, CURLOPT_UPLOAD, 1)
        las_curl_set_size(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(size))
        if makesFolder { las_curl_set_number(easy, CURLOPT_FTP_CREATE_MISSING_DIRS, 1) }
        let own = Unmanaged.passUnretained(exchange).toOpaque()
        las_curl_set_pointer(easy, CURLOPT_READDATA, own)
        las_curl_set_reader(easy) { buffer, size, count, context in
            guard let buffer, let context else { return Int(CURL_READFUNC_ABORT) }
            return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue().give(buffer, size * count)
        }
        las_curl_set_pointer(easy, CURLOPT_SEEKDATA, own)
        las_curl_set_seeker(easy) { context, offset, origin in
            guard let context, offset == 0, origin == SEEK_SET else { return CURL_SEEKFUNC_FAIL }
            let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
            (exchange.source.at, exchange.hasher) = (0, SHA256())
            return CURL_SEEKFUNC_OK
        }
        try perform("put a file there", exchange)
        return exchange.hasher.digest()
    }

    package func rename(_ path: RelativePath, to other: RelativePath) throws(RemoteTrouble) {
        try command(
            "give \(Self.name(other)) its name", ["RNFR \(Self.argument(path))", "RNTO \(Self.argument(other))"])
    }

    package func makeFolder(_ path: RelativePath) throws(RemoteTrouble) {
        do throws(RemoteTrouble) {
            try command("make the folder \(Self.name(path))", ["MKD \(Self.argument(path))"])
        } catch {
            if error.kind == .refused || error.kind == .missing, try item(at: path)?.isFolder ?? false { return }
            throw error
        }
    }

    package func remove(_ path: RelativePath, isFolder: Bool) throws(RemoteTrouble) {
        try command(
            "remove \(Self.name(path))", ["\(isFolder ? "RMD" : "DELE") \(Self.argument(path))"])
    }

    private func command(_ what: String, _ commands: [String]) throws(RemoteTrouble) {
        let exchange = Exchange()
        begin(nil, isFolder: true, exchange)
        las_curl_set_number(easy, CURLOPT_NOBODY, 1)
        try perform(what, exchange, then: commands)
    }

    private static func name(_ path: RelativePath) -> String { Shown.text(path.string, atMost: 200) }
}

extension FTPFolder.Exchange {
    /// - Returns: whether it could be taken.
    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        count += Int64(bytes.count)
        guard let target else {
            // Longer than any folder's list.
            if taken.count + bytes.count > Self.mostListed { return false }
            taken += bytes
            return true
        }
        hasher.update(bytes)
        do throws(FileFailure) {
            try File.writeAll(Array(bytes), to: target, path: "what comes from the FTP server")
        } catch {
            failure = error
            return false
        }
        return true
    }

    /// - Returns: how many bytes; as libcurl wants it.
    func give(_ buffer: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        let wanted = Int(min(Int64(room), source.size - source.at))
        if wanted <= 0 { return 0 }
        while true {
            let count = pread(source.file, buffer, wanted, off_t(source.at))
            if count < 0, errno == EINTR { continue }
            // It has become shorter: what has come there by now goes again.
            if count <= 0 { return Int(CURL_READFUNC_ABORT) }
            hasher.update(UnsafeRawBufferPointer(start: buffer, count: count))
            source.at += Int64(count)
            return count
        }
    }
}
