internal import Digests
internal import Glibc

/// What became of a job: the compressed blocks, one after another, and their digest so far.
struct CompressedJob: Sendable {
    let room: JobRoom
    let count: Int
    /// As the format stores them: a block's length, bit 24 set where it is stored raw, 0 for nothing but zeros.
    let sizes: [UInt32]
    /// Of the `count` bytes; filling may follow.
    let hasher: SHA256

    static let raw: UInt32 = 1 << 24

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: room.bytes[..<count]) }
}

/// Memory for a job's compressed blocks, used again and again.
final class JobRoom: @unchecked Sendable {
    fileprivate(set) var bytes: UnsafeMutableRawBufferPointer

    /// Enough for a job that can't be compressed.
    init() { bytes = .allocate(byteCount: 5 << 18, alignment: 4096) }
    deinit { bytes.deallocate() }

    fileprivate func grow(keeping count: Int, to size: Int) {
        guard size > bytes.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, bytes.count * 2), alignment: 4096)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        bytes.deallocate()
        bytes = larger
    }
}

/// Reads, compresses and hashes blocks, for one thread.
final class BlockReader {
    private let compressor: Compressor
    private let input: UnsafeMutableRawBufferPointer
    private let most: Int

    init(_ options: ImageOptions) throws(BundleFailure) {
        compressor = try Compressor(options)
        input = .allocate(byteCount: options.blockSize, alignment: 4096)
        most = Compressor.room(for: options.blockSize)
    }

    deinit { input.deallocate() }

    func read(_ job: BlockPlan.Job, of files: [ImageFile], into room: JobRoom) throws -> CompressedJob {
        var count = 0
        var sizes: [UInt32] = []
        sizes.reserveCapacity(job.blocks.count)
        var number = 0
        while number < job.blocks.count {
            // A large file's blocks are read while it is open.
            if case .data(let first) = job.blocks[number], files[first.file].isOnDisk {
                let reading = try FileReading(files[first.file])
                while number < job.blocks.count, case .data(let piece) = job.blocks[number], piece.file == first.file {
                    try reading.read(at: piece.offset, into: rebased(0, piece.length))
                    sizes.append(try compress(piece.length, mayBeSparse: true, into: room, &count))
                    number += 1
                }
                continue
            }
            var filled = 0
            for piece in job.blocks[number].pieces {
                try read(piece, of: files[piece.file], into: rebased(filled, piece.length))
                filled += piece.length
            }
            if case .data = job.blocks[number] {
                sizes.append(try compress(filled, mayBeSparse: true, into: room, &count))
            } else {
                sizes.append(try compress(filled, mayBeSparse: false, into: room, &count))
            }
            number += 1
        }
        var hasher = SHA256()
        hasher.update(UnsafeRawBufferPointer(rebasing: room.bytes[..<count]))
        return CompressedJob(room: room, count: count, sizes: sizes, hasher: hasher)
    }

    private func rebased(_ start: Int, _ length: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: input[start..<start + length])
    }

    /// Compresses what lies in `input` to the end of what is in the room.
    private func compress(
        _ length: Int, mayBeSparse: Bool, into room: JobRoom, _ count: inout Int
    ) throws(BundleFailure) -> UInt32 {
        let bytes = UnsafeRawBufferPointer(rebasing: input[..<length])
        if mayBeSparse, Self.isZero(bytes) { return 0 }
        room.grow(keeping: count, to: count + most)
        let free = UnsafeMutableRawBufferPointer(rebasing: room.bytes[count...])
        let compressed = try compressor.compress(bytes, into: free)
        if compressed == 0 {
            free.copyMemory(from: bytes)
            count += length
            return UInt32(length) | CompressedJob.raw
        }
        count += compressed
        return UInt32(compressed)
    }

    /// Where the first byte is 0 and every byte is like the one before it.
    private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, bytes[0] == 0 else { return false }
        return memcmp(start, start + 1, bytes.count - 1) == 0
    }

    private func read(_ piece: BlockPlan.Piece, of file: ImageFile, into room: UnsafeMutableRawBufferPointer) throws {
        switch file.content {
        case .bytes(let bytes):
            bytes.withUnsafeBytes {
                room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(piece.offset)...].prefix(piece.length)))
            }
        case .file, .layered: try FileReading(file).read(at: piece.offset, into: room)
        }
    }
}
