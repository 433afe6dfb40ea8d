internal import Failures

/// What people write who are used to another program, or to a text program's signs: bash would take it for something else.
extension ShellReader {
    /// Looks at a brace that is no placeholder; takes nothing.
    mutating func suspectBrace() {
        guard byte() == UInt8(ascii: "{") else { return }
        let offset = elements[index].offset
        let isDoubled = index + 1 < elements.count && elements[index + 1].offset == offset + 2
        if isDoubled, !isUnquoted { return }
        var text: [UInt8] = []
        var end = index + 1
        while let next = byte(end - index), next != UInt8(ascii: "}"), next != UInt8(ascii: "{"), text.count < 60 {
            text.append(next)
            end += 1
        }
        guard byte(end - index) == UInt8(ascii: "}") else { return }
        let body = text.drop { $0 == UInt8(ascii: " ") }
        guard let first = body.first, Braces.isWordStart(first) else { return }
        let word = body.prefix { Braces.isWordPart($0) }
        let rest = body.dropFirst(word.count)
        let kind: Suspect.Kind
        if rest.allSatisfy({ $0 == UInt8(ascii: " ") }) {
            kind = isDoubled ? .doubled : .spaced
        } else if !isDoubled, rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: "["),
            text.first != UInt8(ascii: " ")
        {
            kind = .dotted
        } else {
            return
        }
        let length = elements[end].offset + (isDoubled ? 2 : 1) - offset
        suspects.append(
            Suspect(
                kind: kind, word: String(decoding: word, as: UTF8.self), rest: String(decoding: rest, as: UTF8.self),
                offset: offset, length: length))
    }

    /// Looks at `$word`, `${word}` and `${{ word }}`; takes nothing.
    mutating func suspectVariable() {
        let offset = elements[index].offset
        var ahead = 1
        let hasBrace = byte(1) == UInt8(ascii: "{")
        var isDoubled = false
        if hasBrace {
            isDoubled = index + 2 < elements.count && elements[index + 2].offset == elements[index + 1].offset + 2
            ahead += 1
            while isDoubled, byte(ahead) == UInt8(ascii: " ") { ahead += 1 }
        }
        guard let first = byte(ahead), Braces.isWordStart(first) else { return }
        var word: [UInt8] = []
        // The names of the shell's variables have no “-”.
        while let next = byte(ahead), Braces.isWordPart(next), next != UInt8(ascii: "-") {
            word.append(next)
            ahead += 1
        }
        var length = elements[index + ahead - 1].offset + 1 - offset
        if hasBrace {
            while isDoubled, byte(ahead) == UInt8(ascii: " ") { ahead += 1 }
            guard byte(ahead) == UInt8(ascii: "}") || isDoubled else { return }
            length =
                index + ahead < elements.count ? elements[index + ahead].offset + (isDoubled ? 2 : 1) - offset : length
        }
        suspects.append(
            Suspect(
                kind: isDoubled ? .variableOfActions : .variable, word: String(decoding: word, as: UTF8.self), rest: "",
                offset: offset, length: length))
    }

    /// Looks at a value that stands after `>`, or after `~`.
    mutating func suspectWriting(_ word: String, _ offset: Int) {
        if literal.last == UInt8(ascii: "~") {
            return suspects.append(
                Suspect(kind: .valueOfWDL, word: word, rest: "", offset: offset - 1, length: word.utf8.count + 3))
        }
        let before = literal.reversed().drop { " \"'".utf8.contains($0) }
        guard before.first == UInt8(ascii: ">") else { return }
        suspects.append(Suspect(kind: .written, word: word, rest: "", offset: offset, length: word.utf8.count + 2))
    }

    // MARK: Signs of text programs

    /// Quotes, dashes and blanks that bash does not know, outside usual quotes; takes nothing.
    mutating func complainOfSign() {
        guard let first = byte(), first >= 0xC2 else { return }
        let bytes = (0..<3).compactMap { byte($0) }
        guard let scalar = String(decoding: bytes, as: UTF8.self).unicodeScalars.first else { return }
        let offset = elements[index].offset
        let length = String(scalar).utf8.count
        if SourceLines.isOddBlank(scalar) {
            mistakes.append(
                Mistake(
                    offset: offset, length: length, message: "this character only looks like a space",
                    fix: "delete it, and type a space; it may come from a web page or a text program"))
        } else if isAtWordStart, "“”„‟«»‘‛‚".unicodeScalars.contains(scalar) {
            mistakes.append(
                Mistake(
                    offset: offset, length: length, message: "“\(scalar)” is no quote to the shell",
                    fix: "write the usual quotes, \"…\" or '…'; a text program may have changed them"))
        } else if isAtWordStart, "‐‑‒–—−".unicodeScalars.contains(scalar), let next = byte(length),
            Braces.isWordPart(next)
        {
            mistakes.append(
                Mistake(
                    offset: offset, length: length, message: "“\(scalar)” is a dash, and options begin with “-”",
                    fix: "type “-”, or “--”; a text program may have changed it"))
        }
    }
}

/// What may be meant as a placeholder and is none; whether it is, the names that a station knows decide.
struct Suspect: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// `{in.txt}`, `{in[0]}`.
        case dotted
        /// `{ in }`.
        case spaced
        /// `{{in}}` outside quotes.
        case doubled
        /// `$in`, `${in}`.
        case variable
        /// `${{ in }}`.
        case variableOfActions
        /// `~{in}`.
        case valueOfWDL
        /// `> {in}`.
        case written
    }

    let kind: Kind
    let word: String
    /// What follows the word.
    let rest: String
    /// In bytes of the command.
    let offset: Int
    let length: Int
}
