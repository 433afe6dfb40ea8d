internal import Digests
internal import Files
internal import Glibc
internal import Parts

/// A file that comes.
final class IncomingFile {
    let need: Replica.Need
    private let replica: Replica
    private let path: String
    /// A short one comes at once.
    let isShort: Bool
    /// -1 for a short one.
    private let descriptor: Int32
    private var own: (list: ExtentList, file: Int32)?
    private var listBytes: [UInt8] = []
    /// What it is to be made of.
    private var list: ExtentList?
    /// Whether its list has come, or none is needed.
    private(set) var hasList: Bool
    /// Where the bytes go that come, with how many.
    private var places: [(offset: Int64, count: Int)] = []

    init(_ need: Replica.Need, in replica: Replica) throws {
        (self.need, self.replica) = (need, replica)
        path = "\(replica.place(of: need.digest))-\(UInt64.random(in: 0 ... .max)).part"
        isShort = need.content.size <= ShareMessage.shortFile
        descriptor =
            isShort
            ? -1 : try File.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode: 0o600, action: "write")
        hasList = isShort
        if !isShort { replica.hasIncoming = true }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if let own { close(own.file) }
    }

    /// - Returns: which chunks are wanted, once the list is whole.
    func take(list bytes: [UInt8], isDifference: Bool) throws -> [UInt8]? {
        if !bytes.isEmpty {
            listBytes += bytes
            if listBytes.count > ExtentList.largestList { throw Self.wrong }
            return nil
        }
        hasList = true
        if let like = need.like, let file = try replica.open(like) {
            let size = File.status("/proc/self/fd/\(file)", follow: true)?.size ?? 0
            own = (try Chunks(for: need.content.size).list(of: file, size: size), file)
        }
        let list: ExtentList
        if isDifference {
            guard let own else { throw Self.wrong }
            list = try ExtentDifference(bytes: listBytes, from: "a workspace").applied(
                to: own.list, from: "a workspace")
        } else {
            list = try ExtentList(bytes: listBytes, from: "a workspace")
        }
        listBytes = []
        guard list.size == need.content.size else { throw Self.wrong }
        self.list = list
        var known: [Digest: Int64] = [:]
        var offset: Int64 = 0
        for extent in own?.list.extents ?? [] {
            known[extent.digest] = offset
            offset += extent.length
        }
        var wanted: [Int] = []
        offset = 0
        for (number, extent) in list.extents.enumerated() {
            if let place = known[extent.digest] {
                try copy(from: place, to: offset, extent.length)
            } else {
                wanted.append(number)
            }
            offset += extent.length
        }
        let want = WantedExtents(wanted)
        places = want.pieces(of: list, atMost: ShareMessage.most)
        return want.bytes
    }

    private func copy(from start: Int64, to offset: Int64, _ length: Int64) throws {
        guard let own else { return }
        var chunk = [UInt8](repeating: 0, count: Int(length))
        guard pread(own.file, &chunk, chunk.count, off_t(start)) == chunk.count else { throw Self.wrong }
        try write(chunk, at: offset)
    }

    private func write(_ bytes: [UInt8], at offset: Int64) throws {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("write", path) }
            done += count
        }
    }

    func take(_ bytes: [UInt8]) throws {
        if isShort { throw Self.wrong }
        var bytes = bytes[...]
        while !bytes.isEmpty {
            guard let (offset, count) = places.first else { throw Self.wrong }
            let piece = bytes.prefix(count)
            try write(Array(piece), at: offset)
            bytes = bytes.dropFirst(piece.count)
            if piece.count == count {
                places.removeFirst()
            } else {
                places[0] = (offset + Int64(piece.count), count - piece.count)
            }
        }
    }

    /// A short one has come.
    func take(whole bytes: [UInt8]) throws {
        guard isShort, Int64(bytes.count) == need.content.size, Digest(of: bytes) == need.digest else {
            throw Self.wrong
        }
        try replica.bring(bytes, need.digest)
    }

    /// - Throws: where it is not what it was said to be.
    func finish() throws {
        if isShort { throw Self.wrong }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        var offset: Int64 = 0
        while true {
            let count = pread(descriptor, &chunk, chunk.count, off_t(offset))
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            offset += Int64(count)
        }
        guard places.isEmpty, offset == need.content.size, hasher.digest() == need.digest else {
            abandon()
            throw Self.wrong
        }
        try File.move(path, to: replica.place(of: need.digest))
        if let list { replica.recentLists.keep(list, of: need.digest, Chunks(for: need.content.size)) }
    }

    func abandon() { if descriptor >= 0 { unlink(path) } }

    private static var wrong: WorkspaceFailure {
        WorkspaceFailure("a file of a workspace came that is not what it was said to be", exitCode: .integrity)
    }
}

