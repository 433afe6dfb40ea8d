internal import HostProtocol
package import Parts

/// What was sent of what is to be sent.
package struct ShipProgress: Hashable, Sendable {
    package let part: Part
    /// Bytes of all missing parts.
    package let sent: Int64
    package let total: Int64
    package let seconds: Double

    /// Bytes a second.
    package var rate: Double { seconds > 0 ? Double(sent) / seconds : 0 }
}

package struct Shipped: Hashable, Sendable {
    /// Those that the host did not have.
    package let parts: [Part]
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
        let have = Set(
            try ask(
                Frame(.offer, json: Offer(parts: parts)), .have, Have.self, awaited: "the host's answer to the offer"
            ).parts)
        let missing = parts.filter { !have.contains($0.digest) }
        let total = missing.reduce(0) { $0 + $1.size }
        let begin = ContinuousClock.Instant.now
        var sent: Int64 = 0
        func seconds() -> Double {
            let time = begin.duration(to: .now).components
            return Double(time.seconds) + Double(time.attoseconds) / 1e18
        }
        for part in missing {
            try ship(part, from: store) { count in
                sent += count
                progress(ShipProgress(part: part, sent: sent, total: total, seconds: seconds()))
            }
        }
        return Shipped(parts: missing, bytes: sent, seconds: seconds())
    }

    private func ship(_ part: Part, from store: PartStore, progress: (Int64) -> Void) throws {
        // Both are opened before anything is said.
        let (extents, reader) = (try store.extents(of: part.digest), try store.reader(of: part.digest))
        let header = PartHeader(part: part)
        let commit = Frame(.commit, json: header)
        func push(_ frame: Frame) throws {
            try send(frame)
            // A host that refuses a part early takes nothing more of it, up to the commit.
            guard let early = try nextWithoutWaiting() else { return }
            if early.kind == .refusal { try send(commit) }
            let _: Done = try early.expectClean(.done, Done.self, awaited: "nothing, while a part is sent")
            throw ProtocolFailure.unexpected(kind: early.kind, awaited: "nothing, while a part is sent")
        }
        try push(Frame(.part, json: header))
        let list = extents.bytes
        for start in stride(from: 0, to: list.count, by: Frame.dataChunk) {
            try push(Frame(kind: .extents, payload: Array(list[start..<min(start + Frame.dataChunk, list.count)])))
        }
        try push(Frame(kind: .extents, payload: []))
        var position: Int64 = 0
        while position < part.size {
            let bytes = try reader.read(at: position, count: Frame.dataChunk)
            try push(Frame(kind: .data, payload: bytes))
            position += Int64(bytes.count)
            progress(Int64(bytes.count))
        }
        let committed = try ask(commit, .committed, Committed.self, awaited: "that the host has the part whole")
        guard committed.digest == part.digest else {
            throw HostFailure(.untrusted, "the host says that it has another part than the one that was sent")
        }
    }
}
