internal import Digests
internal import Failures
internal import Files
internal import Glibc
package import HostProtocol
internal import JSON

/// The other side of a hand-over: puts into a run's folder here what is handed over of it. What comes is not trusted: names stay
/// below their folders, and results are held to the digests that the run's end tells.
package struct TakeOver {
    private let folder: RunFolder
    private var buffer: [UInt8] = []
    private var start = 0
    /// Bytes that an item may need before it is whole.
    private static let longestLine = 64 << 20

    package init(_ folder: RunFolder) { self.folder = folder }

    /// What is there of the logs.
    package var logs: [String: Int64] {
        var logs: [String: Int64] = [:]
        for path in HandOver.files(below: folder.logs) { logs[path] = File.status("\(folder.logs)/\(path)")?.size }
        return logs
    }

    package mutating func feed(_ bytes: [UInt8]) {
        if start > 1 << 20 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer += bytes
    }

    /// The next item that is whole; its files are written.
    /// - Returns: nil until more has come.
    package mutating func next() throws -> HandedItem? {
        guard let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) else {
            if buffer.count - start > Self.longestLine { throw Self.wrong("a line without an end") }
            return nil
        }
        guard let item = try? JSONText.decode(HandedItem.self, from: Array(buffer[start..<end])) else {
            throw Self.wrong(String(decoding: buffer[start..<min(end, start + 300)], as: UTF8.self))
        }
        let size = item.size ?? 0
        guard (0...HandedItem.most).contains(size) else { throw Self.wrong("a piece of \(size) bytes") }
        if buffer.count - end - 1 < size { return nil }
        let body = Array(buffer[(end + 1)..<(end + 1 + size)])
        start = end + 1 + size
        try put(item, body)
        return item
    }

    private static func wrong(_ text: String) -> ExecutionFailure {
        ExecutionFailure(
            "what the cluster hands over of the run can't be read", cause: Shown.text(text, atMost: 300),
            exitCode: .integrity)
    }

    private func put(_ item: HandedItem, _ body: [UInt8]) throws {
        guard let name = item.log ?? item.result else { return }
        guard let path = RelativePath(name), let at = item.isFolder == true ? 0 : item.at, at >= 0 else {
            throw Self.wrong(name)
        }
        let place = (item.log == nil ? folder.results : folder.logs) + "/" + path.string
        if item.isFolder == true { return try Folder.make(place) }
        try Folder.make(File.parent(of: place))
        // What it had of another try stands there no more.
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (at == 0 ? O_TRUNC : 0)
        let mode: UInt32 = item.isProgram == true ? 0o755 : 0o644
        let descriptor = try File.open(place, flags, mode: mode, action: "write")
        defer { close(descriptor) }
        if lseek(descriptor, off_t(at), SEEK_SET) < 0 { throw FileFailure("write", place) }
        try File.writeAll(body, to: descriptor, path: place)
    }

    /// Before results come: what was begun of them goes.
    package func clearResults() throws {
        try Folder.remove(folder.results)
        try Folder.make(folder.results)
    }

    /// Holds the results to what the run's end tells of them.
    package func check(_ files: [RunEvent.File]) throws {
        for file in files {
            guard let path = RelativePath(file.path) else { throw Self.wrong(file.path) }
            let place = "\(folder.results)/\(path)"
            guard let digest = file.digest else { continue }
            guard File.status(place)?.size == file.size, try FileDigest.digest(of: place) == digest else {
                throw ExecutionFailure(
                    "the result \(Shown.text(file.path)) did not arrive as it was made", place: place,
                    exitCode: .integrity)
            }
        }
        Folder.sync(folder.results)
    }
}
