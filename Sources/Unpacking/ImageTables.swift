internal import CZstd

/// An image's head and its tables, as they are before they are compressed.
///
/// A small change to an image moves what its tables point to, so that every compressed block of them is another one; what
/// two images have in common is seen only here. `made` compresses them again, to the same bytes where zstd is the same.
package struct ImageTables: Sendable, Hashable {
    /// A run of `text`.
    struct Piece: Sendable, Hashable {
        /// Whether it lies in the image as blocks of up to 8192 bytes, each compressed; else as it is.
        let isPacked: Bool
        let length: Int
    }

    /// The head, then what lies in the image from `start` on.
    let text: [UInt8]
    let pieces: [Piece]
    /// Where the tables begin in the image.
    let start: Int64
    /// zstd's.
    let level: Int32

    static let headSize = 4096
    /// Larger ones are not looked at: 64 MiB are those of a million files.
    static let largest = 64 << 20
    /// As libsquashfs and mksquashfs have it where an image says nothing else.
    private static let usualLevel: Int32 = 15

    init(text: [UInt8], pieces: [Piece], start: Int64, level: Int32) {
        (self.text, self.pieces, self.start, self.level) = (text, pieces, start, level)
    }

    /// - Parameters:
    ///   - size: of the part that the image is, with what follows its last table.
    ///   - read: so many bytes at a place of the part; nil where that fails.
    /// - Returns: nil for what is no such image, or has larger tables than are looked at.
    package init?(size: Int64, read: (_ position: Int64, _ count: Int) -> [UInt8]?) {
        guard size > Self.headSize, let head = read(0, Self.headSize), head.count == Self.headSize else { return nil }
        guard Self.number(head, at: 0, UInt32.self) == 0x7371_7368, Self.number(head, at: 20, UInt16.self) == 6 else {
            return nil
        }
        let fragments = Self.number(head, at: 16, UInt32.self)
        let owners = Int64(clamping: Self.number(head, at: 48, UInt64.self))
        let start = Int64(clamping: Self.number(head, at: 64, UInt64.self))
        let folders = Int64(clamping: Self.number(head, at: 72, UInt64.self))
        let fragmentTable = Int64(clamping: Self.number(head, at: 80, UInt64.self))
        guard start >= Self.headSize, start < size, size - start <= Self.largest,
            let stored = read(start, Int(size - start)), stored.count == size - start
        else { return nil }
        // Both tables lie behind the folders, and begin with the place of their first block.
        let table = fragments > 0 ? fragmentTable : owners
        guard table >= folders, table <= size - 8 else { return nil }
        let behindFolders = Int64(clamping: Self.number(stored, at: Int(table - start), UInt64.self))
        guard folders >= start, behindFolders >= folders, behindFolders <= table else { return nil }

        var (text, pieces) = (head, [Piece(isPacked: false, length: Self.headSize)])
        let unpacker = BlockUnpacker()
        var borders = [start, folders, behindFolders]
        if fragments > 0 { borders.append(fragmentTable) }
        for (from, to) in zip(borders, borders.dropFirst()) where from < to {
            let before = text.count
            guard let unpacker, unpacker.unpack(stored[Int(from - start)..<Int(to - start)], to: &text) else {
                return nil
            }
            pieces.append(Piece(isPacked: true, length: text.count - before))
        }
        let rest = stored[Int((borders.last ?? start) - start)...]
        text += rest
        pieces.append(Piece(isPacked: false, length: rest.count))
        guard text.count <= Self.largest else { return nil }
        (self.text, self.pieces, self.start) = (text, pieces, start)
        level = Self.level(in: head)
    }

    /// What the image says that it was compressed with.
    private static func level(in head: [UInt8]) -> Int32 {
        let hasOptions = number(head, at: 24, UInt16.self) & 0x0400 != 0
        guard hasOptions, number(head, at: 96, UInt16.self) == 0x8004 else { return usualLevel }
        return Int32(clamping: number(head, at: 98, UInt32.self))
    }

    /// Little endian; who asks sees to it that it is there.
    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], at place: Int, _: Number.Type) -> Number {
        bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Number.self)) }
    }

    /// The bytes of the image: its head, and what lies from `start` on.
    package struct Made: Sendable {
        package let head: [UInt8]
        package let tables: [UInt8]
        package let start: Int64
    }

    /// - Returns: nil where there is no memory for it.
    package func made() -> Made? {
        guard let packer = BlockPacker(level: level) else { return nil }
        var made: [UInt8] = []
        made.reserveCapacity(text.count / 2)
        var position = 0
        for piece in pieces {
            let bytes = text[position..<position + piece.length]
            position += piece.length
            if piece.isPacked { packer.pack(bytes, to: &made) } else { made += bytes }
        }
        guard made.count >= Self.headSize else { return nil }
        return Made(head: Array(made[..<Self.headSize]), tables: Array(made[Self.headSize...]), start: start)
    }
}

