internal import CLinux
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
internal import Threads

/// Reads a run's journal while another process writes it. Told of changes by the kernel (inotify).
final class JournalFollower {
    private let path: String
    private let file: Int32
    /// Becomes readable when there is something new.
    let watcher: Int32
    private var reader: JournalReader
    private var pause = JournalFollower.leastPause
    private static let leastPause = 0.05

    init(_ path: String) throws(ExecutionFailure) {
        self.path = path
        do { file = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read") } catch { throw ExecutionFailure(error) }
        // Watched before it is read for the first time: nothing is missed.
        watcher = las_watch_file(path)
        if watcher < 0 {
            close(file)
            throw .system("can't watch the run's journal")
        }
        reader = JournalReader(bytes: [], path: path)
    }

    deinit {
        close(file)
        close(watcher)
    }

    /// What was written since the last time.
    func take() throws(ExecutionFailure) -> [RunEvent] {
        _ = las_watched(watcher)
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var events: [RunEvent] = []
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw ExecutionFailure(FileFailure("read", path)) }
            if count == 0 { return events }
            reader.feed(Array(chunk[..<count]))
            do { events += try reader.take() } catch {
                throw ExecutionFailure("the run's journal is damaged", cause: error.description, exitCode: .integrity)
            }
        }
    }

    /// When to look again though nothing is told. The kernel tells of a file's closing a moment before it lets its lock
    /// go, and on a busy machine that moment may be long: so soon after what was told, then ever more seldom, then not
    /// any more.
    /// - Parameters:
    ///   - isTold: something was told just now.
    ///   - isLate: nothing was, since the moment for the last look came.
    func nextLook(isTold: Bool, isLate: Bool = false) -> Double? {
        if isTold { pause = Self.leastPause } else if isLate { pause *= 2 }
        return pause < 60 ? Clock.monotonic + pause : nil
    }

    /// Whether a process still writes it.
    var isHeld: Bool { Journal.isHeld(path) }
}
