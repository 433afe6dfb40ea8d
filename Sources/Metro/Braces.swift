/// The first of the two readings of a text with placeholders.
enum Braces {
    enum Element {
        case byte(UInt8, offset: Int)
        case placeholder(String, offset: Int)

        var offset: Int {
            switch self {
            case .byte(_, let offset), .placeholder(_, let offset): offset
            }
        }
    }

    static func elements(of text: String) -> ([Element], [CommandTemplate.Mistake]) {
        let bytes = Array(text.utf8)
        var elements: [Element] = []
        elements.reserveCapacity(bytes.count)
        var (open, closed) = (0, 0)
        var (firstSingle, firstDoubled): (Int?, Int?) = (nil, nil)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") else {
                elements.append(.byte(byte, offset: index))
                index += 1
                continue
            }
            let isDoubled = index + 1 < bytes.count && bytes[index + 1] == byte
            if !isDoubled, byte == UInt8(ascii: "{"), index == 0 || bytes[index - 1] != UInt8(ascii: "$"),
                let end = endOfWord(in: bytes, from: index + 1)
            {
                elements.append(.placeholder(String(decoding: bytes[(index + 1)..<end], as: UTF8.self), offset: index))
                index = end + 1
                continue
            }
            if byte == UInt8(ascii: "{") { open += 1 } else { closed += 1 }
            if isDoubled { firstDoubled = firstDoubled ?? index } else { firstSingle = firstSingle ?? index }
            elements.append(.byte(byte, offset: index))
            index += isDoubled ? 2 : 1
        }
        guard open != closed, firstSingle != nil, let firstDoubled else { return (elements, []) }
        // awk '{if ($1 > 2) {print $1}}': the two at the end are meant as two.
        let brace = bytes[firstDoubled] == UInt8(ascii: "{") ? "{" : "}"
        let mistake = CommandTemplate.Mistake(
            offset: firstDoubled, length: 2,
            message: "“\(brace)\(brace)” stands for one “\(brace)”, which leaves the braces uneven here",
            fix: "double every brace that is meant for the program: “{{” and “}}” for “{” and “}”")
        return (elements, [mistake])
    }

    /// A word: a letter or `_`, then letters, digits, `_` and `-`. Letters of other scripts count.
    static func isWordStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    static func isWordPart(_ byte: UInt8) -> Bool {
        isWordStart(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
    }

    /// - Returns: the index of the `}` that ends the word which begins at `start`; nil when that is no placeholder.
    private static func endOfWord(in bytes: [UInt8], from start: Int) -> Int? {
        guard start < bytes.count, isWordStart(bytes[start]) else { return nil }
        var index = start + 1
        while index < bytes.count, isWordPart(bytes[index]) { index += 1 }
        return index < bytes.count && bytes[index] == UInt8(ascii: "}") ? index : nil
    }
}
