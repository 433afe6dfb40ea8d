internal import CCurl
internal import Files
internal import Glibc

/// Gets files with libcurl, several at once; what was cut off goes on where it stopped, also in a later run.
struct Downloader {
    /// Transfers at a time.
    static let width = 6
    /// Of one file, without a byte that came in between.
    private static let tries = 3
    /// Of one file at all: a server may send a byte each time.
    private static let mostTries = 30

    /// How far all transfers are.
    struct Progress: Sendable {
        let done: Int64
        /// nil while the size of one of them is not known.
        let total: Int64?
        /// One that is on its way.
        let what: String
    }

    let observer: @Sendable (Progress) -> Void

    private static let started: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// - Returns: for each download, in their order, nil or why it did not come.
    func get(_ downloads: [Download]) -> [DownloadProblem?] {
        fetch(downloads).map { if case .failure(let problem) = $0 { problem } else { nil } }
    }

    /// - Returns: for each download, in their order, what came, or why nothing did.
    func fetch(_ downloads: [Download]) -> [Result<Downloaded, DownloadProblem>] {
        guard Self.started, let multi = curl_multi_init() else {
            return downloads.map {
                .failure(DownloadProblem(kind: .disk, address: $0.address, reason: "libcurl does not start"))
            }
        }
        defer { curl_multi_cleanup(multi) }
        var results: [Result<Downloaded, DownloadProblem>?] = Array(repeating: nil, count: downloads.count)
        var sizes = downloads.map(\.size)
        var waiting = Array(downloads.indices)[...]
        var running: [Int: Transfer] = [:]
        var later: [(turn: Int, tries: Tries, at: Int64)] = []
        var settled: Int64 = 0
        var lastReport: Int64 = 0

        func begin(_ turn: Int, tries: Tries) {
            do {
                let transfer = try Transfer(downloads[turn], turn: turn, tries: tries)
                running[turn] = transfer
                curl_multi_add_handle(multi, transfer.easy)
            } catch { results[turn] = .failure(error) }
        }
        while true {
            let now = Self.milliseconds()
            for again in later where again.at <= now && running.count < Self.width {
                begin(again.turn, tries: again.tries)
            }
            later.removeAll { running[$0.turn] != nil || results[$0.turn] != nil }
            while running.count < Self.width, let turn = waiting.popFirst() { begin(turn, tries: Tries()) }
            if running.isEmpty, later.isEmpty {
                return zip(results, downloads).map { result, download in
                    result
                        ?? .failure(DownloadProblem(kind: .disk, address: download.address, reason: "it was not begun"))
                }
            }

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
                let tries = transfer.tries.next(hasBrought: result != CURLE_OK && transfer.hasBrought)
                switch transfer.end(result) {
                case .done(let downloaded):
                    settled += transfer.received
                    sizes[transfer.turn] = transfer.received
                    results[transfer.turn] = .success(downloaded)
                case .again where tries.inVain < Self.tries && tries.all < Self.mostTries:
                    later.append((transfer.turn, tries, now + Int64(tries.inVain + 1) * 500))
                case .again(let problem), .failed(let problem): results[transfer.turn] = .failure(problem)
                }
            }
            if now - lastReport >= 100 || (running.isEmpty && waiting.isEmpty) {
                lastReport = now
                for transfer in running.values { sizes[transfer.turn] = sizes[transfer.turn] ?? transfer.announced }
                let total = sizes.contains(nil) ? nil : sizes.reduce(0) { $0 + ($1 ?? 0) }
                let done = settled + running.values.reduce(0) { $0 + $1.received }
                let what = running.min { $0.key < $1.key }?.value.download.what ?? ""
                observer(Progress(done: done, total: total, what: what))
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

/// How often a file was tried to be got.
struct Tries: Sendable {
    private(set) var all = 0
    /// Since a byte of it came.
    private(set) var inVain = 0

    /// - Parameter hasBrought: whether bytes came before it was broken off.
    func next(hasBrought: Bool) -> Tries {
        var next = self
        next.all += 1
        next.inVain = hasBrought ? 0 : inVain + 1
        return next
    }
}
