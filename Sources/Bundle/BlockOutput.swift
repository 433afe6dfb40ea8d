internal import Digests
internal import Files
internal import Glibc
internal import Parts

/// A file that blocks are written to, one after another, with the list of its extents.
final class BlockOutput {
    let path: String
    private let descriptor: Int32
    private(set) var position: Int64
    /// Of all that was written from the first position on; whole after `align`.
    private(set) var extents: [Extent] = []
    private var last: (hasher: SHA256, length: Int64)?

    /// - Parameter position: where the first block goes; `writeHead` fills what is before it.
    init(_ path: String, from position: Int64) throws(FileFailure) {
        (self.path, self.position) = (path, position)
        descriptor = try File.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o444, action: "write")
    }

    deinit { close(descriptor) }

    /// Whole blocks: an extent.
    /// - Parameter hasher: what has hashed them.
    func append(_ blocks: UnsafeRawBufferPointer, hashed hasher: SHA256) throws(FileFailure) {
        // Nothing but zeros is in no block.
        if blocks.isEmpty { return }
        cut()
        try File.writeAll(blocks, at: position, to: descriptor, path: path)
        position += Int64(blocks.count)
        last = (hasher, Int64(blocks.count))
    }

    func append(_ blocks: UnsafeRawBufferPointer) throws(FileFailure) {
        var hasher = SHA256()
        hasher.update(blocks)
        try append(blocks, hashed: hasher)
    }

    /// Fills the last extent up to a multiple of 4096, and ends it.
    func align() throws(FileFailure) {
        let gap = Int(BundleIndex.aligned(position) - position)
        if gap > 0, var filled = last {
            let zeros = [UInt8](repeating: 0, count: gap)
            try write(zeros, at: position)
            filled.hasher.update(zeros)
            filled.length += Int64(gap)
            position += Int64(gap)
            last = filled
        }
        cut()
    }

    /// Bytes that are in no extent.
    func write(_ bytes: [UInt8], at offset: Int64) throws(FileFailure) {
        var failure: FileFailure?
        bytes.withUnsafeBytes { buffer in
            do throws(FileFailure) { try File.writeAll(buffer, at: offset, to: descriptor, path: path) } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    func sync() throws(FileFailure) {
        if fsync(descriptor) != 0 { throw FileFailure("write", path) }
    }

    private func cut() {
        guard let last else { return }
        extents.append(Extent(length: last.length, digest: last.hasher.digest()))
        self.last = nil
    }
}
