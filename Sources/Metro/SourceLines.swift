/// The characters of a metro file by their number, as libyaml's marks count them, and its lines.
struct SourceLines {
    let bytes: [UInt8]
    /// The offset of each 64th character.
    private let samples: [Int]
    private static let stride = 64

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var samples: [Int] = []
        var count = 0
        bytes.withUnsafeBufferPointer { bytes in
            var offset = 0
            while offset < bytes.count {
                if bytes[offset] & 0b1100_0000 != 0b1000_0000 {
                    if count % Self.stride == 0 { samples.append(offset) }
                    count += 1
                }
                offset += 1
            }
        }
        self.samples = samples
    }

    /// The offset of a character in bytes.
    func offset(ofCharacter number: Int) -> Int {
        guard number / Self.stride < samples.count else { return bytes.count }
        var offset = samples[number / Self.stride]
        for _ in 0..<(number % Self.stride) where offset < bytes.count {
            offset += 1
            while offset < bytes.count, bytes[offset] & 0b1100_0000 == 0b1000_0000 { offset += 1 }
        }
        return offset
    }

    /// The line that holds a byte, without its end.
    func line(around offset: Int) -> ArraySlice<UInt8> {
        let offset = min(offset, bytes.count)
        let start = bytes[..<offset].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let end = bytes[start...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.count
        return bytes[start..<end]
    }

    /// The comment that follows on the same line, from its `#` on; nil where there is none.
    func comment(at offset: Int) -> String? {
        guard let sign = bytes[offset...].firstIndex(where: { $0 != UInt8(ascii: " ") }),
            bytes[sign] == UInt8(ascii: "#")
        else { return nil }
        let text = bytes[sign...].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return String(decoding: text, as: UTF8.self)
    }

    func position(of offset: Int) -> Position {
        let before = bytes[..<min(offset, bytes.count)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let column = before[start...].count { $0 & 0b1100_0000 != 0b1000_0000 } + 1
        return Position(line: line, column: column)
    }

    /// Where the characters of a scalar's value stand: each of its lines is looked for in the value, one after the other.
    ///
    /// - Parameters:
    ///   - region: the scalar's bytes in the file, quotes and block indicator included.
    ///   - isBlock: begun by `|` or `>`, so the first line is not its text.
    func pieces(of value: String, in region: Range<Int>, at start: Position, isBlock: Bool) -> [SourceText.Piece] {
        let text = Array(value.utf8)
        var pieces: [SourceText.Piece] = []
        var (at, offset, line, column) = (0, region.lowerBound, start.line, start.column)
        var isFirst = true
        while offset < region.upperBound {
            let end = bytes[offset..<region.upperBound].firstIndex(of: UInt8(ascii: "\n")) ?? region.upperBound
            var from = offset
            if isFirst, !isBlock, Self.isQuote(bytes[from]) { from += 1 }
            while from < end, Self.isBlank(bytes[from]) { from += 1 }
            var to = end
            while to > from, Self.isBlank(bytes[to - 1]) { to -= 1 }
            if !(isFirst && isBlock), from < to {
                while at < text.count, Self.isBlank(text[at]) || text[at] == UInt8(ascii: "\n") { at += 1 }
                // The closing quote belongs to the region, not to the text.
                let length = zip(bytes[from..<to], text[at...]).prefix { $0 == $1 }.count
                let isQuoted = !isBlock && Self.isQuote(bytes[region.lowerBound])
                let textEnd = to == region.upperBound && isQuoted && to - 1 > from ? to - 1 : to
                let isWhole = length == to - from || (to == region.upperBound && length == to - from - 1)
                // What stands before it are signs of one byte.
                let first = column + (from - offset)
                let place = Position(line: line, column: first, endColumn: first + characters(in: from..<textEnd))
                if isWhole {
                    pieces.append(SourceText.Piece(offset: at, position: place, isVerbatim: true))
                    at += length
                } else {
                    pieces.append(SourceText.Piece(offset: at, position: place, isVerbatim: false))
                    break
                }
            }
            (offset, line, column, isFirst) = (end + 1, line + 1, 1, false)
        }
        if pieces.first?.offset != 0 {
            pieces.insert(
                SourceText.Piece(offset: 0, position: pieces.first?.position ?? start, isVerbatim: false), at: 0)
        }
        return pieces
    }

    private func characters(in range: Range<Int>) -> Int { bytes[range].count { $0 & 0b1100_0000 != 0b1000_0000 } }

    private static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }

    /// Looks like a space, or like nothing at all, and is no space to YAML or to a shell.
    static func isOddBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xA0, 0x1680, 0x2000...0x200D, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF: true
        default: false
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}
