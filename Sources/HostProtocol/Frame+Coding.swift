package import Failures
internal import JSON

extension Frame {
    /// A frame whose payload is JSON.
    package init(_ kind: Kind, json message: some Encodable) {
        self.init(kind: kind, payload: JSONText.encode(message))
    }

    /// As it is sent.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FrameReader.headerLength + payload.count)
        bytes += Self.header(of: kind, count: payload.count)
        bytes.append(contentsOf: payload)
        return bytes
    }

    /// What stands before so many bytes of a payload.
    package static func header(of kind: Kind, count: Int) -> [UInt8] {
        precondition(count <= largestPayload, "senders keep payloads below the bound")
        let length = UInt32(count)
        return [24, 16, 8, 0].map { (shift: UInt32) in UInt8(truncatingIfNeeded: length >> shift) } + [kind.rawValue]
    }

    package func decode<T: Decodable>(_ type: T.Type) throws(ProtocolFailure) -> T {
        do { return try JSONText.decode(type, from: payload) } catch {
            throw .malformed(kind: kind, reason: error.description)
        }
    }

    /// The message of an awaited frame.
    /// - Parameter awaited: in words, for the failure: "the host's answer to the offer".
    /// - Throws: the `Refusal` when the other side sent one in its place, else a `ProtocolFailure`.
    package func expect<T: Decodable>(_ kind: Kind, _ type: T.Type, awaited: String) throws -> T {
        if self.kind == .refusal { throw try decode(Refusal.self) }
        guard self.kind == kind else { throw ProtocolFailure.unexpected(kind: self.kind, awaited: awaited) }
        return try decode(type)
    }
}

extension Hello {
    /// - Throws: when the other side speaks another version.
    package func checkVersion() throws(ProtocolFailure) {
        guard version == Frame.version else {
            throw .version(version, program: Shown.text(program))
        }
    }
}

extension Refusal {
    /// What one side could not do, for the other.
    package init(_ failure: any Failure) {
        self.init(
            summary: failure.place.map { "\($0): \(failure.summary)" } ?? failure.summary, cause: failure.cause,
            fix: failure.fix, exitCode: failure.exitCode)
    }
}