/// A file that goes.
final class OutgoingFile {
    private enum Stage { case new, list([UInt8], at: Int, isDifference: Bool), awaitsWant, data, ended }
    private let ask: ShareMessage.Ask
    private let replica: Replica
    private var file: Int32 = -1
    /// What it was when it was opened.
    private var stamp: Stamp?
    private var list: ExtentList?
    private var pieces: ArraySlice<(offset: Int64, count: Int)> = []
    private var stage = Stage.new

    init(_ ask: ShareMessage.Ask, in replica: Replica) { (self.ask, self.replica) = (ask, replica) }

    var digest: Digest { ask.digest }
    /// A short one goes at once, with others.
    var isShort: Bool { ask.size <= ShareMessage.shortFile }
    func whole() throws -> [UInt8]? { ask.size < 0 ? nil : try replica.bytes(of: ask.digest, size: ask.size) }

    deinit { close() }

    func close() {
        if file >= 0 { Glibc.close(file) }
        file = -1
    }

    var awaitsWant: Bool { if case .awaitsWant = stage { true } else { false } }
    var hasEnded: Bool { if case .ended = stage { true } else { false } }

    /// - Returns: nil where it waits for what is wanted, or has ended.
    func next() throws -> ShareMessage? {
        switch stage {
        case .new:
            guard let opened = try replica.open(ask.digest) else {
                stage = .ended
                return .end(isWhole: false)
            }
            file = opened
            stamp = Stamp(ofOpen: file)
            let own = try list(of: file, ask.digest, size: ask.size)
            guard isUnchanged, own.size == ask.size else { return gone }
            list = own
            if let like = ask.like, let other = try knownList(of: like) {
                stage = .list(ExtentDifference(own, from: other).bytes, at: 0, isDifference: true)
            } else {
                stage = .list(own.bytes, at: 0, isDifference: false)
            }
            return try next()
        case .list(let bytes, let start, let isDifference):
            if start == bytes.count {
                stage = .awaitsWant
                return .list([], isDifference: isDifference)
            }
            let end = min(start + ShareMessage.most, bytes.count)
            stage = .list(bytes, at: end, isDifference: isDifference)
            return .list(Array(bytes[start..<end]), isDifference: isDifference)
        case .data:
            guard let (offset, count) = pieces.popFirst() else {
                if !isUnchanged { return gone }
                close()
                stage = .ended
                return .end(isWhole: true)
            }
            var bytes = [UInt8](repeating: 0, count: count)
            let read = pread(file, &bytes, count, off_t(offset))
            if read != count { return gone }
            return .data(bytes)
        case .awaitsWant, .ended: return nil
        }
    }

    /// A file that a program changes while it is sent is a new version, which is told when it is looked at.
    private var gone: ShareMessage {
        close()
        stage = .ended
        return .end(isWhole: false)
    }

    private var isUnchanged: Bool { stamp != nil && Stamp(ofOpen: file) == stamp }

    private func list(of file: Int32, _ digest: Digest, size: Int64) throws -> ExtentList {
        let chunks = Chunks(for: ask.size)
        if let list = replica.recentLists[digest, chunks] { return list }
        let before = Stamp(ofOpen: file)
        let list = try chunks.list(of: file, size: size)
        // It may have been changed while it was read.
        if before != nil, Stamp(ofOpen: file) == before { replica.recentLists.keep(list, of: digest, chunks) }
        return list
    }

    /// What the other side has is only known to be the same file where that lies here, too, or went over a connection of late.
    private func knownList(of like: Digest) throws -> ExtentList? {
        if let list = replica.recentLists[like, Chunks(for: ask.size)] { return list }
        guard let other = try replica.open(like) else { return nil }
        defer { Glibc.close(other) }
        return try list(of: other, like, size: File.status("/proc/self/fd/\(other)", follow: true)?.size ?? 0)
    }

    func take(want bytes: [UInt8]) throws {
        guard let list, let want = WantedExtents(bytes: bytes, of: list.extents.count) else {
            throw WorkspaceFailure("a host wants of a file what it does not have", exitCode: .integrity)
        }
        pieces = want.pieces(of: list, atMost: ShareMessage.most)[...]
        stage = .data
    }
}
