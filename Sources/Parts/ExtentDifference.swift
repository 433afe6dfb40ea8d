internal import Digests

/// A list of extents, told by what it shares with a list that the other side has: an image that changed a little needs a few
/// hundred bytes for it rather than 36 for each extent.
///
/// The binary form is `docs/host-protocol.md`'s. It proves nothing: who applies it looks whether the list that comes out has
/// the digest that it must have.
package struct ExtentDifference: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        /// Extents of the other list.
        case same(Range<Int>)
        case new([Extent])
    }

    package let steps: [Step]

    static let magic = "LASEXDIF"
    package static let version: UInt32 = 1

    /// What `list` is, to one who has `other`.
    package init(_ list: ExtentList, from other: ExtentList) {
        var places: [Digest: Int] = [:]
        places.reserveCapacity(other.extents.count)
        for (number, extent) in other.extents.enumerated() where places[extent.digest] == nil {
            places[extent.digest] = number
        }
        var steps: [Step] = []
        var new: [Extent] = []
        var position = 0
        while position < list.extents.count {
            guard let start = places[list.extents[position].digest], other.extents[start] == list.extents[position]
            else {
                new.append(list.extents[position])
                position += 1
                continue
            }
            var end = start
            while position < list.extents.count, end < other.extents.count,
                other.extents[end] == list.extents[position]
            {
                (end, position) = (end + 1, position + 1)
            }
            if !new.isEmpty { steps.append(.new(new)) }
            new = []
            steps.append(.same(start..<end))
        }
        if !new.isEmpty { steps.append(.new(new)) }
        self.steps = steps
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(Self.magic)
        writer.append(Self.version)
        for step in steps {
            switch step {
            case .same(let range):
                writer.append(UInt8(0))
                writer.append(UInt32(range.lowerBound))
                writer.append(UInt32(range.count))
            case .new(let extents):
                writer.append(UInt8(1))
                writer.append(UInt32(extents.count))
                for extent in extents {
                    writer.append(UInt32(extent.length))
                    writer.append(extent.digest.bytes)
                }
            }
        }
        return writer.bytes
    }

    /// - Throws: for what can't be a difference, or would make a list that is longer than lists may be.
    package init(bytes: [UInt8], from place: String) throws(PartFailure) {
        var reader = ByteReader(bytes)
        guard let magic = reader.take(8), magic.elementsEqual(Self.magic.utf8), let version = reader.number(UInt32.self)
        else { throw .damaged("this is no difference of lists of extents", in: place) }
        if version > Self.version { throw .newer("the difference of lists of extents", version: version, in: place) }
        var steps: [Step] = []
        var total = 0
        while !reader.isAtEnd {
            let step = try Self.step(&reader, place)
            switch step {
            case .same(let range): total += range.count
            case .new(let extents): total += extents.count
            }
            guard total <= ExtentList.mostExtents else { throw .damaged("there are too many extents", in: place) }
            steps.append(step)
        }
        self.steps = steps
    }

    private static func step(_ reader: inout ByteReader, _ place: String) throws(PartFailure) -> Step {
        switch reader.number(UInt8.self) {
        case 0:
            if let first = reader.number(UInt32.self), let count = reader.number(UInt32.self),
                Int(first) + Int(count) <= ExtentList.mostExtents
            {
                return .same(Int(first)..<Int(first) + Int(count))
            }
        case 1:
            guard let count = reader.number(UInt32.self), reader.remaining / (4 + Digest.byteCount) >= Int(count) else {
                break
            }
            var extents: [Extent] = []
            extents.reserveCapacity(Int(count))
            while extents.count < count, let length = reader.number(UInt32.self),
                let digest = reader.take(Digest.byteCount).flatMap({ Digest(bytes: $0) })
            {
                extents.append(Extent(length: Int64(length), digest: digest))
            }
            return .new(extents)
        default: break
        }
        throw .damaged("the difference of lists of extents is damaged at byte \(reader.position)", in: place)
    }

    /// - Throws: where it speaks of extents that the other list does not have.
    package func applied(to other: ExtentList, from place: String) throws(PartFailure) -> ExtentList {
        var extents: [Extent] = []
        for step in steps {
            switch step {
            case .same(let range):
                guard range.upperBound <= other.extents.count else {
                    throw .damaged("the difference of lists of extents is that of another list", in: place)
                }
                extents += other.extents[range]
            case .new(let new): extents += new
            }
        }
        return try ExtentList(extents)
    }
}
