internal import Files
internal import Glibc
package import HostProtocol
internal import JSON
internal import Threads

/// One thing that is handed over of a run whose folder an engine keeps somewhere: a line of JSON, and behind it the bytes that it tells of.
package struct HandedItem: Hashable, Sendable, Codable {
    package var event: RunEvent?
    /// Below `logs`.
    package var log: String?
    /// Below `results`: a folder, or a piece of a file.
    package var result: String?
    package var isFolder: Bool?
    /// Whether it may be started.
    package var isProgram: Bool?
    /// Where in the file the bytes belong.
    package var at: Int64?
    /// How many bytes follow.
    package var size: Int?
    /// All results were sent.
    package var isWhole: Bool?

    package init() {}

    /// The most bytes behind a line.
    package static let most = 1 << 20

    /// What is written of all this, line and bytes.
    package func bytes(_ body: [UInt8] = []) -> [UInt8] {
        var item = self
        if !body.isEmpty { item.size = body.count }
        return JSONText.encode(item) + [UInt8(ascii: "\n")] + body
    }
}

/// Hands over a run while others work in its folder: its events and what its tasks print as they come, its results when they are
/// asked for. Who takes them is told nothing twice.
///
/// Asked for by lines: `results`; `done` when nothing more is wanted, which leaves the file `handed-over` in the run's folder.
package struct HandOver {
    private let folder: RunFolder
    /// Bytes of each log that the other side has.
    private var logs: [String: Int64]
    private let output: Int32
    private let input: Int32
    private var isEnded = false

    /// - Parameters:
    ///   - logs: what the other side has of them.
    ///   - input, output: descriptors; they stay open.
    package init(_ folder: RunFolder, logs: [String: Int64], input: Int32, output: Int32) {
        (self.folder, self.logs, self.input, self.output) = (folder, logs, input, output)
    }

    /// There when somebody has all of the run.
    package static func mark(in folder: RunFolder) -> String { folder.path + "/handed-over" }

    /// - Returns: when the other side is gone, or has all.
    package mutating func perform() throws {
        var told = 0
        var pending: [UInt8] = []
        while true {
            let began = Clock.monotonic
            // A log is whole when its task's end is told.
            let events = Journal.read(folder.journal).dropFirst(told)
            try sendLogs()
            for event in events {
                var item = HandedItem()
                item.event = event
                try send(item)
            }
            told += events.count
            let took = Clock.monotonic - began
            guard let words = read(&pending, for: min(30, max(0.5, took * 10))) else { return }
            for word in words {
                if word == "results" { try sendResults() }
                if word == "done" { return try File.write([], to: Self.mark(in: folder)) }
            }
        }
    }

    // MARK: Asked for

    /// - Returns: whole lines that came; nil where the other side is gone.
    private func read(_ pending: inout [UInt8], for seconds: Double) -> [String]? {
        var waits = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
        guard poll(&waits, 1, Int32(seconds * 1000)) > 0 else { return [] }
        var chunk = [UInt8](repeating: 0, count: 256)
        let count = Glibc.read(input, &chunk, chunk.count)
        if count < 0, errno == EINTR { return [] }
        guard count > 0, pending.count < 4096 else { return nil }
        pending += chunk[..<count]
        var lines: [String] = []
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: pending[..<end], as: UTF8.self))
            pending.removeSubrange(...end)
        }
        return lines
    }

    // MARK: Sending

    private func send(_ item: HandedItem, _ body: [UInt8] = []) throws {
        try File.writeAll(item.bytes(body), to: output, path: "standard output")
    }

    private mutating func sendLogs() throws {
        for path in Self.files(below: folder.logs) {
            let known = logs[path] ?? 0
            guard let size = File.status("\(folder.logs)/\(path)")?.size, size > known else { continue }
            try sendFile("\(folder.logs)/\(path)", from: known, to: size) {
                var item = HandedItem()
                item.log = path
                return item
            }
            logs[path] = size
        }
    }

    private func sendResults() throws {
        for path in Self.entries(below: folder.results) {
            let place = "\(folder.results)/\(path)"
            var item = HandedItem()
            item.result = path
            guard let status = File.status(place) else { continue }
            if status.kind == .folder {
                item.isFolder = true
                try send(item)
            } else if status.kind == .file {
                item.isProgram = status.mode & 0o100 != 0 ? true : nil
                // Also one that is empty is a file.
                if status.size == 0 {
                    item.at = 0
                    try send(item)
                }
                try sendFile(place, from: 0, to: status.size) { [item] in item }
            }
        }
        var end = HandedItem()
        end.isWhole = true
        try send(end)
    }

    private func sendFile(_ path: String, from start: Int64, to end: Int64, _ item: () -> HandedItem) throws {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(descriptor) }
        var place = start
        while place < end {
            var chunk = [UInt8](repeating: 0, count: Int(min(end - place, Int64(HandedItem.most))))
            let count = pread(descriptor, &chunk, chunk.count, off_t(place))
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            // Shorter now than it was: what it says is seen when it is held to its digest.
            if count == 0 { return }
            var item = item()
            item.at = place
            try send(item, Array(chunk[..<count]))
            place += Int64(count)
        }
    }

    // MARK: Folders

    /// Regular files, with paths below the folder.
    package static func files(below root: String) -> [String] {
        entries(below: root).filter { File.status("\(root)/\($0)")?.kind == .file }
    }

    /// Folders before what is in them.
    private static func entries(below root: String) -> [String] {
        var found: [String] = []
        func look(_ path: String) {
            for name in (try? Folder.names(in: path.isEmpty ? root : "\(root)/\(path)")) ?? [] {
                let inner = path.isEmpty ? name : "\(path)/\(name)"
                guard RelativePath(inner) != nil, let kind = File.status("\(root)/\(inner)")?.kind else { continue }
                found.append(inner)
                if kind == .folder { look(inner) }
            }
        }
        look("")
        return found
    }
}