/// Blocks of tables: two bytes for the length of each, with the highest bit set where it is not compressed.
private enum TableBlock {
    static let raw: UInt16 = 0x8000
}

private final class BlockUnpacker {
    private let context: OpaquePointer

    init?() {
        guard let context = ZSTD_createDCtx() else { return nil }
        self.context = context
    }

    deinit { ZSTD_freeDCtx(context) }

    /// - Returns: whether they are blocks, of which all but the last are full.
    func unpack(_ stored: ArraySlice<UInt8>, to text: inout [UInt8]) -> Bool {
        let size = Image.metadataSize
        var last = size
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { room.deallocate() }
        return stored.withUnsafeBytes { stored in
            var position = 0
            while position < stored.count {
                guard stored.count - position > 2, last == size else { return false }
                let word = UInt16(littleEndian: stored.loadUnaligned(fromByteOffset: position, as: UInt16.self))
                let count = Int(word & ~TableBlock.raw)
                position += 2
                guard count > 0, count <= size, count <= stored.count - position else { return false }
                let block = UnsafeRawBufferPointer(rebasing: stored[position..<position + count])
                position += count
                if word & TableBlock.raw != 0 {
                    text.append(contentsOf: block)
                    last = count
                } else {
                    last = ZSTD_decompressDCtx(context, room.baseAddress, size, block.baseAddress, count)
                    guard ZSTD_isError(last) == 0, last > 0 else { return false }
                    text.append(contentsOf: room[..<last])
                }
                guard text.count <= ImageTables.largest else { return false }
            }
            return true
        }
    }
}

/// As libsquashfs does it.
private final class BlockPacker {
    private let context: OpaquePointer
    private let level: Int32

    init?(level: Int32) {
        guard let context = ZSTD_createCCtx() else { return nil }
        (self.context, self.level) = (context, level)
    }

    deinit { ZSTD_freeCCtx(context) }

    func pack(_ bytes: ArraySlice<UInt8>, to made: inout [UInt8]) {
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ZSTD_compressBound(Image.metadataSize), alignment: 64)
        defer { room.deallocate() }
        bytes.withUnsafeBytes { bytes in
            for position in stride(from: 0, to: bytes.count, by: Image.metadataSize) {
                let block = UnsafeRawBufferPointer(
                    rebasing: bytes[position..<min(position + Image.metadataSize, bytes.count)])
                let count = ZSTD_compressCCtx(
                    context, room.baseAddress, room.count, block.baseAddress, block.count, level)
                let isPacked = ZSTD_isError(count) == 0 && count < block.count
                let word = isPacked ? UInt16(count) : UInt16(block.count) | TableBlock.raw
                made.append(UInt8(word & 0xff))
                made.append(UInt8(word >> 8))
                if isPacked { made.append(contentsOf: room[..<count]) } else { made.append(contentsOf: block) }
            }
        }
    }
}
