internal import Files
internal import Glibc

/// An open squashfs image (version 4, zstd), read by any thread. The format: the kernel's `fs/squashfs/squashfs_fs.h`.
///
/// Nothing that the image says is believed: every place is read within its bounds, every length is checked before it is used.
final class Image: Sendable {
    let path: String
    let blockSize: Int
    let inodeCount: Int64
    let rootInode: UInt64
    let inodeTable: Int64
    let directoryTable: Int64
    /// nil where nothing in it has extended attributes.
    let attributeTable: Int64?
    private let fragmentTable: Int64
    private let fragmentCount: Int
    /// Where the image begins in the file, and how long it is.
    private let offset: Int64
    let size: Int64
    let descriptor: Int32

    static let metadataSize = 8192
    private static let headSize = 96
    private static let most = (fragments: 1 << 23, bytes: Int64(1) << 48)

    init(_ path: String, offset: Int64) throws(UnpackFailure) {
        do throws(FileFailure) {
            descriptor = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        } catch { throw UnpackFailure(error) }
        (self.path, self.offset) = (path, offset)
        let head = [UInt8](unsafeUninitializedCapacity: Self.headSize) { [descriptor] buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)))
        }
        var fields = LittleEndian(head)
        guard head.count == Self.headSize, fields.number(UInt32.self) == 0x7371_7368 else {
            close(descriptor)
            throw .damaged("there is no squashfs at byte \(offset)", in: path)
        }
        let (inodes, _, blockSize) = (
            fields.number(UInt32.self), fields.number(UInt32.self), fields.number(UInt32.self)
        )
        let fragments = fields.number(UInt32.self)
        let (compression, blockLog) = (fields.number(UInt16.self), fields.number(UInt16.self))
        fields.skip(4)
        let (major, minor) = (fields.number(UInt16.self), fields.number(UInt16.self))
        rootInode = fields.number(UInt64.self)
        let used = fields.number(UInt64.self)
        fields.skip(8)
        let attributes = fields.number(UInt64.self)
        let (inode, directory) = (fields.number(UInt64.self), fields.number(UInt64.self))
        let fragment = fields.number(UInt64.self)
        var problem: String?
        if major != 4 || minor != 0 { problem = "it has version \(major).\(minor), not 4.0" }
        if compression != 6 { problem = "it is not compressed with zstd" }
        if !(12...20).contains(blockLog) || blockSize != 1 << UInt32(blockLog) { problem = "its block size is wrong" }
        if used > Self.most.bytes || inode > used || directory > used { problem = "its tables lie outside of it" }
        if fragments > 0 && (fragment > used || fragments > Self.most.fragments) {
            problem = "its fragments lie outside of it"
        }
        if let problem {
            close(descriptor)
            throw .damaged(problem, in: path)
        }
        self.blockSize = Int(blockSize)
        inodeCount = Int64(inodes)
        (inodeTable, directoryTable) = (Int64(inode), Int64(directory))
        attributeTable = attributes == .max ? nil : Int64(clamping: attributes)
        (fragmentTable, fragmentCount) = (fragments == 0 ? 0 : Int64(fragment), Int(fragments))
        size = Int64(used)
    }

    deinit { close(descriptor) }

    /// Fills all of `buffer` from `position` of the image.
    func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(UnpackFailure) {
        guard position >= 0, position <= size, Int64(buffer.count) <= size - position else {
            throw .damaged("it points to byte \(position), outside of itself", in: path)
        }
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + position) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw UnpackFailure(FileFailure("read", path))
            }
            if count == 0 { throw .damaged("it is cut short", in: path) }
            done += count
        }
    }

    func read(at position: Int64, count: Int) throws(UnpackFailure) -> [UInt8] {
        var failure: UnpackFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(UnpackFailure) {
                try read(at: position, into: UnsafeMutableRawBufferPointer(buffer))
                filled = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// All fragment blocks: where they are and, as for data blocks, how they are stored.
    func fragments(_ metadata: MetadataReader) throws(UnpackFailure) -> [(start: Int64, size: UInt32)] {
        var fragments: [(start: Int64, size: UInt32)] = []
        let perBlock = Self.metadataSize / 16
        var pointers = LittleEndian(
            try read(at: fragmentTable, count: (fragmentCount + perBlock - 1) / perBlock * 8))
        while fragments.count < fragmentCount {
            var cursor = MetadataReader.Cursor(block: Int64(clamping: pointers.number(UInt64.self)), offset: 0)
            let count = min(perBlock, fragmentCount - fragments.count)
            var entries = LittleEndian(try metadata.read(count * 16, at: &cursor))
            for _ in 0..<count {
                fragments.append((Int64(clamping: entries.number(UInt64.self)), entries.number(UInt32.self)))
                entries.skip(4)
            }
        }
        return fragments
    }
}

/// Numbers out of bytes; who makes one sees to it that there are enough.
struct LittleEndian {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// 0 past the end.
    mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_: Number.Type) -> Number {
        let count = Number.bitWidth / 8
        defer { position += count }
        guard position + count <= bytes.count else { return 0 }
        return bytes[position..<position + count].reversed().reduce(0) { $0 << 8 | Number($1) }
    }

    mutating func skip(_ count: Int) { position += count }
}
