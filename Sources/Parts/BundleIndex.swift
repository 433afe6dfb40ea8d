package import Digests
internal import Files

/// A part and where it lies in a bundle.
package struct PlacedPart: Hashable, Sendable {
    package let part: Part
    /// A multiple of `BundleIndex.alignment`.
    package let offset: Int64
    package let extents: ExtentList

    package init(part: Part, offset: Int64, extents: ExtentList) {
        (self.part, self.offset, self.extents) = (part, offset, extents)
    }

    package var end: Int64 { offset + part.size }
}

/// What a bundle holds and where: the runtime, the environments by name, the metro.
package struct BundleIndex: Hashable, Sendable {
    package let parts: [PlacedPart]

    package static let alignment: Int64 = 4096
    package static let version: UInt32 = 1
    package static let mostParts = 4096
    package static let largest = 256 << 20
    static let magic = "LASINDEX"

    /// Lays the parts out one after another, in the order that every bundle has.
    /// - Throws: where there is not exactly one runtime and one metro, or two environments have the same name.
    package init(laying parts: [(part: Part, extents: ExtentList)]) throws(PartFailure) {
        var offset: Int64 = 0
        var placed: [PlacedPart] = []
        for (part, extents) in parts.sorted(by: { $0.part.comesBefore($1.part) }) {
            placed.append(PlacedPart(part: part, offset: offset, extents: extents))
            offset = Self.aligned(offset + part.size)
        }
        try Self.check(placed, in: "a bundle")
        self.parts = placed
    }

    /// Where the index itself begins.
    package var offset: Int64 { Self.aligned(parts.last?.end ?? 0) }

    /// Of the parts' kinds, names, sizes and digests, under a domain tag and version: what a signature covers.
    package var identity: Digest { Self.identity(of: parts.map(\.part)) }

    /// - Parameter parts: in the order that every bundle has.
    package static func identity(of parts: [Part]) -> Digest {
        var writer = ByteWriter()
        writer.append("las bundle identity\0")
        writer.append(version)
        writer.append(UInt32(parts.count))
        for part in parts { writer.append(part) }
        return Digest(of: writer.bytes)
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(Self.version)
        writer.append(UInt32(parts.count))
        for placed in parts {
            writer.append(placed.part)
            writer.append(UInt64(placed.offset))
            let extents = placed.extents.bytes
            writer.append(UInt32(extents.count))
            writer.append(extents)
        }
        return writer.bytes
    }

    init(bytes: [UInt8], from path: String) throws(PartFailure) {
        var reader = ByteReader(bytes)
        guard let magic = reader.take(8), magic.elementsEqual(Self.magic.utf8), let version = reader.number(UInt32.self)
        else {
            throw .damaged("the index of the bundle is damaged", in: path)
        }
        if version > Self.version { throw .newer("the index of the bundle", version: version, in: path) }
        guard version == Self.version, let count = reader.number(UInt32.self), count <= Self.mostParts else {
            throw .damaged("the head of the bundle's index is damaged", in: path)
        }
        var parts: [PlacedPart] = []
        for number in 1...max(1, Int(count)) {
            guard let part = reader.part(), let offset = reader.size(), let length = reader.number(UInt32.self),
                let extents = reader.take(Int(length))
            else { throw .damaged("part \(number) in the index of the bundle is damaged", in: path) }
            parts.append(
                PlacedPart(part: part, offset: offset, extents: try ExtentList(bytes: Array(extents), from: path)))
        }
        guard reader.isAtEnd else { throw .damaged("the index of the bundle is longer than its parts", in: path) }
        try Self.check(parts, in: path)
        self.parts = parts
    }

    package static func aligned(_ offset: Int64) -> Int64 { (offset + alignment - 1) / alignment * alignment }

    private static func check(_ parts: [PlacedPart], in path: String) throws(PartFailure) {
        var offset: Int64 = 0
        for (before, placed) in zip([nil] + parts.map(Optional.some), parts) {
            let part = placed.part
            if let before, !before.part.comesBefore(part) {
                throw .damaged("\(before.part.words) and \(part.words) are not in the order of a bundle", in: path)
            }
            guard placed.offset == offset else {
                throw .damaged("\(part.words) is said to lie at byte \(placed.offset), not at \(offset)", in: path)
            }
            guard placed.extents.size == part.size, placed.extents.digest == part.digest else {
                throw .damaged("the extents of \(part.words) do not fit its digest", in: path)
            }
            offset = aligned(placed.end)
        }
        for kind in [Part.Kind.runtime, .metro] where parts.count(where: { $0.part.kind == kind }) != 1 {
            throw .damaged("a bundle has exactly one \(kind.rawValue)", in: path)
        }
    }
}

extension Part {
    /// For a person: `the environment “base”`.
    package var words: String {
        switch kind {
        case .runtime: "the runtime"
        case .environment: "the environment “\(name)”"
        case .metro: "the image of the metro “\(name)”"
        }
    }

    /// The order in a bundle: the runtime, the environments by name, the metro.
    fileprivate func comesBefore(_ other: Part) -> Bool {
        kind.number != other.kind.number
            ? kind.number < other.kind.number : name.utf8.lexicographicallyPrecedes(other.name.utf8)
    }
}

extension Part.Kind {
    fileprivate var number: UInt8 {
        switch self {
        case .runtime: 1
        case .environment: 2
        case .metro: 3
        }
    }
}

extension ByteWriter {
    fileprivate mutating func append(_ part: Part) {
        append(part.kind.number)
        append(UInt16(part.name.utf8.count))
        append(part.name)
        append(UInt64(part.size))
        append(part.digest.bytes)
    }
}

extension ByteReader {
    fileprivate mutating func part() -> Part? {
        guard let number = number(UInt8.self),
            let kind = [Part.Kind.runtime, .environment, .metro].first(where: { $0.number == number }),
            let length = self.number(UInt16.self), let name = take(Int(length)),
            let text = String(validating: name, as: UTF8.self),
            Part.allows(text, as: kind), let size = size(),
            let digest = take(Digest.byteCount).flatMap({ Digest(bytes: $0) })
        else { return nil }
        return Part(kind: kind, name: text, size: size, digest: digest)
    }
}

extension Part {
    /// Names are shown to people: at most 255 bytes, without control characters; the runtime has none.
    package static func allows(_ name: String, as kind: Kind) -> Bool {
        let plain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
        return plain && name.utf8.count <= 255 && (kind == .runtime) == name.isEmpty
    }
}
