internal import CCurl
internal import Files
internal import Glibc

/// A request to a server.
struct WebRequest {
    enum Body {
        case none
        case bytes([UInt8])
        /// A range of a file.
        case file(path: String, offset: Int64, count: Int64)
    }

    var method: String
    var address: String
    var headers: [(name: String, value: String)] = []
    var body = Body.none
}

/// What the server says.
struct WebAnswer {
    var status = 0
    /// By their names in small letters; of several of a name, the last.
    var headers: [String: String] = [:]
    /// All `www-authenticate` headers.
    var challenges: [String] = []
    /// At most `WebConnection.largestBody` bytes; without what went to a sink.
    var body: [UInt8] = []
}

/// A connection of libcurl to servers, kept open between requests. One thread at a time. Follows nothing by itself.
final class WebConnection {
    static let largestBody = 4 << 20
    private let easy: UnsafeMutableRawPointer
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private static let started: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    // Of the exchange that is going on.
    private var answer = WebAnswer()
    private var sink: ((_ status: Int, UnsafeRawBufferPointer) throws -> Void)?
    private var sinkError: (any Error)?
    private var source: [UInt8] = []
    private var file: (descriptor: Int32, offset: Int64, count: Int64)?
    private var sent: Int64 = 0
    private var isTooLong = false
    private var progress: ((Int64) -> Void)?

    init() throws(RegistryFailure) {
        guard Self.started, let easy = curl_easy_init() else {
            errorText.deallocate()
            throw RegistryFailure("libcurl does not start", .resources)
        }
        self.easy = easy
    }

    deinit {
        curl_easy_cleanup(easy)
        errorText.deallocate()
    }

    /// - Parameters:
    ///   - sink: takes the body of an answer with a status from 200 to 299.
    ///   - progress: told how many bytes of the request's body went out since the last time.
    /// - Throws: where there is no answer, or its body is too long; what the sink throws.
    func exchange(
        _ request: WebRequest, sink: ((_ status: Int, UnsafeRawBufferPointer) throws -> Void)? = nil,
        progress: ((Int64) -> Void)? = nil
    ) throws -> WebAnswer {
        curl_easy_reset(easy)
        (answer, self.sink, sinkError, source, file, sent) = (WebAnswer(), sink, nil, [], nil, 0)
        (isTooLong, self.progress) = (false, progress)
        defer {
            if let file { close(file.descriptor) }
            (self.sink, self.progress, source, file) = (nil, nil, [], nil)
        }
        var headers: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(headers) }
        for (name, value) in request.headers { headers = curl_slist_append(headers, "\(name): \(value)") }
        try setOptions(request)
        if let headers { las_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers) }
        errorText[0] = 0
        let result = curl_easy_perform(easy)
        if let sinkError { throw sinkError }
        if isTooLong { throw RegistryFailure("the server's answer is too long", place: request.address, .integrity) }
        guard result == CURLE_OK else { throw failure(result, request) }
        answer.status = las_curl_response_code(easy)
        return answer
    }

    private func setOptions(_ request: WebRequest) throws(RegistryFailure) {
        las_curl_begin(easy, request.address, errorText, 60)
        las_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        las_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
        var size: Int64?
        switch request.body {
        case .none: break
        case .bytes(let bytes): (source, size) = (bytes, Int64(bytes.count))
        case .file(let path, let offset, let count):
            do throws(FileFailure) {
                file = (try File.open(path, O_RDONLY | O_CLOEXEC, action: "read"), offset, count)
            } catch {
                throw RegistryFailure("can't read \(path)", cause: error.description, .resources)
            }
            size = count
        }
        switch (request.method, size) {
        case ("HEAD", _): las_curl_set_number(easy, CURLOPT_NOBODY, 1)
        case ("GET", nil): las_curl_set_number(easy, CURLOPT_HTTPGET, 1)
        case (_, let size):
            las_curl_set_number(easy, CURLOPT_UPLOAD, 1)
            las_curl_set_size(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(size ?? 0))
            las_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
        }
        let own = Unmanaged.passUnretained(self).toOpaque()
        for option in [CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA] {
            las_curl_set_pointer(easy, option, own)
        }
        las_curl_set_writer(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let connection = Unmanaged<WebConnection>.fromOpaque(context).takeUnretainedValue()
            return connection.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
        las_curl_set_header_reader(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let connection = Unmanaged<WebConnection>.fromOpaque(context).takeUnretainedValue()
            connection.takeHeader(UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
        las_curl_set_reader(easy) { buffer, size, count, context in
            guard let buffer, let context else { return Int(CURL_READFUNC_ABORT) }
            let connection = Unmanaged<WebConnection>.fromOpaque(context).takeUnretainedValue()
            return connection.give(UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
        }
        las_curl_set_seeker(easy) { context, offset, origin in
            guard let context, origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
            Unmanaged<WebConnection>.fromOpaque(context).takeUnretainedValue().sent = Int64(offset)
            return CURL_SEEKFUNC_OK
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let status = las_curl_response_code(easy)
        if let sink, (200..<300).contains(status) {
            do { try sink(status, bytes) } catch {
                sinkError = error
                return false
            }
            return true
        }
        guard answer.body.count + bytes.count <= Self.largestBody else {
            isTooLong = true
            return false
        }
        answer.body += bytes
        return true
    }

    private func takeHeader(_ line: UnsafeRawBufferPointer) {
        // After “100 Continue” another head comes.
        if line.starts(with: "HTTP/".utf8) { (answer.headers, answer.challenges) = ([:], []) }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), line.count < 16384 else { return }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let bytes = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
        let value = String(decoding: bytes.prefix { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
        answer.headers[name] = value
        if name == "www-authenticate" { answer.challenges.append(value) }
    }

    private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var given = 0
        if let file {
            let count = Int(min(Int64(buffer.count), file.count - sent))
            if count > 0 {
                given = pread(file.descriptor, buffer.baseAddress, count, off_t(file.offset + sent))
                // Shorter than it was: what is sent would not be what was promised.
                if given <= 0 { return Int(CURL_READFUNC_ABORT) }
            }
        } else {
            given = min(buffer.count, source.count - Int(sent))
            source[Int(sent)..<Int(sent) + given].withUnsafeBytes { buffer.copyMemory(from: $0) }
        }
        sent += Int64(given)
        if given > 0 { progress?(Int64(given)) }
        return given
    }

    private func failure(_ result: CURLcode, _ request: WebRequest) -> RegistryFailure {
        let told = String(cString: errorText)
        let reason = told.isEmpty ? String(cString: curl_easy_strerror(result)) : told
        let server = request.address.split(separator: "/", maxSplits: 3).dropFirst().first.map(String.init) ?? ""
        switch result {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            return RegistryFailure(
                "can't reach the server \(server)", cause: reason, fix: "is its name right, and is it running?",
                .unreachable, mayPass: result == CURLE_COULDNT_CONNECT)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CONNECT_ERROR:
            return RegistryFailure(
                "the server \(server) can't show that it is the one", cause: reason,
                fix:
                    "for an authority of your own name its file in SSL_CERT_FILE; for a registry without TLS say --plain-http",
                .unreachable)
        default:
            return RegistryFailure(
                "the connection to \(server) broke off", cause: reason, fix: "try again", .unreachable, mayPass: true)
        }
    }
}
