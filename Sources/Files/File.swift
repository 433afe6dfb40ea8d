internal import CLinux
internal import Glibc

/// Whole files: read at once, written whole or not at all.
package enum File {
    package enum Kind: Sendable, Equatable { case file, folder, link, other }

    package struct Status: Sendable, Equatable {
        package let kind: Kind
        package let size: Int64
        package let mode: UInt32
        package let modified: Int64
        /// Of the same moment, the part below a second.
        package let modifiedNanoseconds: Int64
        package let inode: UInt64
        package let device: UInt64
        package let links: UInt64
        package let isCharacterDevice: Bool
    }

    /// Of the path itself, links not followed unless asked; nil when there is nothing.
    package static func status(_ path: String, follow: Bool = false) -> Status? {
        var info = stat()
        guard (follow ? stat(path, &info) : lstat(path, &info)) == 0 else { return nil }
        let kind: Kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        return Status(
            kind: kind, size: Int64(info.st_size), mode: info.st_mode & 0o7777, modified: Int64(info.st_mtim.tv_sec),
            modifiedNanoseconds: Int64(info.st_mtim.tv_nsec), inode: UInt64(info.st_ino), device: UInt64(info.st_dev),
            links: UInt64(info.st_nlink),
            isCharacterDevice: info.st_mode & S_IFMT == S_IFCHR)
    }

    /// The path with all links followed; nil when there is nothing.
    package static func real(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Where a link leads, as it says; nil for what is none, and where that is no text.
    package static func target(of link: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes {
            readlink(link, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        return count > 0 && count < buffer.count ? String(validating: buffer[..<count], as: UTF8.self) : nil
    }

    /// Whether it has attributes besides those that every file has: lists of who may do what, or its owner's own.
    package static func hasCapabilities(_ path: String) -> Bool { las_has_capabilities(path) != 0 }

    /// Whether a file gives who runs it rights of another user, or of root: setuid, setgid, capabilities.
    package static func hasSpecialRights(_ path: String) -> Bool {
        guard let status = status(path), status.kind == .file else { return false }
        return status.mode & 0o6000 != 0 || hasCapabilities(path)
    }

    package static func hasAttributes(_ path: String) -> Bool { las_has_attributes(path) != 0 }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package static func read(_ path: String, atMost limit: Int = 1 << 30) throws(FileFailure) -> [UInt8] {
        // Not blocking: a pipe that nobody writes to would be waited for without end.
        let descriptor = try open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, action: "read")
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileFailure("read", path) }
        if info.st_mode & S_IFMT == S_IFIFO { throw FileFailure.notAFile("read", path) }
        if info.st_size > limit { throw FileFailure("read", path, code: EFBIG) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(info.st_size) + 1)
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("read", path)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > limit { throw FileFailure("read", path, code: EFBIG) }
        }
    }

    /// Written beside, synced, then renamed into place: a reader sees the old file or the new one.
    ///
    /// - Parameters:
    ///   - syncing: not for what can be made again, or is synced later.
    ///   - syncsFolder: whether the new name lasts too when this returns; who goes on to rename something else into the
    ///     same folder need not wait for it twice.
    package static func write(
        _ bytes: some Collection<UInt8>, to path: String, mode: UInt32 = 0o644, syncing: Bool = true,
        syncsFolder: Bool = true
    ) throws(FileFailure) {
        let beside = path + ".new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let descriptor = try open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode: mode, action: "write")
        do throws(FileFailure) {
            defer { close(descriptor) }
            try writeAll(Array(bytes), to: descriptor, path: path)
            if syncing, fsync(descriptor) != 0 { throw FileFailure("write", path) }
        } catch {
            unlink(beside)
            throw error
        }
        do throws(FileFailure) {
            if syncing, syncsFolder { try rename(beside, to: path) } else { try move(beside, to: path) }
        } catch {
            unlink(beside)
            throw error
        }
    }

    package static func write(
        _ text: String, to path: String, mode: UInt32 = 0o644, syncing: Bool = true
    ) throws(FileFailure) {
        try write(Array(text.utf8), to: path, mode: mode, syncing: syncing)
    }

    /// Written beside and renamed into place, not synced: whole for every process, and after a power failure perhaps empty or
    /// not there. For what is looked at before it is used, and can be made again.
    package static func put(_ bytes: [UInt8], at path: String, mode: UInt32 = 0o644) throws(FileFailure) {
        let beside = path + ".new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        do throws(FileFailure) {
            try create(beside, bytes, mode: mode)
            try move(beside, to: path)
        } catch {
            unlink(beside)
            throw error
        }
    }

    /// Renames and syncs the folder that it is renamed into.
    package static func rename(_ from: String, to path: String) throws(FileFailure) {
        if Glibc.rename(from, path) != 0 { throw FileFailure("rename \(from) to", path) }
        Folder.sync(parent(of: path))
    }

    /// Writes all that waits in memory for the disk that holds it.
    package static func syncDisk(of path: String) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return }
        las_syncfs(descriptor)
        close(descriptor)
    }

    /// Renames only: for what can be made again.
    package static func move(_ from: String, to path: String) throws(FileFailure) {
        if Glibc.rename(from, path) != 0 { throw FileFailure("rename \(from) to", path) }
    }

    package static func remove(_ path: String) { unlink(path) }

    package static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileFailure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("write", path)
            }
            done += count
        }
    }

    package static func open(
        _ path: String, _ flags: Int32, mode: UInt32 = 0o644, action: String
    ) throws(FileFailure) -> Int32 {
        while true {
            let descriptor = Glibc.open(path, flags, mode)
            if descriptor >= 0 { return descriptor }
            if errno != EINTR { throw FileFailure(action, path) }
        }
    }

    package static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(decoding: path.utf8[..<slash], as: UTF8.self)
    }

    package static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(decoding: path.utf8[path.utf8.index(after: slash)...], as: UTF8.self)
    }
}
