internal import CCurl
internal import Digests
internal import Files
internal import Glibc

/// Gets files with libcurl, several at once; what was cut off goes on where it stopped, also in a later run.
struct Downloader {
    /// Transfers at a time.
    static let width = 6
    private static let tries = 3

    let observer: @Sendable (_ done: Int64, _ what: String) -> Void

    private static let started: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// - Returns: for each download, in their order, nil or why it did not come.
    func get(_ downloads: [Download]) -> [DownloadProblem?] {
        guard Self.started, let multi = curl_multi_init() else {
            return downloads.map { DownloadProblem(kind: .disk, address: $0.address, reason: "libcurl does not start") }
        }
        defer { curl_multi_cleanup(multi) }
        var problems: [DownloadProblem?] = Array(repeating: nil, count: downloads.count)
        var waiting = Array(downloads.indices)[...]
        var running: [Int: Transfer] = [:]
        var later: [(turn: Int, tries: Int, at: Int64)] = []
        var settled: Int64 = 0
        var lastReport: Int64 = 0

        func begin(_ turn: Int, tries: Int) {
            do {
                let transfer = try Transfer(downloads[turn], turn: turn, tries: tries)
                running[turn] = transfer
                curl_multi_add_handle(multi, transfer.easy)
            } catch { problems[turn] = error }
        }
        while true {
            let now = Self.milliseconds()
            for again in later where again.at <= now && running.count < Self.width {
                begin(again.turn, tries: again.tries)
            }
            later.removeAll { running[$0.turn] != nil || problems[$0.turn] != nil }
            while running.count < Self.width, let turn = waiting.popFirst() { begin(turn, tries: 1) }
            if running.isEmpty, later.isEmpty { return problems }

            var active: Int32 = 0
            curl_multi_perform(multi, &active)
            var left: Int32 = 0
            while let message = curl_multi_info_read(multi, &left) {
                let result = las_curl_result(message)
                guard let easy = message.pointee.easy_handle,
                    let found = running.first(where: { $0.value.easy == easy })
                else {
                    continue
                }
                let transfer = found.value
                curl_multi_remove_handle(multi, easy)
                running[transfer.turn] = nil
                switch transfer.end(result) {
                case .done: settled += transfer.received
                case .again where transfer.tries < Self.tries:
                    later.append((transfer.turn, transfer.tries + 1, now + Int64(transfer.tries) * 500))
                case .again(let problem), .failed(let problem): problems[transfer.turn] = problem
                }
            }
            if now - lastReport >= 100 || (running.isEmpty && waiting.isEmpty) {
                lastReport = now
                let what = running.min { $0.key < $1.key }?.value.download.what ?? ""
                observer(settled + running.values.reduce(0) { $0 + $1.received }, what)
            }
            if !running.isEmpty || !later.isEmpty { curl_multi_poll(multi, nil, 0, running.isEmpty ? 100 : 200, nil) }
        }
    }

    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// One file on its way: written to `PATH.part`, hashed as it comes, renamed when it is whole.
private final class Transfer {
    enum End {
        case done
        /// May go better next time.
        case again(DownloadProblem)
        case failed(DownloadProblem)
    }

    let download: Download
    let turn: Int
    let tries: Int
    let easy: UnsafeMutableRawPointer
    private(set) var received: Int64 = 0
    private let part: String
    private let descriptor: Int32
    private let resumedAt: Int64
    private var hasher = SHA256()
    private var refusal: DownloadProblem?

