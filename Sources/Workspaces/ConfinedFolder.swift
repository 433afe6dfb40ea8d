package import Files
internal import Glibc

/// A folder that others write to at the same time, perhaps to make this process leave it: paths in it are walked one folder after the
/// other, and no link is followed.
package struct ConfinedFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Lends a path by which the last part of `inside` can be looked at, opened without following links, renamed or removed.
    ///
    /// - Parameter making: folders that are not there are made.
    /// - Returns: nil where a folder of it is missing, or is something else.
    package func lend<Value>(
        _ inside: RelativePath, making: Bool = false, _ body: (String) throws -> Value
    ) throws -> Value? {
        var folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder < 0 { throw FileFailure("open the folder", path) }
        defer { close(folder) }
        var names = inside.components
        let last = names.removeLast()
        for name in names {
            if making, mkdirat(folder, name, 0o755) != 0, errno != EEXIST {
                // The one above it was removed just now.
                if errno == ENOENT { return nil }
                throw FileFailure("make the folder", "\(path)/\(inside)")
            }
            let next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if next < 0 {
                if [ENOENT, ENOTDIR, ELOOP].contains(errno) { return nil }
                throw FileFailure("open the folder", "\(path)/\(inside)")
            }
            close(folder)
            folder = next
        }
        return try body("/proc/self/fd/\(folder)/\(last)")
    }
}

/// What tells one state of a file from another without reading it.
package struct Stamp: Hashable, Sendable, Codable {
    let inode: UInt64
    package let size: Int64
    /// Nanoseconds since 1970.
    let modified: Int64
    let mode: UInt32

    /// Of a file that lies elsewhere: what tells there one from another of the same size and time, or 0.
    package init(unique: UInt64, size: Int64, modified: Int64) {
        (inode, self.size, self.modified, mode) = (unique, size, modified, 0)
    }

    init(_ status: File.Status) {
        (inode, size, mode) = (status.inode, status.size, status.mode & 0o777)
        modified = status.modified * 1_000_000_000 + status.modifiedNanoseconds
    }

    init(_ info: stat) {
        (inode, size, mode) = (UInt64(info.st_ino), Int64(info.st_size), info.st_mode & 0o777)
        modified = Int64(info.st_mtim.tv_sec) * 1_000_000_000 + Int64(info.st_mtim.tv_nsec)
    }

    /// - Parameter file: a descriptor.
    init?(ofOpen file: Int32) {
        var info = stat()
        if fstat(file, &info) != 0 { return nil }
        self.init(info)
    }
}
