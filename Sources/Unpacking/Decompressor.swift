internal import CZstd

/// zstd, for one thread, with room for a block as it is stored.
final class Decompressor {
    private let context: OpaquePointer
    private let stored: UnsafeMutableRawBufferPointer
    private let image: Image

    init(_ image: Image) throws(UnpackFailure) {
        guard let context = ZSTD_createDCtx() else { throw .noMemory(image.path) }
        (self.context, self.image) = (context, image)
        stored = .allocate(byteCount: max(image.blockSize, Image.metadataSize), alignment: 64)
    }

    deinit {
        ZSTD_freeDCtx(context)
        stored.deallocate()
    }

    /// Reads a block of `count` stored bytes.
    /// - Returns: how many bytes of `room` it fills.
    func read(
        at position: Int64, count: Int, isCompressed: Bool, into room: UnsafeMutableRawBufferPointer
    ) throws(UnpackFailure) -> Int {
        guard count > 0, count <= stored.count, isCompressed || count <= room.count else {
            throw .damaged("a block has the impossible length of \(count) bytes", in: image.path)
        }
        if !isCompressed {
            try image.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
            return count
        }
        try image.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: stored[..<count]))
        let filled = ZSTD_decompressDCtx(context, room.baseAddress, room.count, stored.baseAddress, count)
        guard filled > 0, ZSTD_isError(filled) == 0 else {
            throw .damaged("the block at byte \(position) can’t be decompressed", in: image.path)
        }
        return filled
    }

    /// A data or fragment block, whose length has bit 24 set where it is not compressed.
    func read(at position: Int64, size: UInt32, into room: UnsafeMutableRawBufferPointer) throws(UnpackFailure) -> Int {
        let raw: UInt32 = 1 << 24
        guard size & ~(raw | (raw - 1)) == 0 else {
            throw .damaged("a block has an impossible length", in: image.path)
        }
        return try read(at: position, count: Int(size & (raw - 1)), isCompressed: size & raw == 0, into: room)
    }
}
