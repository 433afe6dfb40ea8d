/// A command line of bash up to the cursor: its words as the command would get them, the last one still open.
struct TypedLine: Equatable {
    /// At least one; the last may be empty.
    private(set) var words: [String] = []
    /// The quote that is open at the cursor.
    private(set) var quote: UInt8?
    /// How many bytes of the last word bash leaves as they are: it completes what stands after a quote that is open, or after
    /// the last of its `COMP_WORDBREAKS`.
    private(set) var kept = 0

    init(_ line: String, breaks: String) {
        var word: [UInt8] = []
        var isEscaped = false
        var hasWord = false
        func text() -> String { String(decoding: word, as: UTF8.self) }
        for byte in line.utf8 {
            if isEscaped {
                // Inside "…" a backslash stays before most characters.
                if quote == UInt8(ascii: "\""), !"\"\\$`\n".utf8.contains(byte) { word.append(UInt8(ascii: "\\")) }
                if byte != UInt8(ascii: "\n") { word.append(byte) }
                (isEscaped, hasWord) = (false, true)
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                isEscaped = true
            } else if let open = quote {
                if byte == open { quote = nil } else { word.append(byte) }
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                (quote, hasWord, kept) = (byte, true, word.count)
            } else if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\n") {
                if hasWord { words.append(text()) }
                (word, hasWord, kept) = ([], false, 0)
            } else {
                word.append(byte)
                hasWord = true
                if breaks.utf8.contains(byte) { kept = word.count }
            }
        }
        words.append(text())
    }

    /// A word as it is to stand in the line from `kept` on, for the quote that is open there.
    func typed(_ word: String) -> String {
        let rest = word.utf8.dropFirst(kept)
        var text: [UInt8] = []
        for byte in rest {
            switch byte {
            case UInt8(ascii: "'") where quote == UInt8(ascii: "'"): text += Array("'\\''".utf8)
            case _ where quote == UInt8(ascii: "'"): text.append(byte)
            case _ where quote != nil:
                if "\"\\$`".utf8.contains(byte) { text.append(UInt8(ascii: "\\")) }
                text.append(byte)
            case 0..<0x20, 0x7F: text += Array("$'\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))'".utf8)
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
                text.append(byte)
            default:
                if !"/._-+,:@%=".utf8.contains(byte) { text.append(UInt8(ascii: "\\")) }
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
