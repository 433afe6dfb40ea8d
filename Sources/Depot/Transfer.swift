internal import CCurl
internal import Digests
internal import Files
internal import Glibc
internal import JSON

/// One file on its way: written to `PATH.part`, hashed as it comes, renamed when it is whole.
final class Transfer {
    enum End {
        case done(Downloaded)
        /// May go better next time.
        case again(DownloadProblem)
        case failed(DownloadProblem)
    }

    let download: Download
    let turn: Int
    let tries: Tries
    let easy: UnsafeMutableRawPointer
    private(set) var received: Int64 = 0
    /// The whole file's size, as the server says it.
    private(set) var announced: Int64?
    private let part: String
    private let descriptor: Int32
    /// Where the part ended that was there already.
    private var resumedAt: Int64
    /// What that part is of, where only this tells.
    private let partOf: Validators?
    private var hasBegun = false
    private var hasher = SHA256()
    private var answer = ServerAnswer()
    private var refusal: DownloadProblem?
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// Whether bytes came.
    var hasBrought: Bool { received > resumedAt }

    init(_ download: Download, turn: Int, tries: Tries) throws(DownloadProblem) {
        (self.download, self.turn, self.tries, part) = (download, turn, tries, download.path + ".part")
        guard let easy = curl_easy_init() else {
            errorText.deallocate()
            throw DownloadProblem(kind: .disk, address: download.address, reason: "libcurl has no memory")
        }
        self.easy = easy
        errorText[0] = 0
        // Only what will be checked against a digest, or asked for by its version, may go on from an earlier run.
        let partOf = download.isOfWeb && download.digest == nil ? Self.validators(of: part) : nil
        var resumedAt: Int64 = 0
        do throws(FileFailure) {
            if download.digest != nil || partOf?.ofRange != nil, let have = File.status(part), have.kind == .file,
                have.size > 0, have.size < download.size ?? .max
            {
                try Self.hash(part, into: &hasher)
                resumedAt = have.size
            }
            let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_APPEND | (resumedAt > 0 ? 0 : O_TRUNC)
            descriptor = try File.open(part, flags, action: "write")
        } catch {
            curl_easy_cleanup(easy)
            errorText.deallocate()
            throw DownloadProblem(kind: .disk, address: download.address, reason: error.description)
        }
        (self.resumedAt, received, self.partOf) = (resumedAt, resumedAt, partOf)
        setOptions()
    }

    deinit {
        close(descriptor)
        curl_easy_cleanup(easy)
        curl_slist_free_all(headers)
        errorText.deallocate()
    }

    private static func hash(_ path: String, into hasher: inout SHA256) throws(FileFailure) {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(descriptor) }
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { return }
            chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    // MARK: Asking

