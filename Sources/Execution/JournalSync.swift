internal import CLinux
internal import Files
internal import Glibc
internal import Plan
internal import Threads

/// Has the disk hold what is recorded, outputs first: at once when something comes after a while, then once a second for all
/// that came meanwhile (group commit), and at the end. Nobody waits for it but the end of the run.
///
/// What a killed process had recorded is there without it. It is for the machine that goes down: a run that is resumed after
/// that reads all outputs and compares them with their digests, so nothing depends on what the disk wrote first.
final class JournalSync: @unchecked Sendable {
    private struct State: Sendable {
        /// Outputs since the last time, below `made`; nil for more than are worth to be named.
        var files: [String]? = []
        var isNew = false
        var isEnding = false
    }

    private let state = Monitor(State())
    private let journal: Int32
    private let run: RunFolder
    private let begins: @Sendable () -> Void
    /// Its end wakes the thread while it lets a second pass.
    private let ending: (read: Int32, write: Int32)
    private var thread: OwnThread?

    /// More than these are synced with all that the file system has.
    private static let mostFiles = 64

    /// - Parameter begins: told before anything is synced.
    init(_ journal: Journal, run: RunFolder, begins: @escaping @Sendable () -> Void = {}) throws(ExecutionFailure) {
        (self.journal, self.run, self.begins) = (journal.file, run, begins)
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 1) != 0 { throw .system("can't make a pipe") }
        ending = (ends[0], ends[1])
        do throws(OwnThread.Refused) {
            thread = try OwnThread { [self] in work() }
        } catch { throw ExecutionFailure(error) }
    }

    deinit {
        close(ending.read)
        close(ending.write)
    }

    /// What a task has made, which is to be recorded now.
    func add(_ entries: [MadeEntry], of task: PlannedTask) {
        state.change { state in
            state.isNew = true
            guard let files = state.files else { return }
            if files.count + entries.count > Self.mostFiles {
                state.files = nil
            } else {
                state.files?.append(task.made)
                state.files? += entries.filter { $0.kind != .link }.map { "\(task.made)/\($0.path)" }
            }
        }
    }

    /// Syncs what is left, and ends.
    func end() {
        guard let thread else { return }
        state.change { $0.isEnding = true }
        var byte: UInt8 = 0
        _ = write(ending.write, &byte, 1)
        thread.join()
        self.thread = nil
    }

    private func work() {
        while true {
            let now = state.await { state -> State? in
                guard state.isNew || state.isEnding else { return nil }
                defer { (state.files, state.isNew) = ([], false) }
                return state
            }
            if now.isNew { sync(now.files) }
            if now.isEnding { return }
            var wait = pollfd(fd: ending.read, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, 1000)
        }
    }

    /// A disk that fails is told by what is written next.
    private func sync(_ files: [String]?) {
        begins()
        if let files {
            for file in files {
                let descriptor = open("\(run.made)/\(file)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
                if descriptor < 0 { continue }
                fsync(descriptor)
                close(descriptor)
            }
            Folder.sync(run.made)
        } else {
            let descriptor = open(run.made, O_RDONLY | O_CLOEXEC)
            if descriptor >= 0 {
                las_syncfs(descriptor)
                close(descriptor)
            }
        }
        fdatasync(journal)
    }
}
