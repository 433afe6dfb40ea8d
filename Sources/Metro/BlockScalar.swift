/// A text that begins with `|` or `>`: its lines as they stand in the file.
struct BlockScalar {
    /// `|` or `>`.
    let sign: UInt8
    /// `-` or `+`, where one is written.
    let chomping: UInt8?
    let hasIndentation: Bool
    /// Without the indentation that they share.
    private(set) var lines: [String] = []
    /// The offset after its last line. Blank lines below count only with `+`.
    private(set) var end: Int
    /// Its last line is the file's last and does not end.
    private(set) var isCutOff = false

    /// - Parameters:
    ///   - start: of its sign.
    ///   - column: of the block that it stands in, in characters.
    init(_ source: [UInt8], at start: Int, in column: Int) {
        let headerEnd = source[start...].firstIndex(of: UInt8(ascii: "\n")) ?? source.count
        sign = source[start]
        let marks = source[(start + 1)..<headerEnd].prefix { "+-123456789".utf8.contains($0) }
        chomping = marks.first { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        let digit = marks.first { (49...57).contains($0) }
        hasIndentation = digit != nil

        var rows: [Range<Int>] = []
        var offset = min(headerEnd + 1, source.count)
        var indentation = digit.map { max(0, column) + Int($0 - 48) }
        func isBlank(_ row: Range<Int>) -> Bool { source[row].allSatisfy { $0 == UInt8(ascii: " ") } }
        while offset < source.count {
            let rowEnd = source[offset...].firstIndex(of: UInt8(ascii: "\n")) ?? source.count
            let row = offset..<rowEnd
            let spaces = source[row].prefix { $0 == UInt8(ascii: " ") }.count
            if !isBlank(row) {
                if spaces < indentation ?? (column + 1) { break }
                indentation = indentation ?? spaces
            }
            rows.append(row)
            offset = rowEnd + 1
        }
        if chomping != UInt8(ascii: "+") {
            while let last = rows.last, isBlank(last), source[last].count <= indentation ?? .max { rows.removeLast() }
        }
        end = rows.last.map { min($0.upperBound + 1, source.count) } ?? headerEnd
        isCutOff = rows.last.map { $0.upperBound == source.count } ?? false
        lines = rows.map { row in
            String(decoding: source[row].dropFirst(min(indentation ?? 0, source[row].count)), as: UTF8.self)
        }
    }
}
