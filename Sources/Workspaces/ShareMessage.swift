internal import Digests
internal import Files
internal import JSON
internal import Parts

/// What two machines say to each other of one workspace: a byte that says which it is, then the rest of it.
enum ShareMessage {
    /// What the sender knows of some names, and with it the bytes of short files that the other side does not have.
    case tell([Known], [Short])
    /// The sender wants files' bytes.
    case ask([Ask])
    /// A piece of the list of its chunks: of the whole list, or of the difference from that of `like`; an empty one ends it.
    case list([UInt8], isDifference: Bool)
    /// Which of the chunks are to come.
    case want([UInt8])
    /// Bytes of the file that was asked for first and has not ended yet.
    case data([UInt8])
    /// It is whole, or else it is not there any more.
    case end(isWhole: Bool)
    /// These are to be told once more: a file that was asked for because of them is gone.
    case again(Again)
    /// All that the first so many messages told counts where this comes from, and lies there.
    case counts(UInt64)
    /// The bytes of the files that were asked for first, all of them short; nil for one that is not there any more.
    case files([[UInt8]?])
    /// Whether the sender has the files of these paths.
    case places([Place])
    /// What the other side has to hold, so that enough machines do: names of files.
    ///
    /// - isAnew: what was said before no longer counts. isLast: nothing follows for now.
    case keep([Keep], isAnew: Bool, isLast: Bool)

    struct Keep: Hashable {
        let name: RelativePath
        let isKept: Bool
    }

    struct Place {
        let path: RelativePath
        let isHere: Bool
    }

    struct Known {
        let name: RelativePath
        let entry: Entry
    }

    struct Short {
        let digest: Digest
        let bytes: [UInt8]
    }

    struct Ask {
        let digest: Digest
        let size: Int64
        /// Of a file of the sender's that may have much in common with it.
        let like: Digest?
    }

    struct Again: Codable {
        let names: [RelativePath]
        let digest: Digest
    }

    /// Bytes of one message, about.
    static let most = 128 << 10
    /// A file that is longer is compared before it is sent.
    static let shortFile: Int64 = 256 << 10
    /// The longest file that is sent with what is told of it.
    static let mostWithNews: Int64 = 64 << 10

    var bytes: [UInt8] {
        var writer = ShareWriter()
        switch self {
        case .tell(let known, let short):
            writer.bytes.reserveCapacity(2 * Self.most)
            writer.put(UInt8(1))
            writer.put(UInt32(known.count))
            for one in known { writer.put(one) }
            writer.put(UInt32(short.count))
            for one in short {
                writer.put(one.digest)
                writer.put(UInt32(one.bytes.count))
                writer.bytes += one.bytes
            }
        case .ask(let asks):
            writer.put(UInt8(2))
            for ask in asks {
                writer.put(ask.digest)
                writer.put(UInt64(bitPattern: ask.size))
                writer.put(ask.like)
            }
        case .list(let bytes, let isDifference): return [3, isDifference ? 1 : 0] + bytes
        case .want(let bytes): return [4] + bytes
        case .data(let bytes): return [5] + bytes
        case .end(let isWhole): return [6, isWhole ? 1 : 0]
        case .again(let again): return [7] + JSONText.encode(again)
        case .counts(let number):
            writer.put(UInt8(8))
            writer.put(number)
        case .files(let files):
            writer.put(UInt8(9))
            for file in files {
                writer.put(UInt8(file == nil ? 0 : 1))
                writer.put(UInt32(file?.count ?? 0))
                if let file { writer.bytes += file }
            }
        case .places(let places):
            writer.put(UInt8(10))
            for place in places {
                writer.put(UInt8(place.isHere ? 1 : 0))
                writer.put(place.path.string)
            }
        case .keep(let keeps, let isAnew, let isLast):
            writer.put(UInt8(11))
            writer.put(UInt8((isAnew ? 1 : 0) | (isLast ? 2 : 0)))
            for keep in keeps {
                writer.put(UInt8(keep.isKept ? 1 : 0))
                writer.put(keep.name.string)
            }
        }
        return writer.bytes
    }

    init(bytes: [UInt8]) throws {
        var reader = ShareReader(bytes.dropFirst())
        switch bytes.first {
        case 1:
            var known: [Known] = []
            for _ in 0..<(try reader.number(UInt32.self)) { known.append(try reader.known()) }
            var short: [Short] = []
            for _ in 0..<(try reader.number(UInt32.self)) {
                let digest = try reader.digest()
                short.append(Short(digest: digest, bytes: try reader.bytes(Int(try reader.number(UInt32.self)))))
            }
            self = .tell(known, short)
        case 2:
            var asks: [Ask] = []
            while !reader.isAtEnd {
                let (digest, size) = (try reader.digest(), Int64(bitPattern: try reader.number(UInt64.self)))
                asks.append(Ask(digest: digest, size: size, like: try reader.digestOrNone()))
            }
            self = .ask(asks)
        case 3 where bytes.count >= 2: self = .list(Array(bytes.dropFirst(2)), isDifference: bytes[1] == 1)
        case 4: self = .want(Array(bytes.dropFirst()))
        case 5: self = .data(Array(bytes.dropFirst()))
        case 6 where bytes.count == 2: self = .end(isWhole: bytes[1] == 1)
        case 7: self = .again(try JSONText.decode(Again.self, from: bytes.dropFirst()))
        case 8 where bytes.count == 9: self = .counts(try reader.number(UInt64.self))
        case 9:
            var files: [[UInt8]?] = []
            while !reader.isAtEnd {
                let isThere = try reader.number(UInt8.self) == 1
                let bytes = try reader.bytes(Int(try reader.number(UInt32.self)))
                files.append(isThere ? bytes : nil)
            }
            self = .files(files)
        case 10:
            var places: [Place] = []
            while !reader.isAtEnd {
                let isHere = try reader.number(UInt8.self) == 1
                places.append(Place(path: try reader.path(), isHere: isHere))
            }
            self = .places(places)
        case 11:
            let flags = try reader.number(UInt8.self)
            var keeps: [Keep] = []
            while !reader.isAtEnd {
                let isKept = try reader.number(UInt8.self) == 1
                keeps.append(Keep(name: try reader.path(), isKept: isKept))
            }
            self = .keep(keeps, isAnew: flags & 1 != 0, isLast: flags & 2 != 0)
        default: throw ShareReader.unreadable
        }
        switch bytes.first {
        case 1, 2, 8, 9, 10, 11: if !reader.isAtEnd { throw ShareReader.unreadable }
        default: break
        }
    }
}
