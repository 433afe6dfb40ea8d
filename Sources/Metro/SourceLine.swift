/// One line of a metro file as a person sees it: its indentation, and what it says.
struct SourceLine {
    /// From 1.
    let number: Int
    /// The offset of its first byte in the file.
    let start: Int
    /// How many spaces and tabs it begins with.
    let indent: Int
    /// Without indentation, and without blanks at its end.
    let text: String

    init(around offset: Int, in source: SourceLines) {
        self.init(around: offset, number: source.position(of: offset).line, in: source)
    }

    private init(around offset: Int, number: Int, in source: SourceLines) {
        let line = source.line(around: offset)
        start = line.startIndex
        self.number = number
        let body = line.drop { Self.isBlank($0) }
        indent = line.count - body.count
        let end = body.lastIndex { !Self.isBlank($0) }.map { $0 + 1 } ?? body.startIndex
        text = String(decoding: body[..<end].prefix(2000), as: UTF8.self)
    }

    /// The line before it that says something.
    func before(in source: SourceLines) -> SourceLine? {
        var (offset, number) = (start - 1, number - 1)
        while offset >= 0 {
            let line = SourceLine(around: offset, number: number, in: source)
            if !line.text.isEmpty { return line }
            (offset, number) = (line.start - 1, number - 1)
        }
        return nil
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    // MARK: What it says

    /// How many bytes of the text are “- ” before its first key.
    private var dashes: Int { text.utf8.prefix { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: " ") }.count }

    /// The word that it begins with, after “- ”.
    var word: String {
        String(decoding: text.utf8.dropFirst(dashes).prefix { Braces.isWordPart($0) }, as: UTF8.self)
    }

    /// What follows the word.
    var rest: Substring {
        Substring(String(decoding: text.utf8.dropFirst(dashes + word.utf8.count), as: UTF8.self))
    }

    /// A word and a colon with a blank or nothing after it.
    var isKey: Bool { !word.isEmpty && (rest == ":" || rest.hasPrefix(": ")) }

    /// The column of its first key, from 0.
    var keyColumn: Int { indent + dashes }

    /// The offset in the file at which its word ends.
    var wordEnd: Int { start + keyColumn + word.utf8.count }

    /// Whether a text of several lines begins below it: it ends with `|` or `>`.
    var opensBlock: Bool {
        guard let sign = text.split(separator: " ").last, let first = sign.first, first == "|" || first == ">",
            sign.dropFirst().allSatisfy({ "+-0123456789".contains($0) })
        else { return false }
        return text.hasSuffix(": " + sign) || text.hasSuffix("- " + sign)
    }

    // MARK: Places

    var wordPlace: Position {
        let column = keyColumn + 1
        return Position(line: number, column: column, endColumn: column + word.unicodeScalars.count)
    }

    var wholePlace: Position {
        Position(line: number, column: indent + 1, endColumn: indent + 1 + text.unicodeScalars.count)
    }

    /// Where a part of the text stands.
    func place(of from: String.Index, to: String.Index) -> Position {
        let column = indent + 1 + text[..<from].unicodeScalars.count
        return Position(line: number, column: column, endColumn: column + text[from..<to].unicodeScalars.count)
    }
}
