internal import Files
internal import Glibc
internal import JSON

/// What a machine knows of a workspace, written behind what it knew before: a line each. What a crash cut off at its end is forgotten.
final class ReplicaJournal {
    /// An entry of the map, or else what lies at a path: nothing where it is nil.
    struct Line: Codable {
        let name: RelativePath
        let entry: Entry?
        let lying: Replica.Lying?
    }

    private let path: String
    private var descriptor: Int32
    private var waiting: [UInt8] = []
    private var count = 0

    init(_ path: String) throws(FileFailure) {
        self.path = path
        descriptor = try File.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o600, action: "write")
    }

    deinit { close(descriptor) }

    func read() throws -> [Line] {
        let (lines, end, size) = try Self.lines(of: path)
        if end < size, ftruncate(descriptor, off_t(end)) != 0 { throw FileFailure("write", path) }
        count = lines.count
        return lines
    }

    /// Reads one that another process may be writing.
    ///
    /// - Returns: its whole lines, where they end, and how long it is.
    static func lines(of path: String) throws -> (lines: [Line], end: Int, size: Int) {
        let bytes = try File.read(path)
        var (lines, end): ([Line], Int) = ([], 0)
        while let next = bytes[end...].firstIndex(of: UInt8(ascii: "\n")) {
            guard let line = try? JSONText.decode(Line.self, from: bytes[end..<next]) else { break }
            lines.append(line)
            end = next + 1
        }
        return (lines, end, bytes.count)
    }

    func add(_ line: Line) {
        line.write(into: &waiting)
        count += 1
    }

    /// - Parameter syncing: it is on the disk when this returns.
    func commit(syncing: Bool = false) throws(FileFailure) {
        defer { if syncing { fdatasync(descriptor) } }
        if waiting.isEmpty { return }
        let end = lseek(descriptor, 0, SEEK_END)
        do throws(FileFailure) { try File.writeAll(waiting, to: descriptor, path: path) } catch {
            // A piece of a line would be in the way of what is written when there is room again.
            if end >= 0 { ftruncate(descriptor, end) }
            throw error
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// Writes it anew where most of it is of old times.
    func shorten(_ map: SharedMap, _ lying: [RelativePath: Replica.Lying]) throws {
        if count >= 2 * (map.entries.count + lying.count) + 1000 { try rewrite(map, lying) }
    }

    /// Writes it anew.
    func rewrite(_ map: SharedMap, _ lying: [RelativePath: Replica.Lying]) throws {
        waiting = []
        var bytes: [UInt8] = []
        for (name, entry) in map.entries.sorted(by: { $0.key < $1.key }) {
            Line(name: name, entry: entry, lying: nil).write(into: &bytes)
        }
        for (name, state) in lying.sorted(by: { $0.key < $1.key }) {
            Line(name: name, entry: nil, lying: state).write(into: &bytes)
        }
        try File.write(bytes, to: path, mode: 0o600, syncing: false)
        let new = try File.open(path, O_RDWR | O_APPEND | O_CLOEXEC, action: "write")
        close(descriptor)
        descriptor = new
        count = map.entries.count + lying.count
    }
}
