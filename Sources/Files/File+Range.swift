internal import CLinux
internal import Glibc

extension File {
    /// Copies a range of bytes from one open file to another: shared where the file system can, else copied inside the
    /// kernel, else by hand.
    ///
    /// - Parameters named: the paths that an error tells.
    package static func copyRange(
        _ count: Int64, from source: Int32, at sourceOffset: Int64, named sourcePath: String, to target: Int32,
        at targetOffset: Int64, named targetPath: String
    ) throws(FileFailure) {
        var done: Int64 = 0
        while done < count {
            let copied = las_copy_range(
                source, sourceOffset + done, target, targetOffset + done, Int(min(count - done, 1 << 30)))
            if copied > 0 {
                done += Int64(copied)
            } else if copied == 0 {
                // The end, too early; also what some kernels say about files that they can't copy this way.
                break
            } else if errno == EINTR {
                continue
            } else if [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM].contains(errno) {
                break
            } else {
                throw FileFailure("write", targetPath)
            }
        }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { piece.deallocate() }
        while done < count {
            let got = pread(
                source, piece.baseAddress!, Int(min(Int64(piece.count), count - done)), off_t(sourceOffset + done))
            if got < 0, errno == EINTR { continue }
            if got <= 0 { throw FileFailure("read", sourcePath, code: got == 0 ? ENODATA : errno) }
            var written = 0
            while written < got {
                let count = pwrite(
                    target, piece.baseAddress! + written, got - written, off_t(targetOffset + done) + written)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileFailure("write", targetPath)
                }
                written += count
            }
            done += Int64(got)
        }
    }

    /// Makes a range of one open file share the data of a range of another one.
    /// - Returns: false where the file system can't; nothing has happened then.
    package static func cloneRange(
        _ count: Int64, from source: Int32, at sourceOffset: Int64, to target: Int32, at targetOffset: Int64
    ) -> Bool {
        las_clone_range(source, sourceOffset, target, targetOffset, count) == 0
    }

    /// Writes all bytes at an offset.
    package static func writeAll(
        _ bytes: UnsafeRawBufferPointer, at offset: Int64, to descriptor: Int32, path: String
    ) throws(FileFailure) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("write", path)
            }
            done += count
        }
    }

    /// Has a socket take a range of an open file, which nobody copies where the system can do without.
    /// - Returns: how many bytes it took; 0 where the file ends before, and -1 with `errno`.
    package static func hand(_ count: Int, of file: Int32, at offset: Int64, to socket: Int32) -> Int {
        las_send_file(socket, file, offset, count)
    }

    /// Fills the room with the bytes at an offset.
    /// - Returns: how many there were: fewer than asked for where the file ends before.
    package static func readAll(
        _ room: UnsafeMutableRawBufferPointer, at offset: Int64, from descriptor: Int32, path: String
    ) throws(FileFailure) -> Int {
        var done = 0
        while done < room.count {
            let count = pread(descriptor, room.baseAddress! + done, room.count - done, off_t(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure("read", path)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Has the system begin to write a range of an open file to the disk, and does not wait for it; a later fsync has less to
    /// do. A system that can't lets it be.
    package static func beginWriting(_ count: Int64, at offset: Int64, of descriptor: Int32) {
        las_begin_writing(descriptor, offset, count)
    }

    /// The last bytes of a file, fewer where it is shorter.
    package static func readEnd(of path: String, count: Int) throws(FileFailure) -> [UInt8] {
        let descriptor = try open(path, O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileFailure("read", path) }
        let size = min(count, Int(info.st_size))
        var failure: FileFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { room, filled in
            do throws(FileFailure) {
                filled = try readAll(
                    UnsafeMutableRawBufferPointer(room), at: Int64(info.st_size) - Int64(size), from: descriptor,
                    path: path)
                if filled < size { failure = FileFailure("read", path, code: ENODATA) }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The ranges of an open file that were ever written, in order; all of it where the file system can't tell.
    package static func written(in descriptor: Int32) -> [Range<Int64>] {
        // SEEK_DATA and SEEK_HOLE, which Swift's C library does not have.
        let (data, hole): (Int32, Int32) = (3, 4)
        var ranges: [Range<Int64>] = []
        var position: off_t = 0
        while true {
            let begin = lseek(descriptor, position, data)
            if begin < 0 { return ranges }
            let end = lseek(descriptor, begin, hole)
            guard end > begin else { return ranges }
            ranges.append(Int64(begin)..<Int64(end))
            position = end
        }
    }

    /// Reserves room for `size` bytes, so that a full disk is told now rather than later; a file system that can't is let be.
    /// - Returns: whether there is room for them now that is nobody else's.
    @discardableResult
    package static func reserve(_ size: Int64, in descriptor: Int32, named path: String) throws(FileFailure) -> Bool {
        if size <= 0 || las_reserve(descriptor, size) == 0 { return true }
        if [ENOSPC, EDQUOT, EFBIG].contains(errno) { throw FileFailure("write", path) }
        return false
    }
}
