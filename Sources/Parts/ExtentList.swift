package import Digests

/// The extents of a part, in order: what is sent, compared and verified. Its digest names the part.
///
/// The binary form is `docs/bundle-format.md`'s; for one list there is exactly one form.
package struct ExtentList: Hashable, Sendable {
    package let extents: [Extent]
    /// The sum of the lengths: the part's size.
    package let size: Int64

    /// No extent is longer, so that nobody has to hold more than this to check one.
    package static let largestExtent: Int64 = 16 << 20
    package static let mostExtents = 1 << 21
    package static let version: UInt32 = 1

    static let magic = "LASEXTNT"
    private static let domain = "las extent list\0"
    private static let headSize = 24
    private static let entrySize = 4 + Digest.byteCount

    /// The most bytes that a list may have.
    package static let largestList = headSize + mostExtents * entrySize

    /// - Throws: where an extent is empty or longer than `largestExtent`, or there are too many.
    package init(_ extents: [Extent]) throws(PartFailure) {
        let size = try Self.check(extents.lazy.map(\.length), in: "a list of extents")
        (self.extents, self.size) = (extents, size)
    }

    /// - Parameter place: what to call it in an error: a file, a host.
    package init(bytes: [UInt8], from place: String = "a list of extents") throws(PartFailure) {
        var reader = ByteReader(bytes)
        guard let magic = reader.take(8), magic.elementsEqual(Self.magic.utf8) else {
            throw .damaged("this is no list of extents", in: place)
        }
        guard let version = reader.number(UInt32.self) else {
            throw .damaged("the list of extents is cut short", in: place)
        }
        if version > Self.version { throw .newer("the list of extents", version: version, in: place) }
        guard version == Self.version, let count = reader.number(UInt32.self), let size = reader.size() else {
            throw .damaged("the head of the list of extents is damaged", in: place)
        }
        guard count <= Self.mostExtents, reader.remaining == Int(count) * Self.entrySize else {
            throw .damaged(
                "the list says that it has \(count) extents, but is as long as \(reader.remaining / Self.entrySize)",
                in: place)
        }
        var extents: [Extent] = []
        extents.reserveCapacity(Int(count))
        while let length = reader.number(UInt32.self),
            let digest = reader.take(Digest.byteCount).flatMap({ Digest(bytes: $0) })
        {
            extents.append(Extent(length: Int64(length), digest: digest))
        }
        guard try Self.check(extents.lazy.map(\.length), in: place) == size else {
            throw .damaged("the extents are not as long together as the list says", in: place)
        }
        (self.extents, self.size) = (extents, size)
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(Self.version)
        writer.append(UInt32(extents.count))
        writer.append(UInt64(size))
        for extent in extents {
            writer.append(UInt32(extent.length))
            writer.append(extent.digest.bytes)
        }
        return writer.bytes
    }

    /// Of the binary form, under a domain tag.
    package var digest: Digest {
        var hasher = SHA256()
        hasher.update(Self.domain)
        hasher.update(bytes)
        return hasher.digest()
    }

    private static func check(_ lengths: some Collection<Int64>, in place: String) throws(PartFailure) -> Int64 {
        guard lengths.count <= mostExtents else {
            throw .damaged("there are more than \(mostExtents) extents", in: place)
        }
        var size: Int64 = 0
        for (number, length) in lengths.enumerated() {
            guard length > 0, length <= largestExtent else {
                throw .damaged("extent \(number + 1) has an impossible length, \(length)", in: place)
            }
            size += length
        }
        return size
    }
}
