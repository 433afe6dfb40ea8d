internal import Glibc

extension File {
    /// Writes a file at once, neither synced nor beside: for folders that are not yet under their final name, where a sync
    /// for each of thousands of files would take minutes. What was there is replaced.
    package static func create(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(FileFailure) {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        let descriptor = try open(path, flags, mode: mode, action: "write")
        defer { close(descriptor) }
        try writeAll(bytes, to: descriptor, path: path)
    }

    package static func create(_ path: String, _ text: String, mode: UInt32 = 0o644) throws(FileFailure) {
        try create(path, Array(text.utf8), mode: mode)
    }
}
