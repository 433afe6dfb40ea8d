internal import Failures

/// Here-documents, in which no value can be put.
extension ShellReader {
    struct HereDocument {
        let delimiter: [UInt8]
        let stripsTabs: Bool
        let offset: Int
        /// In how many brackets its `<<` stands.
        let depth: Int
    }

    /// Reads `<<` or `<<-` and its delimiter; the bodies follow after the line.
    mutating func hereDocument() {
        endWord()
        let start = offset
        take(2)
        let stripsTabs = byte() == UInt8(ascii: "-")
        if stripsTabs { take(1) }
        while byte() == UInt8(ascii: " ") || byte() == UInt8(ascii: "\t") { take(1) }
        var delimiter: [UInt8] = []
        var quote: UInt8?
        while let next = byte() {
            if let open = quote {
                if next == open { quote = nil } else { delimiter.append(next) }
            } else if next == UInt8(ascii: "'") || next == UInt8(ascii: "\"") {
                quote = next
            } else if " \t\n;&|<>()".utf8.contains(next) {
                break
            } else if next == UInt8(ascii: "$") || next == UInt8(ascii: "`") || sees("\\\n") {
                return giveUp(
                    "the end of a here-document is one plain word", at: offset, fix: "write “<<EOF”, or “<<'EOF'”")
            } else if next != UInt8(ascii: "\\") {
                delimiter.append(next)
            }
            take(1)
        }
        if index < elements.count, case .placeholder(let word, let offset) = elements[index] {
            complainOfDocument(word, offset)
            take(1)
        }
        hereDocuments.append(
            HereDocument(delimiter: delimiter, stripsTabs: stripsTabs, offset: start, depth: stack.count))
        isAtWordStart = false
        word = nil
    }

    /// Reads the bodies of all that wait, after the end of a line.
    mutating func bodies() {
        while let document = hereDocuments.first, index < elements.count {
            if document.depth != stack.count {
                return giveUp(
                    "the line of this here-document goes on within brackets", at: document.offset, length: 2,
                    fix: "close the brackets before the line ends")
            }
            var line: [UInt8] = []
            while index < elements.count, byte() != UInt8(ascii: "\n") {
                switch elements[index] {
                case .byte(let byte, _): line.append(byte)
                case .placeholder(let word, let offset):
                    complainOfDocument(word, offset)
                    line.append(0)
                }
                take(1)
            }
            if index < elements.count { take(1) }
            let text = document.stripsTabs ? line.drop { $0 == UInt8(ascii: "\t") } : line[...]
            if text.elementsEqual(document.delimiter) { hereDocuments.removeFirst() }
        }
    }

    mutating func complainOfDocuments() {
        for document in hereDocuments {
            let name = Shown.text(String(decoding: document.delimiter, as: UTF8.self))
            complain(
                "the here-document “\(name)” does not end", at: document.offset, length: 2,
                fix: "end it by a line that is exactly “\(name)”")
        }
    }

    private mutating func complainOfDocument(_ word: String, _ offset: Int) {
        let shown = Shown.text(word)
        complain(
            "the placeholder “{\(shown)}” stands inside a here-document", at: offset, length: word.utf8.count + 2,
            fix: "set a variable before it and use that; write “{{\(shown)}}” if the text itself is meant")
    }
}
