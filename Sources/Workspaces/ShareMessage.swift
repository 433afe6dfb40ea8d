internal import Digests
internal import Files
internal import JSON
internal import Parts

/// What two machines say to each other of one workspace: a byte that says which it is, then JSON or bytes.
enum ShareMessage {
    /// What the sender knows of some names.
    case tell([Known])
    /// The sender wants a file's bytes.
    case ask(Ask)
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

    struct Known: Codable {
        let name: RelativePath
        let entry: Entry
    }

    struct Ask: Codable {
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

    var bytes: [UInt8] {
        switch self {
        case .tell(let known): [1] + JSONText.encode(known)
        case .ask(let ask): [2] + JSONText.encode(ask)
        case .list(let bytes, let isDifference): [3, isDifference ? 1 : 0] + bytes
        case .want(let bytes): [4] + bytes
        case .data(let bytes): [5] + bytes
        case .end(let isWhole): [6, isWhole ? 1 : 0]
        case .again(let again): [7] + JSONText.encode(again)
        case .counts(let number): [8] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
    }

    init(bytes: [UInt8]) throws {
        let rest = bytes.dropFirst()
        switch bytes.first {
        case 1: self = .tell(try JSONText.decode([Known].self, from: rest))
        case 2: self = .ask(try JSONText.decode(Ask.self, from: rest))
        case 3 where bytes.count >= 2: self = .list(Array(rest.dropFirst()), isDifference: bytes[1] == 1)
        case 4: self = .want(Array(rest))
        case 5: self = .data(Array(rest))
        case 6 where bytes.count == 2: self = .end(isWhole: bytes[1] == 1)
        case 7: self = .again(try JSONText.decode(Again.self, from: rest))
        case 8 where bytes.count == 9: self = .counts(rest.reduce(0) { $0 << 8 | UInt64($1) })
        default:
            throw WorkspaceFailure("a message about a workspace can't be understood", exitCode: .integrity)
        }
    }
}
