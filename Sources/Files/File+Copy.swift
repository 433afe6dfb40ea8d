internal import CLinux
internal import Glibc

extension File {
    /// Copies a file's bytes to a new file: the data is shared where the file system can, else copied inside the kernel.
    ///
    /// Not synced; times are not kept.
    package static func copy(_ from: String, to path: String, mode: UInt32) throws(FileFailure) {
        let source = try open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(source) }
        let target = try open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: mode, action: "write")
        defer { close(target) }
        if las_clone_file(source, target) == 0 { return }
        var first = true
        while true {
            let count = las_copy_file_range(source, target, 1 << 30)
            if count < 0 {
                if errno == EINTR { continue }
                if first, [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS].contains(errno) { break }
                throw FileFailure("write", path)
            }
            if count == 0 { return }
            first = false
        }
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = Glibc.read(source, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("read", from)
            }
            if count == 0 { return }
            try writeAll(Array(chunk[..<count]), to: target, path: path)
        }
    }
}

extension Folder {
    /// Writes all that waits in memory for the file system that holds `path`: one sync for thousands of files.
    package static func syncDisk(of path: String) throws(FileFailure) {
        let descriptor = try File.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "open")
        defer { close(descriptor) }
        if las_syncfs(descriptor) != 0 { throw FileFailure("write to the disk of", path) }
    }
}
