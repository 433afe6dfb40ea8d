internal import Digests
internal import Files

/// Writes what a message says. Numbers are big endian, texts UTF-8 behind their lengths.
struct ShareWriter {
    var bytes: [UInt8] = []

    mutating func put(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
    }

    mutating func put(_ digest: Digest) { bytes += digest.bytes }

    mutating func put(_ digest: Digest?) {
        put(UInt8(digest == nil ? 0 : 1))
        if let digest { put(digest) }
    }

    mutating func put(_ text: String) {
        put(UInt16(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func put(host: String) {
        put(UInt8(host.utf8.count))
        bytes += host.utf8
    }

    mutating func put(_ known: ShareMessage.Known) {
        put(known.name.string)
        let seen = known.entry.seen.numbers
        put(UInt16(seen.count))
        for (host, number) in seen.sorted(by: { $0.key < $1.key }) {
            put(host: host)
            put(number)
        }
        put(UInt16(known.entry.versions.count))
        for version in known.entry.versions {
            put(host: version.dot.host)
            put(version.dot.number)
            put(version.height)
            put(version.modified)
            switch version.content.kind {
            case .gone: put(UInt8(0))
            case .file: put(UInt8(1))
            case .folder: put(UInt8(2))
            case .link: put(UInt8(3))
            }
            put(version.content.size)
            put(UInt16(version.content.mode))
            put(version.content.digest)
            put(version.content.target ?? "")
        }
    }
}

/// Reads it: whatever comes, it throws or gives what is well formed.
struct ShareReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    static var unreadable: WorkspaceFailure {
        WorkspaceFailure("a message about a workspace can't be understood", exitCode: .integrity)
    }

    var isAtEnd: Bool { rest.isEmpty }

    private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        if count > rest.count { throw Self.unreadable }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws -> Number {
        Number(bigEndian: try take(MemoryLayout<Number>.size).withUnsafeBytes { $0.loadUnaligned(as: Number.self) })
    }

    mutating func bytes(_ count: Int) throws -> [UInt8] { Array(try take(count)) }

    mutating func digest() throws -> Digest {
        guard let digest = Digest(bytes: try take(Digest.byteCount)) else { throw Self.unreadable }
        return digest
    }

    mutating func digestOrNone() throws -> Digest? { try number(UInt8.self) == 0 ? nil : try digest() }

    private mutating func text(_ count: Int) throws -> String {
        guard let text = String(validating: try take(count), as: UTF8.self) else { throw Self.unreadable }
        return text
    }

    private mutating func host() throws -> String {
        let host = try text(Int(try number(UInt8.self)))
        if !Dot.isHost(host) { throw Self.unreadable }
        return host
    }

    /// One that was counted to from 1.
    private mutating func count() throws -> UInt64 {
        let count = try number(UInt64.self)
        if count == 0 || count > UInt64(Int64.max) { throw Self.unreadable }
        return count
    }

    mutating func path() throws -> RelativePath {
        guard let path = RelativePath(try text(Int(try number(UInt16.self)))) else { throw Self.unreadable }
        return path
    }

    mutating func known() throws -> ShareMessage.Known {
        let name = try path()
        var seen = VersionVector()
        for _ in 0..<(try number(UInt16.self)) {
            let host = try host()
            seen.add(Dot(host, try count()))
        }
        var versions: [FileVersion] = []
        for _ in 0..<(try number(UInt16.self)) {
            let dot = Dot(try host(), try count())
            let (height, modified) = (try count(), try number(Int64.self))
            let kinds: [FileContent.Kind] = [.gone, .file, .folder, .link]
            let kind = Int(try number(UInt8.self))
            let (size, mode) = (try number(Int64.self), try number(UInt16.self))
            let digest = try digestOrNone()
            let target = try text(Int(try number(UInt16.self)))
            if kind >= kinds.count { throw Self.unreadable }
            let content = FileContent(
                kind: kinds[kind], size: size, digest: digest, mode: UInt32(mode), target: target.isEmpty ? nil : target
            )
            versions.append(FileVersion(dot: dot, content: content, height: height, modified: modified))
        }
        guard let entry = Entry(seen, versions) else { throw Self.unreadable }
        return ShareMessage.Known(name: name, entry: entry)
    }
}
