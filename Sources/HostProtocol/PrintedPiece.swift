package import Digests

/// What a leased task has printed by now, on its way while the task runs: a piece of one of its logs.
package struct PrintedPiece: Hashable, Sendable {
    package var id: Digest
    package var isErrors: Bool
    /// Where in the log it stands.
    package var offset: Int64
    package var bytes: [UInt8]

    /// The most in one frame.
    package static let most = 64 << 10
    /// What is told of one log while its task runs; the rest comes at its end.
    package static let mostOfLog: Int64 = 4 << 20

    package init(id: Digest, isErrors: Bool, offset: Int64, bytes: [UInt8]) {
        (self.id, self.isErrors, self.offset, self.bytes) = (id, isErrors, offset, bytes)
    }

    package var frame: Frame {
        var payload = Array(id.bytes) + [isErrors ? 1 : 0]
        for shift in stride(from: 56, through: 0, by: -8) {
            payload.append(UInt8(truncatingIfNeeded: UInt64(bitPattern: offset) >> UInt64(shift)))
        }
        return Frame(kind: .printed, payload: payload + bytes)
    }

    package init(_ frame: Frame) throws(ProtocolFailure) {
        let payload = frame.payload
        guard payload.count >= 41, payload.count <= 41 + Self.most, payload[32] < 2,
            let id = Digest(bytes: Array(payload[..<32]))
        else { throw .malformed(kind: frame.kind, reason: "it is no piece of a log") }
        let offset = payload[33..<41].reduce(0) { $0 << 8 | Int64($1) }
        guard (0...Self.mostOfLog).contains(offset) else {
            throw .malformed(kind: frame.kind, reason: "it stands at an impossible place")
        }
        self.init(id: id, isErrors: payload[32] == 1, offset: offset, bytes: Array(payload[41...]))
    }
}
