internal import Digests
internal import Files
internal import Glibc
internal import Parts

/// The file that an image is written to, from its first byte to its last, with the list of its extents.
///
/// Only the head, the first 4096 bytes, is written last.
final class ImageOutput {
    static let headSize: Int64 = 4096
    /// Extents end with the first block after this many bytes.
    private static let extentSize: Int64 = 256 << 10

    let path: String
    private let descriptor: Int32
    private(set) var position = headSize
    private var extents: [Extent] = []
    private var hasher = SHA256()
    private var length: Int64 = 0

    init(_ path: String) throws(FileFailure) {
        self.path = path
        descriptor = try File.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o444, action: "write")
    }

    deinit { close(descriptor) }

    /// A whole block; the extent may end after it.
    func append(_ block: UnsafeRawBufferPointer) throws(FileFailure) {
        try write(block, at: position)
        hasher.update(block)
        position += Int64(block.count)
        length += Int64(block.count)
        if length >= Self.extentSize { cut() }
    }

    /// Fills up to a multiple of 4096, and ends the extent.
    func align() throws {
        let gap = Int(BundleIndex.aligned(position) - position)
        if gap > 0 {
            let zeros = [UInt8](repeating: 0, count: gap)
            try zeros.withUnsafeBytes { try append($0) }
        }
        cut()
    }

    /// Writes the head, syncs, and tells what was written.
    func finish(head: [UInt8]) throws -> ExtentList {
        precondition(head.count == Int(Self.headSize) && length == 0)
        try head.withUnsafeBytes { try write($0, at: 0) }
        if fsync(descriptor) != 0 { throw FileFailure("write", path) }
        return try ExtentList([Extent(length: Self.headSize, digest: Digest(of: head))] + extents)
    }

    private func cut() {
        guard length > 0 else { return }
        extents.append(Extent(length: length, digest: hasher.digest()))
        (hasher, length) = (SHA256(), 0)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileFailure) {
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
}
