internal import CLinux
internal import Files
internal import Glibc

/// A log that is being written.
final class FollowedLog {
    let log: RunLogs.Log
    /// Becomes readable when something was written.
    let watcher: Int32
    private let file: Int32

    /// Made where the task has not printed anything yet.
    /// - Returns: nil where that can't be.
    init?(_ log: RunLogs.Log, _ path: String) {
        try? Folder.make(File.parent(of: path))
        let descriptor = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { return nil }
        let watching = las_watch_file(path)
        if watching < 0 {
            close(descriptor)
            return nil
        }
        (self.log, file, watcher) = (log, descriptor, watching)
    }

    deinit {
        close(file)
        close(watcher)
    }

    /// What came since the last time.
    func take() -> [UInt8] {
        _ = las_watched(watcher)
        var (bytes, chunk): ([UInt8], [UInt8]) = ([], [UInt8](repeating: 0, count: 1 << 16))
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return bytes }
            bytes += chunk[..<count]
        }
    }
}
