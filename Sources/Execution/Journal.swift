internal import Digests
internal import Files
internal import Glibc
package import HostProtocol
internal import JSON

/// What happened in a run, one line an event: the first 16 digits of the SHA-256 of the JSON, a space, the JSON.
///
/// Only appended to, and locked by the process that runs. What is appended counts once `commit` has returned: it is on the
/// disk then. A last line that a crash cut short is taken away when the journal is opened again.
package final class Journal {
    package let path: String
    /// The events that were there when it was opened.
    package let recorded: [RunEvent]
    private let descriptor: Int32
    private var next: Int
    private var waiting: [UInt8] = []

    /// Opens, or makes, and locks it.
    /// - Throws: when another process holds it, or it is damaged before its last line.
    package convenience init(_ path: String) throws(ExecutionFailure) {
        let descriptor: Int32
        do { descriptor = try File.open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o600, action: "write") } catch {
            throw ExecutionFailure(error)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw ExecutionFailure("the run is going on already", place: path, exitCode: .usage)
        }
        try self.init(adopting: descriptor, path: path)
    }

    /// Takes over a descriptor that holds the lock.
    package init(adopting descriptor: Int32, path: String) throws(ExecutionFailure) {
        (self.descriptor, self.path) = (descriptor, path)
        var reader = JournalReader(bytes: [], path: path)
        do {
            reader.feed(try File.read(path))
            recorded = try reader.take()
            // A cut last line, or one without its end: as if it had never been begun.
            if ftruncate(descriptor, off_t(reader.taken)) != 0 { throw FileFailure("write", path) }
            if lseek(descriptor, 0, SEEK_END) < 0 { throw FileFailure("write", path) }
        } catch let error as FileFailure {
            close(descriptor)
            throw ExecutionFailure(error)
        } catch {
            close(descriptor)
            throw ExecutionFailure("the journal is damaged", place: path, cause: "\(error)", exitCode: .integrity)
        }
        next = (recorded.last?.sequence ?? 0) + 1
    }

    /// The lock is let go by name: a child that another thread is just starting holds a copy of the descriptor, and with it
    /// the lock, until its exec.
    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    /// - Returns: the event as it will be recorded.
    @discardableResult
    package func append(_ kind: RunEvent.Kind, _ fill: (inout RunEvent) -> Void = { _ in }) -> RunEvent {
        var event = RunEvent(sequence: next, time: Clock.wall, kind: kind)
        fill(&event)
        next += 1
        var bytes = JSONText.encode(event)
        if bytes.count > Self.largestEvent {
            // So many files that no frame holds their list: what they are is told by the folders.
            event.files = event.files?.filter { !$0.path.utf8.contains(UInt8(ascii: "/")) || $0.digest == nil }.prefix(
                1000
            ).map { $0 }
            bytes = JSONText.encode(event)
        }
        waiting += JournalReader.checksum(bytes) + [UInt8(ascii: " ")] + bytes + [UInt8(ascii: "\n")]
        return event
    }

    static let largestEvent = 900_000

    /// Writes and syncs all that was appended since the last time.
    /// - Parameter syncing: not for what only tells how it goes; that is synced with what follows.
    package func commit(syncing: Bool = true) throws(ExecutionFailure) {
        if waiting.isEmpty { return }
        do throws(FileFailure) {
            try File.writeAll(waiting, to: descriptor, path: path)
            if syncing, fdatasync(descriptor) != 0 { throw FileFailure("write", path) }
        } catch { throw ExecutionFailure(error) }
        waiting.removeAll(keepingCapacity: true)
    }

    /// Waits until no process holds the journal.
    static func waitUntilFree(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_SH) != 0, errno == EINTR {}
    }

    /// Whether a process holds the journal: the run goes on.
    package static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }
}

/// Takes a journal's bytes as they come and gives its events. What is no line of a journal is an error unless it is the last
/// thing there.
struct JournalReader {
    private var buffer: [UInt8]
    private let path: String
    /// Bytes of whole lines given so far.
    private(set) var taken = 0
    private var sequence = 0

    init(bytes: [UInt8], path: String) { (buffer, self.path) = (bytes, path) }

    mutating func feed(_ bytes: [UInt8]) { buffer += bytes }

    mutating func take() throws(JSONFailure) -> [RunEvent] {
        var events: [RunEvent] = []
        var start = 0
        while let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = buffer[start..<end]
            guard let event = try Self.event(line), event.sequence == sequence + 1 else {
                // A torn write may have left a hole in the last line, but nothing follows it.
                if buffer[(end + 1)...].contains(UInt8(ascii: "\n")) {
                    throw JSONFailure("line \(sequence + 1) is not what was written", place: path)
                }
                break
            }
            sequence = event.sequence
            events.append(event)
            start = end + 1
        }
        buffer.removeSubrange(..<start)
        taken += start
        return events
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> [UInt8] { Array(Digest(of: bytes).hex.utf8.prefix(16)) }

    /// nil where the checksum does not fit.
    private static func event(_ line: ArraySlice<UInt8>) throws(JSONFailure) -> RunEvent? {
        guard line.count > 17, line[line.startIndex + 16] == UInt8(ascii: " ") else { return nil }
        let json = line.dropFirst(17)
        guard line.prefix(16).elementsEqual(checksum(json)) else { return nil }
        return try JSONText.decode(RunEvent.self, from: json)
    }
}
