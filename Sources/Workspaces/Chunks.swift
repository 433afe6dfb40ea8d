internal import Digests
internal import Files
internal import Glibc
package import Parts

/// Where a file is cut for comparing it with another: by what stands there and not by how far from its beginning, so that what was
/// put into it moves only the cuts nearby.
package struct Chunks {
    let smallest: Int
    let largest: Int
    /// One cut in so many bytes, on average, where it is not too early.
    private let mask: UInt64

    /// - Parameter size: of the file that is to come: of a very large one chunks are larger, so that their list does not grow without end.
    ///   The file that it is compared with is cut in the same way.
    package init(for size: Int64) {
        var bits: UInt64 = 13
        while bits < 20, size >> Int64(bits + 1) > 1 << 18 { bits += 1 }
        (smallest, largest) = (1 << Int(bits), 1 << Int(bits + 3))
        mask = ((1 << bits) - 1) << 40
    }

    /// A number for each byte, the same everywhere.
    private static let gear: [UInt64] = {
        var state: UInt64 = 0x6C61_7320_6375_7473
        return (0..<256).map { _ in
            state &+= 0x9E37_79B9_7F4A_7C15
            var number = state
            number = (number ^ (number >> 30)) &* 0xBF58_476D_1CE4_E5B9
            number = (number ^ (number >> 27)) &* 0x94D0_49BB_1331_11EB
            return number ^ (number >> 31)
        }
    }()

    /// - Returns: how long the first chunk is.
    /// - Parameter isEnd: nothing follows.
    func cut(_ bytes: UnsafeRawBufferPointer, isEnd: Bool) -> Int {
        let end = min(bytes.count, largest)
        if end <= smallest { return end }
        var hash: UInt64 = 0
        return Self.gear.withUnsafeBufferPointer { gear in
            for position in smallest - 64..<end {
                hash = (hash << 1) &+ gear[Int(bytes[position])]
                if position >= smallest, hash & mask == 0 { return position + 1 }
            }
            return end
        }
    }

    /// The list of a file's chunks.
    /// - Parameter descriptor: read from its beginning on, by offsets.
    package func list(of descriptor: Int32, size: Int64) throws -> ExtentList {
        var extents: [Extent] = []
        extents.reserveCapacity(Int(size / Int64(smallest * 2)) + 1)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var (filled, start): (Int, Int) = (0, 0)
        var offset: Int64 = 0
        var isEnd = false
        while true {
            if !isEnd, filled - start < largest {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<filled]))
                (filled, start) = (filled - start, 0)
                while filled < buffer.count, !isEnd {
                    let count = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset))
                    if count < 0, errno == EINTR { continue }
                    if count < 0 { throw FileFailure("read", "a file of the workspace") }
                    if count == 0 { isEnd = true }
                    (filled, offset) = (filled + count, offset + Int64(count))
                }
            }
            if start == filled { return try ExtentList(extents) }
            let rest = UnsafeRawBufferPointer(rebasing: buffer[start..<filled])
            let length = cut(rest, isEnd: isEnd)
            var hasher = SHA256()
            hasher.update(UnsafeRawBufferPointer(rebasing: rest[..<length]))
            extents.append(Extent(length: Int64(length), digest: hasher.digest()))
            start += length
        }
    }
}
