internal import CZstd

/// The tables of an image, told by what they share with those of an image that the other side has.
///
/// The binary form is `docs/host-protocol.md`'s. It proves nothing: what is made of it counts only where it has the digests
/// that it must have.
package struct TablesDifference: Sendable {
    private let pieces: [ImageTables.Piece]
    private let start: Int64
    private let level: Int32
    /// The text, compressed by what the other tables' text has of it.
    private let packed: [UInt8]

    private static let magic = Array("LASTABLE".utf8)
    private static let version: UInt32 = 1
    private static let headSize = 28
    private static let pieceSize = 9
    private static let mostPieces = 16
    /// No larger ones are made or taken.
    package static let largest = ImageTables.largest + 4096
    /// By how much of a second for a few megabytes: higher levels save a quarter more, and take twenty times as long.
    private static let effort: Int32 = 9
    /// Another zstd may compress the same tables to other bytes.
    package static var zstd: String { String(cString: ZSTD_versionString()) }

    /// - Returns: nil where one is so much larger that they can't be alike.
    package init?(_ tables: ImageTables, from other: ImageTables) {
        guard Self.canBeLike(tables.text.count, other), let context = ZSTD_createCCtx() else { return nil }
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.effort)
        ZSTD_CCtx_setParameter(
            context, ZSTD_c_windowLog, Self.window(for: tables.text.count + other.text.count))
        let room = ZSTD_compressBound(tables.text.count)
        var isWhole = false
        packed = other.text.withUnsafeBytes { prefix in
            tables.text.withUnsafeBytes { text in
                [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
                    filled = 0
                    guard ZSTD_isError(ZSTD_CCtx_refPrefix(context, prefix.baseAddress, prefix.count)) == 0 else {
                        return
                    }
                    let count = ZSTD_compress2(context, buffer.baseAddress, room, text.baseAddress, text.count)
                    guard ZSTD_isError(count) == 0 else { return }
                    (filled, isWhole) = (count, true)
                }
            }
        }
        guard isWhole else { return nil }
        (pieces, start, level) = (tables.pieces, tables.start, tables.level)
    }

    /// What is made takes no more memory than what is there calls for.
    private static func canBeLike(_ size: Int, _ other: ImageTables) -> Bool {
        size <= 4 * other.text.count + 1 << 20
    }

    /// So that the other text is reached from the end of this one.
    private static func window(for count: Int) -> Int32 {
        Int32(min(27, max(10, Int.bitWidth - count.leadingZeroBitCount)))
    }

    package var bytes: [UInt8] {
        var bytes = Self.magic
        Self.append(Self.version, to: &bytes)
        Self.append(UInt32(bitPattern: level), to: &bytes)
        Self.append(UInt64(start), to: &bytes)
        Self.append(UInt32(pieces.count), to: &bytes)
        for piece in pieces {
            bytes.append(piece.isPacked ? 1 : 0)
            Self.append(UInt64(piece.length), to: &bytes)
        }
        return bytes + packed
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// - Returns: nil for what is no difference, or makes more than is made.
    package init?(bytes: [UInt8]) {
        guard bytes.count > Self.headSize, bytes.starts(with: Self.magic),
            Self.number(bytes, at: 8, UInt32.self) == Self.version
        else { return nil }
        let level = Self.number(bytes, at: 12, UInt32.self)
        let start = Self.number(bytes, at: 16, UInt64.self)
        let count = Int(Self.number(bytes, at: 24, UInt32.self))
        guard (1...22).contains(level), start < 1 << 48, (1...Self.mostPieces).contains(count),
            bytes.count > Self.headSize + count * Self.pieceSize
        else { return nil }
        var pieces: [ImageTables.Piece] = []
        var size: UInt64 = 0
        for number in 0..<count {
            let place = Self.headSize + number * Self.pieceSize
            let length = Self.number(bytes, at: place + 1, UInt64.self)
            guard bytes[place] <= 1, length <= ImageTables.largest else { return nil }
            size += length
            pieces.append(ImageTables.Piece(isPacked: bytes[place] == 1, length: Int(length)))
        }
        guard size <= ImageTables.largest else { return nil }
        (self.pieces, self.start, self.level) = (pieces, Int64(start), Int32(level))
        packed = Array(bytes[(Self.headSize + count * Self.pieceSize)...])
    }

    /// Big endian; who asks sees to it that it is there.
    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], at place: Int, _: Number.Type) -> Number {
        bytes.withUnsafeBytes { Number(bigEndian: $0.loadUnaligned(fromByteOffset: place, as: Number.self)) }
    }

    /// - Returns: nil where it is the difference from other tables.
    package func applied(to other: ImageTables) -> ImageTables? {
        let size = pieces.reduce(0) { $0 + $1.length }
        guard Self.canBeLike(size, other), let context = ZSTD_createDCtx() else { return nil }
        defer { ZSTD_freeDCtx(context) }
        let text = other.text.withUnsafeBytes { prefix in
            packed.withUnsafeBytes { packed in
                [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                    filled = 0
                    guard ZSTD_isError(ZSTD_DCtx_refPrefix(context, prefix.baseAddress, prefix.count)) == 0 else {
                        return
                    }
                    let count = ZSTD_decompressDCtx(
                        context, buffer.baseAddress, size, packed.baseAddress, packed.count)
                    if ZSTD_isError(count) == 0 { filled = count }
                }
            }
        }
        guard text.count == size else { return nil }
        return ImageTables(text: text, pieces: pieces, start: start, level: level)
    }
}
