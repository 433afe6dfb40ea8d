internal import Digests
internal import Files
internal import Glibc
package import HostProtocol
internal import JSON
internal import Threads

/// What happened in a run, one line an event: the first 16 digits of the SHA-256 of the JSON, a space, the JSON.
///
/// Only appended to, and locked by the process that runs. What is appended counts once `commit` has returned: it is on the
/// disk then. What a crash or a power loss left behind the last whole line is taken away when the journal is opened again.
package final class Journal {
    package let path: String
    /// The events that were there when it was opened.
    package let recorded: [RunEvent]
    /// Bytes behind the last whole line that were there and are taken away.
    package let cut: Int
    private let descriptor: Int32
    private var next: Int
    private var waiting: [UInt8] = []
    /// Bytes of whole lines in the file.
    private var length: Int

    /// Opens, or makes, and locks it.
    /// - Throws: when another process holds it.
    package convenience init(_ path: String) throws(ExecutionFailure) {
        let descriptor: Int32
        do { descriptor = try File.open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o600, action: "write") } catch {
            throw ExecutionFailure(error)
        }
        guard Journal.lock(descriptor) else {
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
            let bytes = try File.read(path, atMost: 1 << 34)
            reader.feed(bytes)
            recorded = reader.takeWhole()
            // As if it had never been begun. After a power loss also whole lines may stand behind a hole: what they tell
            // of was not synced either.
            (length, cut) = (reader.taken, bytes.count - reader.taken)
            if cut > 0, ftruncate(descriptor, off_t(length)) != 0 { throw FileFailure("write", path) }
            if lseek(descriptor, 0, SEEK_END) < 0 { throw FileFailure("write", path) }
        } catch {
            close(descriptor)
            throw ExecutionFailure(error)
        }
        next = (recorded.last?.sequence ?? 0) + 1
    }

    /// Takes the lock, unless a process has it. Who only looks whether one does shares it for a moment: that is waited
    /// for.
    /// - Returns: whether it was taken.
    package static func lock(_ descriptor: Int32) -> Bool {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return false }
            flock(descriptor, LOCK_UN)
            usleep(1000)
        }
        return true
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
        let bytes = JSONText.encode(event)
        waiting += JournalReader.checksum(bytes)
        waiting.append(UInt8(ascii: " "))
        waiting += bytes
        waiting.append(UInt8(ascii: "\n"))
        return event
    }

    /// Writes and syncs all that was appended since the last time.
    /// - Parameter syncing: not for what only tells how it goes; that is synced with what follows.
    package func commit(syncing: Bool = true) throws(ExecutionFailure) {
        do throws(FileFailure) {
            if !waiting.isEmpty { try File.writeAll(waiting, to: descriptor, path: path) }
            if syncing, fdatasync(descriptor) != 0 { throw FileFailure("write", path) }
        } catch {
            // A full disk takes a part of a line: what follows must not stand behind it.
            if ftruncate(descriptor, off_t(length)) == 0 { lseek(descriptor, off_t(length), SEEK_SET) }
            throw ExecutionFailure(error)
        }
        length += waiting.count
        waiting.removeAll(keepingCapacity: true)
    }

    /// The descriptor, to be synced by another thread while this one goes on appending.
    var file: Int32 { descriptor }

    /// The events of a journal that another process may be writing; none where there is no journal.
    package static func read(_ path: String) -> [RunEvent] {
        guard let descriptor = try? File.open(path, O_RDONLY | O_CLOEXEC, action: "read") else { return [] }
        defer { close(descriptor) }
        var reader = JournalReader(bytes: [], path: path)
        var (events, chunk): ([RunEvent], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 20))
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            reader.feed(Array(chunk[..<count]))
            events += reader.takeWhole()
        }
        return events
    }

    /// The first event; nil where there is none, or it is longer than any run's first.
    static func first(_ path: String) -> RunEvent? {
        guard let descriptor = try? File.open(path, O_RDONLY | O_CLOEXEC, action: "read") else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0, let end = bytes[..<count].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        return JournalReader.event(bytes[..<end])
    }

    /// Waits until no process holds the journal.
    static func waitUntilFree(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return }
        defer { close(descriptor) }
        while flock(descriptor, LOCK_SH) != 0, errno == EINTR {}
        flock(descriptor, LOCK_UN)
    }

    /// Waits until the process lets go that has told the run's end: it puts away what is left while others hear of it.
    static func waitForLettingGo(_ path: String) {
        let end = Clock.monotonic + 30
        while hasEnded(path), isHeld(path), Clock.monotonic < end { usleep(5000) }
    }

    /// Whether the last event is the end of the run.
    package static func hasEnded(_ path: String) -> Bool { last(path)?.kind == .runEnded }

    /// The last event that is whole.
    package static func last(_ path: String) -> RunEvent? {
        guard let descriptor = try? File.open(path, O_RDONLY | O_CLOEXEC, action: "read") else { return nil }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        var length = 64 << 10
        while true {
            length = min(length, size)
            var bytes = [UInt8](repeating: 0, count: length)
            guard pread(descriptor, &bytes, length, off_t(size - length)) == length else { return nil }
            let newline = UInt8(ascii: "\n")
            // What follows the last end of a line is no line, and what lies before the first may be the end of one.
            var end = bytes.lastIndex(of: newline)
            while let last = end {
                end = bytes[..<last].lastIndex(of: newline)
                if end == nil, length < size { break }
                if let event = JournalReader.event(bytes[(end.map { $0 + 1 } ?? 0)..<last]) { return event }
            }
            if length == size { return nil }
            length *= 8
        }
    }

    /// Whether a process holds the journal: the run goes on.
    package static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return false }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) != 0 { return true }
        // By name, as above.
        flock(descriptor, LOCK_UN)
        return false
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

    /// - Throws: at a line that is none, with another one behind it: a torn write may have left a hole in the last line, but
    ///   nothing follows it.
    mutating func take() throws(JSONFailure) -> [RunEvent] {
        let events = takeWhole()
        if let end = buffer.firstIndex(of: UInt8(ascii: "\n")), buffer[(end + 1)...].contains(UInt8(ascii: "\n")) {
            throw JSONFailure("line \(sequence + 1) is not what was written", place: path)
        }
        return events
    }

    /// The events up to the first line that is none.
    mutating func takeWhole() -> [RunEvent] {
        var events: [RunEvent] = []
        var start = 0
        while let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
            guard let event = Self.event(buffer[start..<end]), event.sequence == sequence + 1 else { break }
            sequence = event.sequence
            events.append(event)
            start = end + 1
        }
        buffer.removeSubrange(..<start)
        taken += start
        return events
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> [UInt8] { Array(Digest(of: bytes).hex.utf8.prefix(16)) }

    /// nil where the checksum does not fit, or no event of this las stands there.
    static func event(_ line: ArraySlice<UInt8>) -> RunEvent? {
        guard line.count > 17, line[line.startIndex + 16] == UInt8(ascii: " ") else { return nil }
        let json = line.dropFirst(17)
        guard line.prefix(16).elementsEqual(checksum(json)) else { return nil }
        return try? JSONText.decode(RunEvent.self, from: json)
    }
}