    init(_ download: Download, turn: Int, tries: Int) throws(DownloadProblem) {
        (self.download, self.turn, self.tries, part) = (download, turn, tries, download.path + ".part")
        guard let easy = curl_easy_init() else {
            throw DownloadProblem(kind: .disk, address: download.address, reason: "libcurl has no memory")
        }
        self.easy = easy
        var resumedAt: Int64 = 0
        do throws(FileFailure) {
            // Only what will be checked against a digest may go on from an earlier run.
            if download.digest != nil, let have = File.status(part), have.kind == .file, have.size > 0,
                have.size < download.size ?? .max
            {
                hasher.update(try File.read(part, atMost: 1 << 40))
                resumedAt = have.size
            }
            let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (resumedAt > 0 ? O_APPEND : O_TRUNC)
            descriptor = try File.open(part, flags, action: "write")
        } catch {
            curl_easy_cleanup(easy)
            throw DownloadProblem(kind: .disk, address: download.address, reason: error.description)
        }
        (self.resumedAt, received) = (resumedAt, resumedAt)
        setOptions()
    }

    deinit {
        close(descriptor)
        curl_easy_cleanup(easy)
    }

    private func setOptions() {
        las_curl_set_text(easy, CURLOPT_URL, download.address)
        las_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https,file")
        las_curl_set_text(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        las_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 1)
        las_curl_set_number(easy, CURLOPT_MAXREDIRS, 5)
        las_curl_set_number(easy, CURLOPT_FAILONERROR, 1)
        las_curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
        las_curl_set_number(easy, CURLOPT_CONNECTTIMEOUT, 15)
        // Given up where nothing comes for half a minute.
        las_curl_set_number(easy, CURLOPT_LOW_SPEED_LIMIT, 1)
        las_curl_set_number(easy, CURLOPT_LOW_SPEED_TIME, 30)
        las_curl_set_text(easy, CURLOPT_USERAGENT, "las")
        if resumedAt > 0 { las_curl_set_size(easy, CURLOPT_RESUME_FROM_LARGE, curl_off_t(resumedAt)) }
        las_curl_set_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(self).toOpaque())
        las_curl_set_writer(easy) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
            return transfer.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard received + Int64(bytes.count) <= download.size ?? download.limit else {
            refusal = problem(.wrong, "it is longer than \(download.size ?? download.limit) bytes")
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

    func end(_ result: CURLcode) -> End {
        if let refusal {
            if refusal.kind == .wrong { File.remove(part) }
            return .failed(refusal)
        }
        guard result == CURLE_OK else { return end(of: result) }
        if let size = download.size, received != size {
            if received > size { File.remove(part) }
            return .again(problem(.wrong, "it has \(received) bytes, not \(size)"))
        }
        if let digest = download.digest, hasher.digest() != digest {
            File.remove(part)
            let wrong = problem(.wrong, "its SHA-256 is \(hasher.digest()), not \(digest)")
            // Perhaps the part kept from an earlier run was another version's.
            return resumedAt > 0 ? .again(wrong) : .failed(wrong)
        }
        // Not synced: who uses it later looks at its digest again.
        if rename(part, download.path) != 0 { return .failed(problem(.disk, FileFailure("rename", part).description)) }
        return .done
    }

    private func end(of result: CURLcode) -> End {
        let response = las_curl_response_code(easy)
        var reason = String(cString: curl_easy_strerror(result))
        if response >= 400 { reason = "the server answered \(response)" }
        switch result {
        case CURLE_FILE_COULDNT_READ_FILE: return .failed(problem(.missing, "no such file"))
        case CURLE_HTTP_RETURNED_ERROR where response == 404 || response == 410:
            return .failed(problem(.missing, reason))
        case CURLE_HTTP_RETURNED_ERROR where response == 416, CURLE_RANGE_ERROR, CURLE_BAD_DOWNLOAD_RESUME:
            File.remove(part)
            return .again(problem(.unreachable, reason))
        case CURLE_HTTP_RETURNED_ERROR where response < 500 && response != 429 && response != 408:
            return .failed(problem(.unreachable, reason))
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,
            CURLE_PEER_FAILED_VERIFICATION:
            return .failed(problem(.unreachable, reason))
        default: return .again(problem(.unreachable, reason))
        }
    }

    private func problem(_ kind: DownloadProblem.Kind, _ reason: String) -> DownloadProblem {
        DownloadProblem(kind: kind, address: download.address, reason: reason)
    }
}
