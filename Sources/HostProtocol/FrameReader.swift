/// Takes bytes as they come and gives frames as they become whole. Never holds more than one frame beyond what was fed.
package struct FrameReader: Sendable {
    /// What was fed and not taken yet lies from `start` to `end`; the rest is room.
    private var buffer: [UInt8] = []
    private var start = 0
    private var end = 0
    private var isFirst = true
    /// How much of a `data` frame is still to be handed on that was begun to be handed on in pieces.
    private var left = 0

    package static let headerLength = 5
    /// How much is read at once.
    private static let room = 256 << 10

    package init() {}

    package mutating func feed(_ bytes: some Collection<UInt8>) {
        makeRoom(for: bytes.count)
        buffer.withUnsafeMutableBytes { buffer in
            UnsafeMutableRawBufferPointer(rebasing: buffer[end...]).copyBytes(from: bytes)
        }
        end += bytes.count
    }

    /// Has it fed with what a call puts into the room that it gets.
    /// - Returns: what the call returns: how many bytes those are; 0 or less for none.
    package mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        makeRoom(for: Self.room)
        let count = buffer.withUnsafeMutableBytes { buffer in
            body(UnsafeMutableRawBufferPointer(rebasing: buffer[end..<min(end + Self.room, buffer.count)]))
        }
        if count > 0 { end += count }
        return count
    }

    private mutating func makeRoom(for count: Int) {
        if start == end { (start, end) = (0, 0) }
        if buffer.count - end >= count { return }
        if start > 0 {
            buffer.withUnsafeMutableBytes { buffer in
                buffer.copyBytes(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            }
            (start, end) = (0, end - start)
        }
        let lacking = end + count - buffer.count
        if lacking > 0 { buffer.append(contentsOf: repeatElement(0, count: lacking)) }
    }

    /// - Returns: the next frame, nil until more is fed. What is left of one that was handed on in pieces is passed over.
    /// - Throws: for what can't be a frame; the connection is of no use then.
    package mutating func take() throws(ProtocolFailure) -> Frame? {
        if left > 0 {
            let passed = min(left, end - start)
            (start, left) = (start + passed, left - passed)
            if left > 0 { return nil }
        }
        guard let (kind, length) = try header() else { return nil }
        let first = start + Self.headerLength
        guard end - first >= length else { return nil }
        let payload = Array(buffer[first..<first + length])
        start = first + length
        isFirst = false
        return Frame(kind: kind, payload: payload)
    }

    package enum Taken { case frame(Frame), piece(isLast: Bool) }

    /// The next frame; but of a `data` frame its bytes as far as they are there, which are not copied.
    /// - Returns: nil until more is fed.
    package mutating func take(
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Taken? {
        if left == 0 {
            guard let (kind, length) = try header() else { return nil }
            if kind != .data || length == 0 { return try take().map { .frame($0) } }
            (start, left, isFirst) = (start + Self.headerLength, length, false)
        }
        let count = min(left, end - start)
        if count == 0 { return nil }
        let first = start
        (start, left) = (start + count, left - count)
        try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[first..<first + count])) }
        return .piece(isLast: left == 0)
    }

    /// Of the frame that comes next; nil until more is fed.
    private func header() throws(ProtocolFailure) -> (kind: Frame.Kind, length: Int)? {
        guard end - start >= Self.headerLength else { return nil }
        let length = buffer[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        let kind = Frame.Kind(rawValue: buffer[start + 4])
        // What a shell prints before the runtime starts: letters as a length are far above the bound.
        if isFirst, length > Frame.largestPayload || kind == nil { throw .notFrames(text: beginning) }
        if length > Frame.largestPayload { throw .tooLarge(length: length) }
        guard let kind else { throw .unknownKind(buffer[start + 4]) }
        return (kind, length)
    }

    /// Whether nothing of a frame is left: a connection may end here.
    package var isEmpty: Bool { start == end && left == 0 }

    /// How the bytes begin, printable ASCII only, for the person.
    private var beginning: String {
        let line = buffer[start..<end].prefix(80).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: line.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
