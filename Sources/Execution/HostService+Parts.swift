internal import CLinux
internal import Digests
internal import Failures
internal import Glibc
internal import HostProtocol
internal import Parts
internal import Unpacking

/// Taking parts.
extension HostService {
    /// A part: its list of extents comes, what is wanted is told, that comes, and `commit`.
    func receive(_ header: PartHeader) throws {
        let part = header.part
        let list = try receiveAll(.extents, atMost: ExtentList.largestList)
        let tables = try header.tables.map { ($0, try receiveAll(.tables, atMost: TablesDifference.largest)) }
        // What is wrong up to here is refused in the place of what is wanted; nothing of the part is on its way then.
        let incoming = try begin(part, list: list, like: header.like)
        do {
            if let (other, difference) = tables { try make(difference, from: other, for: incoming) }
            let wanted = incoming.wanted.bytes
            for start in stride(from: 0, to: wanted.count, by: Frame.dataChunk) {
                let end = min(start + Frame.dataChunk, wanted.count)
                try channel.send(Frame(kind: .want, payload: Array(wanted[start..<end])))
            }
            try channel.send(Frame(kind: .want, payload: []))
            while true {
                let frame: Frame?
                do {
                    frame = try nextOfPart(of: incoming)
                } catch let failure as PartFailure {
                    // At once, so that the rest is not sent for nothing; what is on its way is read away, and what is on its way
                    // over further channels goes with these.
                    lines.end()
                    try channel.send(Frame(.refusal, json: Refusal(failure)))
                    while try nextOfPart()?.kind != .commit {}
                    return
                }
                guard let frame else { continue }
                if frame.kind == .lines {
                    try begin(try frame.decode(Lines.self))
                    continue
                }
                guard try frame.decode(PartHeader.self).part == part else {
                    throw ExecutionFailure("the commit is not that of \(part.words)", exitCode: .integrity)
                }
                break
            }
        } catch {
            // Where the connection is gone, the next one goes on with what is verified.
            incoming.suspend()
            throw error
        }
        do { try incoming.commit(mayBeSyncedLater: true) } catch {
            incoming.abandon()
            throw error
        }
        if parts.isUnsynced(part.digest) { settle() }
        try channel.send(Frame(.committed, json: Committed(digest: part.digest)))
    }

    /// Has the disk get what came, in a process that nobody waits for: this one may end before.
    private func settle() {
        let none = Glibc.open("/dev/null", O_RDWR | O_CLOEXEC)
        if none < 0 { return }
        defer { close(none) }
        withCStrings(["las-runtime", "settle", "--lash", lash.root]) { arguments in
            // Where it can't be started, the kernel writes in its own time, and the note stays.
            _ = withCStrings([]) { las_start_session(runtime, arguments, $0, [none, none, none], 3) }
        }
    }

    /// Further channels, from where las knows how much is to come.
    func begin(_ asked: Lines) throws {
        try lines.begin(asked, in: lash)
        try channel.send(Frame(.done, json: Done()))
    }

    private func receiveAll(_ kind: Frame.Kind, atMost limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let frame = try next(kind)
            if frame.payload.isEmpty { return bytes }
            // The rest is still read, and not kept.
            if bytes.count <= limit { bytes += frame.payload }
        }
    }

    /// Tables that are told by their difference from another image's. What can't be made, or turns out otherwise, is wanted.
    private func make(_ difference: [UInt8], from other: Digest, for incoming: IncomingPart) throws {
        guard let difference = TablesDifference(bytes: difference), let image = try? parts.reader(of: other),
            let tables = ImageTables(size: image.size, read: { try? image.read(at: $0, count: $1) }),
            let made = difference.applied(to: tables)?.made()
        else { return }
        try incoming.take(made: made.head, at: 0)
        try incoming.take(made: made.tables, at: made.start)
    }

    private func begin(_ part: Part, list: [UInt8], like: Digest?) throws -> IncomingPart {
        guard list.count <= ExtentList.largestList else {
            throw ExecutionFailure("the list of extents of \(part.words) is too long", exitCode: .integrity)
        }
        guard Part.allows(part.name, as: part.kind), part.size >= 0 else {
            throw ExecutionFailure("a part with an impossible name was sent", exitCode: .integrity)
        }
        let extents =
            if let like {
                try ExtentDifference(bytes: list, from: part.words)
                    .applied(to: try parts.extents(of: like), from: part.words)
            } else {
                try ExtentList(bytes: list, from: part.words)
            }
        return try parts.receive(part, extents: extents)
    }

    private func next(_ kind: Frame.Kind) throws -> Frame {
        guard let frame = try channel.read() else { throw ProtocolFailure.ended(awaited: "“\(kind)”") }
        guard frame.kind == kind else { throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "“\(kind)”") }
        return frame
    }

    /// - Parameter incoming: what gets the bytes that come, over further channels where there are any; nil where nothing wants them.
    /// - Returns: nil where it were bytes of the part.
    private func nextOfPart(of incoming: IncomingPart? = nil) throws -> Frame? {
        let take: (UnsafeRawBufferPointer) throws -> Void = { bytes in try incoming?.append(bytes) }
        if let incoming, !lines.isEmpty, !incoming.isWhole {
            switch try lines.read(take) {
            case .piece: return nil
            case .frame(let frame) where frame.kind == .data: return nil
            case .frame(let frame): throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "a part's data")
            case nil: throw ProtocolFailure.ended(awaited: "the rest of a part")
            }
        }
        switch try channel.read(take) {
        case .piece: return nil
        case .frame(let frame) where frame.kind == .data: return nil
        case .frame(let frame) where frame.kind == .commit || frame.kind == .lines: return frame
        case .frame(let frame): throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "a part's data")
        case nil: throw ProtocolFailure.ended(awaited: "the rest of a part")
        }
    }
}
