internal import Digests
internal import HostProtocol
package import Parts
internal import Unpacking

/// What is there of what is to be there.
package struct ShipProgress: Hashable, Sendable {
    package let part: Part
    /// Bytes of all missing parts that are there: sent, or found on the host.
    package let done: Int64
    package let total: Int64
    package let sent: Int64
    package let seconds: Double

    /// Bytes a second.
    package var rate: Double { seconds > 0 ? Double(sent) / seconds : 0 }
}

package struct Shipped: Hashable, Sendable {
    /// Those that the host did not have.
    package let parts: [Part]
    /// Bytes of parts that were sent, without those that the host found in parts that it keeps.
    package let bytes: Int64
    package let seconds: Double
}

extension HostSession {
    /// Sends the parts that the host lacks, from the store of this machine. None lies there under its name before it is
    /// whole and the host has checked it.
    /// - Throws: the host's `Refusal` (disk full), a `HostFailure` where the connection is cut, a `PartFailure` of this
    ///   machine's store.
    package func ship(
        _ parts: [Part], from store: PartStore, progress: @Sendable (ShipProgress) -> Void = { _ in }
    ) throws -> Shipped {
        let asked = ContinuousClock.Instant.now
        let have = try ask(
            Frame(.offer, json: Offer(parts: parts)), .have, Have.self, awaited: "the host's answer to the offer")
        var way = Self.seconds(since: asked)
        let there = Set(have.parts)
        let missing = parts.filter { !there.contains($0.digest) }
        let total = missing.reduce(0) { $0 + $1.size }
        if Self.lines(for: total, way) > 0 { way = try roundTrip(atMost: way) }
        let begin = ContinuousClock.Instant.now
        var (done, sent): (Int64, Int64) = (0, 0)
        for part in missing {
            try ship(part, from: store, to: have, roundTrip: way) { found, count in
                (done, sent) = (done + found + count, sent + count)
                progress(
                    ShipProgress(part: part, done: done, total: total, sent: sent, seconds: Self.seconds(since: begin)))
            }
        }
        try closeLines()
        return Shipped(parts: missing, bytes: sent, seconds: Self.seconds(since: begin))
    }

    /// How long a way to the host and back takes, as far as that is the way's doing: a busy machine answers late, but not each time.
    private func roundTrip(atMost first: Double) throws -> Double {
        var least = first
        for _ in 0..<3 where Self.lines(for: .max, least) > 0 {
            let asked = ContinuousClock.Instant.now
            let _: Have = try ask(
                Frame(.offer, json: Offer(parts: [])), .have, Have.self, awaited: "the host's answer to an empty offer")
            least = min(least, Self.seconds(since: asked))
        }
        return least
    }

    private static func seconds(since begin: ContinuousClock.Instant) -> Double {
        let time = begin.duration(to: .now).components
        return Double(time.seconds) + Double(time.attoseconds) / 1e18
    }

    /// - Parameter progress: told what the host found of the part, and how many bytes were sent.
    private func ship(
        _ part: Part, from store: PartStore, to host: Have, roundTrip: Double,
        progress: (_ found: Int64, _ sent: Int64) -> Void
    ) throws {
        // Both are opened before anything is said.
        let (extents, reader) = (try store.extents(of: part.digest), try store.reader(of: part.digest))
        let (list, like) = Self.told(extents, to: (host.kept ?? []).prefix(Have.mostKept), store)
        var tables: [UInt8]?
        if let like, host.tables == TablesDifference.zstd { tables = Self.tables(of: reader, from: like, in: store) }
        try send(Frame(.part, json: PartHeader(part: part, like: like, tables: tables == nil ? nil : like)))
        try sendAll(.extents, list)
        if let tables { try sendAll(.tables, tables) }
        let wanted = try self.wanted(of: extents)
        let told = Int64(tables?.count ?? 0)
        progress(max(0, part.size - wanted.size(in: extents) - told), told)
        let commit = Frame(.commit, json: PartHeader(part: part))
        let size = wanted.size(in: extents)
        let lines = Self.lines(for: size, roundTrip)
        if lines == 0 { try openCarrier(for: size) } else { try openLines(lines) }
        var buffer: [UInt8] = []
        for piece in wanted.pieces(of: extents, atMost: limit?.piece ?? Frame.dataChunk) {
            try waiter.wait(for: limit, piece.count)
            // A host that refuses a part early takes nothing more of it, up to the commit.
            if let early = try sendData(at: piece.offset, count: piece.count, of: reader, by: &buffer) {
                if early.kind == .refusal {
                    dropLines()
                    try send(commit)
                }
                let _: Done = try early.expectClean(.done, Done.self, awaited: "nothing, while a part is sent")
                throw ProtocolFailure.unexpected(kind: early.kind, awaited: "nothing, while a part is sent")
            }
            progress(0, Int64(piece.count))
        }
        let committed = try ask(commit, .committed, Committed.self, awaited: "that the host has the part whole")
        guard committed.digest == part.digest else {
            throw HostFailure(.untrusted, "the host says that it has another part than the one that was sent")
        }
    }

    private func sendAll(_ kind: Frame.Kind, _ bytes: [UInt8]) throws {
        let size = limit?.piece ?? Frame.dataChunk
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = bytes[start..<min(start + size, bytes.count)]
            try waiter.wait(for: limit, piece.count)
            try send(Frame(kind: kind, payload: Array(piece)))
        }
        try send(Frame(kind: kind, payload: []))
    }

    private func wanted(of extents: ExtentList) throws -> WantedExtents {
        let awaited = "what the host wants of a part"
        var list: [UInt8] = []
        while true {
            let frame = try next(awaited)
            if frame.kind == .refusal { throw try frame.decode(Refusal.self).cleaned }
            guard frame.kind == .want else { throw ProtocolFailure.unexpected(kind: frame.kind, awaited: awaited) }
            if frame.payload.isEmpty { break }
            list += frame.payload
            guard list.count <= 8 * extents.extents.count else { break }
        }
        guard let wanted = WantedExtents(bytes: list, of: extents.extents.count) else {
            throw HostFailure(.untrusted, "the host wants what the part does not have")
        }
        return wanted
    }

    /// The list as it is sent: as a difference from that of a part which the host keeps too, where that is shorter.
    private static func told(
        _ extents: ExtentList, to kept: some Sequence<Digest>, _ store: PartStore
    ) -> (list: [UInt8], like: Digest?) {
        var best: (list: [UInt8], like: Digest?) = (extents.bytes, nil)
        for digest in kept {
            // A few hundred bytes are as good as it gets.
            if best.list.count < 1024 { break }
            guard let other = try? store.extents(of: digest) else { continue }
            let difference = ExtentDifference(extents, from: other).bytes
            if difference.count < best.list.count { best = (difference, digest) }
        }
        return best
    }

    /// The tables of an image by their difference from those of another one; nil where that is not much shorter, or the host
    /// could not make the same of it.
    private static func tables(of reader: PartReader, from other: Digest, in store: PartStore) -> [UInt8]? {
        func tables(_ reader: PartReader) -> ImageTables? {
            ImageTables(size: reader.size) { try? reader.read(at: $0, count: $1) }
        }
        guard let own = tables(reader), let before = (try? store.reader(of: other)).flatMap(tables),
            let difference = TablesDifference(own, from: before)?.bytes, let made = own.made(),
            difference.count < made.tables.count * 3 / 4,
            let stored = try? reader.read(at: made.start, count: made.tables.count), stored == made.tables
        else { return nil }
        return difference
    }
}