    private func setOptions() {
        las_curl_begin(easy, download.address, errorText, 30)
        las_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, download.isOfWeb ? "http,https" : "http,https,file")
        let staysSecure = download.isOfWeb && download.address.hasPrefix("https:")
        las_curl_set_text(easy, CURLOPT_REDIR_PROTOCOLS_STR, staysSecure ? "https" : "http,https")
        las_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 1)
        las_curl_set_number(easy, CURLOPT_MAXREDIRS, 5)
        las_curl_set_number(easy, CURLOPT_FAILONERROR, 1)
        if resumedAt > 0 {
            if download.isOfWeb {
                // Unlike a position to resume at, a range may be answered with the whole file.
                las_curl_set_text(easy, CURLOPT_RANGE, "\(resumedAt)-")
                if let version = partOf?.ofRange { addHeader("If-Range: \(version)") }
            } else {
                las_curl_set_size(easy, CURLOPT_RESUME_FROM_LARGE, curl_off_t(resumedAt))
            }
        } else if let known = download.known {
            if let tag = known.entityTag {
                addHeader("If-None-Match: \(tag)")
            } else if let time = known.lastModified {
                addHeader("If-Modified-Since: \(time)")
            }
        }
        if let headers { las_curl_set_pointer(easy, CURLOPT_HTTPHEADER, headers) }
        let own = Unmanaged.passUnretained(self).toOpaque()
        las_curl_set_pointer(easy, CURLOPT_WRITEDATA, own)
        las_curl_set_writer(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
        las_curl_set_pointer(easy, CURLOPT_HEADERDATA, own)
        las_curl_set_header_reader(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.takeHeader(line) ? size * count : 0
        }
    }

    private func addHeader(_ line: String) { headers = curl_slist_append(headers, line) }

    // MARK: Taking

    private func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        answer.read(line)
        let isEnd = line.elementsEqual("\r\n".utf8) || line.elementsEqual("\n".utf8)
        guard isEnd, !hasBegun, (200..<300).contains(las_curl_response_code(easy)) else { return true }
        return begin()
    }

    /// Looks at the answer before the first byte is taken.
    private func begin() -> Bool {
        hasBegun = true
        if download.isOfWeb, resumedAt > 0 {
            if las_curl_response_code(easy) == 206 {
                guard answer.rangeStart == resumedAt else {
                    File.remove(part)
                    refusal = problem(.unreachable, "it sends another piece of the file than it was asked for")
                    return false
                }
            } else {
                // The file has changed, or the server knows no pieces: this is all of it.
                guard ftruncate(descriptor, 0) == 0 else {
                    refusal = problem(.disk, FileFailure("write", part).description)
                    return false
                }
                (resumedAt, received, hasher) = (0, 0, SHA256())
            }
        }
        announced = answer.length.map { $0 + resumedAt }
        if let announced, download.isOfWeb, !mayHave(announced) { return false }
        if download.isOfWeb, download.digest == nil, !answer.validators.isEmpty {
            try? File.create(Self.validatorsFile(of: part), JSONText.encode(answer.validators))
        }
        return true
    }

    private func mayHave(_ size: Int64) -> Bool {
        if let wanted = download.size, size != wanted {
            refusal = problem(.wrong, "it has \(size) bytes, not \(wanted)")
        } else if download.size == nil, size > download.limit {
            refusal = problem(.tooLarge, "it has \(size) bytes, and no more than \(download.limit) may be taken")
        }
        return refusal == nil
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if !hasBegun, !begin() { return false }
        guard received + Int64(bytes.count) <= download.size ?? download.limit else {
            let most = download.size ?? download.limit
            refusal = problem(download.size == nil ? .tooLarge : .wrong, "it is longer than \(most) bytes")
            return false
        }
        do throws(FileFailure) { try File.writeAll(Array(bytes), to: descriptor, path: part) } catch {
            refusal = problem(.disk, error.description)
            return false
        }
        hasher.update(bytes)
        received += Int64(bytes.count)
        return true
    }

    // MARK: The end

    func end(_ result: CURLcode) -> End {
        if let refusal {
            switch refusal.kind {
            case .wrong, .tooLarge: removePart()
            case .unreachable: return .again(refusal)
            default: break
            }
            return .failed(refusal)
        }
        guard result == CURLE_OK else { return end(of: result) }
        if download.known != nil, las_curl_response_code(easy) == 304 {
            removePart()
            return .done(
                Downloaded(digest: hasher.digest(), size: 0, validators: answer.validators, isUnchanged: true))
        }
        // An empty file has no first byte.
        if !hasBegun, !begin() { return end(result) }
        if let size = download.size, received != size {
            if received > size { removePart() }
            return .again(problem(.wrong, "it has \(received) bytes, not \(size)"))
        }
        let found = hasher.digest()
        if let digest = download.digest, found != digest {
            removePart()
            let wrong = problem(.wrong, "its SHA-256 is \(found), not \(digest)")
            // Perhaps the part kept from an earlier run was another version's.
            return resumedAt > 0 ? .again(wrong) : .failed(wrong)
        }
        // Not synced: who uses it later looks at its digest again.
        if rename(part, download.path) != 0 { return .failed(problem(.disk, FileFailure("rename", part).description)) }
        removePart()
        return .done(
            Downloaded(digest: found, size: received, validators: answer.validators, isUnchanged: false))
    }

    private func end(of result: CURLcode) -> End {
        let response = las_curl_response_code(easy)
        let told = String(cString: errorText)
        var reason = told.isEmpty ? String(cString: curl_easy_strerror(result)) : told
        if result == CURLE_HTTP_RETURNED_ERROR { reason = "the server answered \(response)" }
        switch result {
        case CURLE_FILE_COULDNT_READ_FILE: return .failed(problem(.missing, "no such file"))
        case CURLE_HTTP_RETURNED_ERROR where response == 404 || response == 410:
            return .failed(problem(.missing, reason))
        case CURLE_HTTP_RETURNED_ERROR where response == 401 || response == 403 || response == 407:
            return .failed(problem(.forbidden, reason))
        case CURLE_HTTP_RETURNED_ERROR where response == 416, CURLE_RANGE_ERROR, CURLE_BAD_DOWNLOAD_RESUME:
            removePart()
            return .again(problem(.unreachable, reason))
        case CURLE_HTTP_RETURNED_ERROR where response < 500 && response != 429 && response != 408:
            return .failed(problem(.unreachable, reason))
        case CURLE_UNSUPPORTED_PROTOCOL where download.isOfWeb:
            return .failed(
                problem(.unreachable, "the server leads on to an address that las does not follow: \(reason)"))
        case CURLE_TOO_MANY_REDIRECTS:
            return .failed(problem(.unreachable, "the server leads on from one address to the next more than 5 times"))
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,
            CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CONNECT_ERROR:
            return .failed(problem(.unreachable, reason))
        default: return .again(problem(.unreachable, reason))
        }
    }

    private func problem(_ kind: DownloadProblem.Kind, _ reason: String) -> DownloadProblem {
        DownloadProblem(kind: kind, address: download.address, reason: reason)
    }

    // MARK: What a part is of

    private static func validatorsFile(of part: String) -> String { part + ".of" }

    private static func validators(of part: String) -> Validators? {
        guard let bytes = try? File.read(validatorsFile(of: part), atMost: 1 << 16) else { return nil }
        return try? JSONText.decode(Validators.self, from: bytes)
    }

    private func removePart() {
        File.remove(part)
        if download.isOfWeb { File.remove(Self.validatorsFile(of: part)) }
    }
}

/// What the head of an answer says; of several, after redirections, the last.
private struct ServerAnswer {
    private(set) var validators = Validators()
    /// Bytes that follow.
    private(set) var length: Int64?
    private(set) var rangeStart: Int64?

    mutating func read(_ line: UnsafeRawBufferPointer) {
        if line.starts(with: "HTTP/".utf8) { self = ServerAnswer() }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), line.count < 1000 else { return }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let bytes = line[(colon + 1)...].drop { $0 == 0x20 }
        let value = String(decoding: bytes.prefix { $0 >= 0x20 && $0 < 0x7F }, as: UTF8.self)
        switch name {
        case "etag": validators.entityTag = value.isEmpty ? nil : value
        case "last-modified": validators.lastModified = value.isEmpty ? nil : value
        case "content-length": length = Int64(value).flatMap { $0 >= 0 ? $0 : nil }
        case "content-range":
            guard value.hasPrefix("bytes ") else { return }
            rangeStart = Int64(value.dropFirst(6).prefix { $0 != "-" })
        default: break
        }
    }
}
