internal import CLinux
internal import Glibc

/// Writing ranges of other files straight to the disk, past the system's memory: half the work of a copy by the kernel, and
/// nothing is left for a later fsync. What is written is not in memory afterwards.
///
/// The file is as usual again when this ends.
package struct StraightWriting: ~Copyable {
    /// All begin and end at multiples of this.
    package static let block: Int64 = 4096

    private let descriptor: Int32

    /// - Returns: nil where the file's file system is not known to do it well.
    package init?(to descriptor: Int32) {
        if las_write_straight(descriptor, 1) != 0 { return nil }
        self.descriptor = descriptor
    }

    deinit { las_write_straight(descriptor, 0) }

    /// Whole blocks of a file, in memory without having been read.
    package final class Piece {
        fileprivate let bytes: UnsafeMutableRawPointer
        package let count: Int

        /// - Returns: nil where the file can't be had in memory.
        package init?(of descriptor: Int32, at offset: Int64, count: Int) {
            guard count > 0, let bytes = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, off_t(offset)),
                bytes != MAP_FAILED
            else { return nil }
            (self.bytes, self.count) = (bytes, count)
            madvise(bytes, count, MADV_WILLNEED)
        }

        deinit { munmap(bytes, count) }
    }

    /// Writes pieces one after another, at most 1,024. Only the kernel looks into them: a file that was cut meanwhile is no
    /// fault in this process, and can't be written.
    ///
    /// - Returns: whether all of it was written; who asked writes it in another way else.
    package func write(_ pieces: [Piece], at offset: Int64, named path: String) throws(FileFailure) -> Bool {
        var vectors = pieces.map { iovec(iov_base: $0.bytes, iov_len: $0.count) }
        let total = pieces.reduce(0) { $0 + $1.count }
        while true {
            let written = pwritev(descriptor, &vectors, Int32(vectors.count), off_t(offset))
            if written == total { return withExtendedLifetime(pieces) { true } }
            if written >= 0 { return false }
            if errno == EINTR { continue }
            if [ENOSPC, EDQUOT, EFBIG, EIO].contains(errno) { throw FileFailure("write", path) }
            return false
        }
    }
}
