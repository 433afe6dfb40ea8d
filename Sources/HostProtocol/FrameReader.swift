/// Takes bytes as they come and gives frames as they become whole. Never holds more than one frame beyond what was fed.
package struct FrameReader: Sendable {
    private var buffer: [UInt8] = []
    /// Where the first byte not yet taken lies in `buffer`.
    private var start = 0
    private var isFirst = true

    package static let headerLength = 5

    package init() {}

    package mutating func feed(_ bytes: some Collection<UInt8>) {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            start = 0
        } else if start > Frame.largestPayload {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// - Returns: the next frame, nil until more is fed.
    /// - Throws: for what can't be a frame; the connection is of no use then.
    package mutating func take() throws(ProtocolFailure) -> Frame? {
        guard buffer.count - start >= Self.headerLength else { return nil }
        let length = buffer[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        let kind = Frame.Kind(rawValue: buffer[start + 4])
        // What a shell prints before the runtime starts: letters as a length are far above the bound.
        if isFirst, length > Frame.largestPayload || kind == nil { throw .notFrames(text: beginning) }
        if length > Frame.largestPayload { throw .tooLarge(length: length) }
        guard let kind else { throw .unknownKind(buffer[start + 4]) }
        let end = start + Self.headerLength + length
        guard buffer.count >= end else { return nil }
        let payload = Array(buffer[start + Self.headerLength..<end])
        start = end
        isFirst = false
        return Frame(kind: kind, payload: payload)
    }

    /// Whether nothing of a frame is left: a connection may end here.
    package var isEmpty: Bool { start == buffer.count }

    /// How the bytes begin, printable ASCII only, for the person.
    private var beginning: String {
        let line = buffer[start...].prefix(80).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: line.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
