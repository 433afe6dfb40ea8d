package import Digests
package import Files
internal import Glibc
internal import JSON

/// The parts that a LASH keeps, by digest: `parts/DIGEST`, with its list of extents in `parts/DIGEST.extents`.
///
/// Nothing has its name there before it is whole, checked and synced; a part never changes afterwards. An image that was
/// made here may lie in pieces instead: `parts/DIGEST.pieces` says where, `parts/DIGEST.own` has what is in no other file.
/// Its bytes are checked whenever they leave the store.
package struct PartStore: Sendable {
    package let lash: LASH

    package init(_ lash: LASH) { self.lash = lash }

    package func path(of digest: Digest) -> String { "\(lash.parts)/\(digest.hex)" }
    package func extentsPath(of digest: Digest) -> String { path(of: digest) + ".extents" }
    private func piecesPath(of digest: Digest) -> String { path(of: digest) + ".pieces" }
    private func ownPath(of digest: Digest) -> String { path(of: digest) + ".own" }

    /// Whether the part is there, with its extents and as long as they say.
    package func has(_ digest: Digest) -> Bool {
        recheck(digest)
        guard let extents = try? extents(of: digest) else { return false }
        if let status = File.status(path(of: digest)), status.kind == .file { return extents.size == status.size }
        guard let slices = slices(of: digest) else { return false }
        return slices.allSatisfy(\.isThere) && slices.reduce(0) { $0 + $1.length } == extents.size
    }

    /// Where the bytes of a part lie that is no file of its own; nil when there is no such part.
    private func slices(of digest: Digest) -> [FileSlice]? {
        guard let text = try? File.read(piecesPath(of: digest), atMost: 64 << 20),
            let pieces = try? JSONText.decode(PartPieces.self, from: text)
        else { return nil }
        return pieces.slices(in: lash, own: ownPath(of: digest))
    }

    /// The files below LASH that hold the bytes of a part which lies in pieces, without its own.
    package func files(of digest: Digest) -> [String] {
        guard let text = try? File.read(piecesPath(of: digest), atMost: 64 << 20),
            let pieces = try? JSONText.decode(PartPieces.self, from: text)
        else { return [] }
        return pieces.pieces.compactMap(\.file)
    }

    /// Checked against the digest.
    package func extents(of digest: Digest) throws(PartFailure) -> ExtentList {
        let path = extentsPath(of: digest)
        let bytes: [UInt8]
        do throws(FileFailure) { bytes = try File.read(path, atMost: ExtentList.largestList) } catch {
            throw PartFailure(error)
        }
        let list = try ExtentList(bytes: bytes, from: path)
        guard list.digest == digest else { throw .damaged("the list of extents is not that of its part", in: path) }
        return list
    }

    /// Opens a part, and checks its size.
    package func reader(of digest: Digest) throws(PartFailure) -> PartReader {
        try reader(of: digest, try extents(of: digest))
    }

    func reader(of digest: Digest, _ extents: ExtentList) throws(PartFailure) -> PartReader {
        recheck(digest)
        if !File.exists(path(of: digest)), let slices = slices(of: digest) {
            let reader = PartReader(slices, path: piecesPath(of: digest))
            guard reader.size == extents.size else {
                throw .damaged("the part has \(reader.size) bytes, but must have \(extents.size)", in: reader.path)
            }
            return reader
        }
        let file = try OpenFile(path(of: digest))
        guard file.size == extents.size else {
            throw .damaged("the part has \(file.size) bytes, but must have \(extents.size)", in: file.path)
        }
        return PartReader(file, offset: 0, size: file.size, isMadeHere: true)
    }

    /// Hashes every extent of a part that is there. A damaged file leaves the store, here and wherever a part is read.
    package func verify(_ part: Part, progress: (Int64) -> Void = { _ in }) throws(PartFailure) {
        try reader(of: part.digest).verify(try extents(of: part.digest), named: part.words, progress: progress)
    }

    /// Takes a part out of a bundle, sharing its blocks with it where the file system can, and verifies it.
    package func add(_ placed: PlacedPart, from bundle: BundleFile, progress: (Int64) -> Void = { _ in })
        throws(PartFailure)
    {
        try add(placed.part, extents: placed.extents, from: bundle.reader(of: placed), progress: progress)
    }

    /// Takes a file as a part: an image that was just written, a runtime.
    package func add(
        _ part: Part, extents: ExtentList, fileAt path: String, progress: (Int64) -> Void = { _ in }
    ) throws(PartFailure) {
        let file = try OpenFile(path)
        try add(part, extents: extents, from: PartReader(file, offset: 0, size: file.size), progress: progress)
    }

    /// Takes a runtime, whose extents are cut at every mebibyte.
    package func add(runtimeAt path: String) throws(PartFailure) -> Part {
        let file = try OpenFile(path)
        var extents: [Extent] = []
        for position in stride(from: 0, to: file.size, by: 1 << 20) {
            let length = min(1 << 20, file.size - position)
            extents.append(Extent(length: length, digest: try file.digest(at: position, count: length)))
        }
        let list = try ExtentList(extents)
        let part = Part(kind: .runtime, name: "", size: list.size, digest: list.digest)
        try add(part, extents: list, from: PartReader(file, offset: 0, size: file.size), progress: { _ in })
        return part
    }

    private func add(
        _ part: Part, extents: ExtentList, from reader: PartReader, progress: (Int64) -> Void
    ) throws(PartFailure) {
        guard reader.size == part.size else {
            throw .damaged("\(part.words) has \(reader.size) bytes, but must have \(part.size)", in: reader.path)
        }
        if has(part.digest) { return progress(part.size) }
        let incoming = try incoming(part, extents: extents)
        do throws(PartFailure) {
            try incoming.copy(from: reader, progress: progress)
            try incoming.commit()
        } catch {
            incoming.abandon()
            throw error
        }
    }

    /// Takes a finished file of this LASH by renaming it, without reading it again; for who has just hashed and synced what it
    /// wrote.
    /// - Parameter syncing: not for a part that is noted as not synced yet: then its list of extents is no more than that.
    package func adopt(
        _ part: Part, extents: ExtentList, fileAt path: String, syncing: Bool = true
    ) throws(PartFailure) {
        do throws(FileFailure) {
            try Folder.make(lash.parts)
            try File.write(
                extents.bytes, to: extentsPath(of: part.digest), mode: 0o444, syncing: syncing, syncsFolder: false)
            if syncing {
                try File.rename(path, to: self.path(of: part.digest))
            } else {
                try File.move(path, to: self.path(of: part.digest))
            }
        } catch { throw PartFailure(error) }
    }

    /// Takes a file of this LASH that came from elsewhere, by renaming it when its digest is right. It is not synced.
    package func adopt(_ part: Part, extents: ExtentList, castAs path: String) throws(PartFailure) {
        try check(part, extents)
        let file = try OpenFile(path)
        try PartReader(file, offset: 0, size: file.size).verify(extents, named: part.words)
        try adopt(part, extents: extents, fileAt: path)
    }

    /// Takes an image that lies in pieces; for who has just hashed what it wrote.
    ///
    /// Nothing is synced, the pieces are not either: what a power failure leaves of them is seen when the part is looked for
    /// or read, and it is made again.
    /// - Parameter own: what `PartPieces` says of the part's own file.
    package func adopt(_ part: Part, extents: ExtentList, pieces: PartPieces, own: [UInt8]) throws(PartFailure) {
        do throws(FileFailure) {
            try Folder.make(lash.parts)
            try File.put(own, at: ownPath(of: part.digest), mode: 0o444)
            try File.put(JSONText.encode(pieces), at: piecesPath(of: part.digest), mode: 0o444)
            try File.put(extents.bytes, at: extentsPath(of: part.digest), mode: 0o444)
        } catch { throw PartFailure(error) }
    }

    /// A part as one file, for who mounts or unpacks it; what lies in pieces is put together once.
    package func whole(_ part: Part) throws(PartFailure) -> String {
        let path = path(of: part.digest)
        recheck(part.digest)
        if File.exists(path) { return path }
        let lock = try Self.locked("\(lash.locks)/part-\(part.digest.hex)")
        defer { withExtendedLifetime(lock) {} }
        if File.exists(path) { return path }
        let extents = try extents(of: part.digest)
        let incoming = try incoming(part, extents: extents)
        do throws(PartFailure) {
            try incoming.copy(from: try reader(of: part.digest))
            try incoming.commit()
        } catch {
            incoming.abandon()
            throw error
        }
        return path
    }

    private static func locked(_ path: String) throws(PartFailure) -> FileLock {
        do throws(FileFailure) { return try FileLock.take(path) } catch { throw PartFailure(error) }
    }

    /// Begins to take a part that comes in pieces: those of it that are wanted.
    /// - Throws: where the extents are not those of the part, or there is no room for it.
    package func receive(_ part: Part, extents: ExtentList) throws(PartFailure) -> IncomingPart {
        try check(part, extents)
        return try IncomingPart.sent(part, extents: extents, in: self)
    }

    private func incoming(_ part: Part, extents: ExtentList) throws(PartFailure) -> IncomingPart {
        try check(part, extents)
        return try IncomingPart.local(part, extents: extents, in: self)
    }

    private func check(_ part: Part, _ extents: ExtentList) throws(PartFailure) {
        guard extents.digest == part.digest, extents.size == part.size else {
            throw .damaged(
                "the list of extents does not fit \(part.words)", in: "the offered part \(part.digest.short)")
        }
    }

    /// Takes a part out of the store.
    package func remove(_ digest: Digest) {
        File.remove(path(of: digest))
        File.remove(piecesPath(of: digest))
        File.remove(ownPath(of: digest))
        File.remove(extentsPath(of: digest))
        forgetNote(of: digest)
    }
}
