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

    /// Reserves room for `size` bytes, so that a full disk is told now rather than later; a file system that can't is let be.
    package static func reserve(_ size: Int64, in descriptor: Int32, named path: String) throws(FileFailure) {
        guard size > 0, las_reserve(descriptor, size) != 0 else { return }
        if [ENOSPC, EDQUOT, EFBIG].contains(errno) { throw FileFailure("write", path) }
    }
}
