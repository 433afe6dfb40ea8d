internal import Failures
internal import Files

/// What libyaml complains of, and what the person who wrote the file most likely did.
struct YAMLTrouble {
    let problem: String
    let context: String
    let position: Position
    let contextPosition: Position?
    let offset: Int
    let contextOffset: Int?

    /// What to tell.
    struct Explained {
        let position: Position
        let message: String
        let fix: String
        var beside: Diagnostic.Label?

        init(_ message: String, at position: Position, fix: String, beside: Diagnostic.Label? = nil) {
            (self.message, self.position, self.fix, self.beside) = (message, position, fix, beside)
        }
    }

    static let quote = "put the whole text into quotes: \"…\" or '…'"
    static let indentation =
        "keys of one group begin in the same column; what belongs to a key is indented further, by spaces"

    func explained(in source: SourceLines) -> Explained {
        let line = SourceLine(around: offset, in: source)
        if let found = oddBlanks(line, source) ?? signs(source) ?? unquotedBrace(line) { return found }
        if let found = blockText(line, source) ?? missingSpace(line, source) ?? quotes(line, source) { return found }
        switch problem {
        case "mapping values are not allowed in this context": return colon(line)
        case "found character that cannot start any token":
            return Explained(
                "a text can't begin with “\(Shown.text(character(at: offset, in: source)))” unless it stands in quotes",
                at: position.reaching(1), fix: Self.quote)
        case "could not find expected ':'":
            return Explained(
                "this line is no key with a value, and no entry of a list", at: contextPosition ?? position,
                fix: "write “key: value”, or “- ” before an entry; a text of several lines is indented below “key: |”")
        case "found unexpected end of stream" where context.holds("quoted"):
            return Explained(
                "the quote that opens here is never closed", at: (contextPosition ?? position).reaching(1),
                fix: "close it; inside '…' an apostrophe is written twice: ''")
        case "did not find expected '-' indicator" where line.isKey:
            return Explained(
                "“\(Shown.text(line.word))” stands where the next “- ” of the list is expected", at: line.wordPlace,
                fix: "indent it further than the “-”: the keys of one entry begin in the same column")
        case "block sequence entries are not allowed in this context" where line.text.dropFirst().holds("- "):
            return Explained(
                "a list begins on a line of its own", at: position.reaching(1),
                fix: "put each “- ” into a line of its own, indented, or write “[a, b]” here")
        case "did not find expected key", "did not find expected '-' indicator",
            "block sequence entries are not allowed in this context", "did not find expected node content":
            return Explained("this line does not fit the lines above it", at: position, fix: Self.indentation)
        case "did not find expected <document start>": return document(line, source)
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'": return comma(source)
        default:
            return Explained("this is not YAML as a metro has it: \(problem)", at: position, fix: Self.indentation)
        }
    }

    func character(at offset: Int, in source: SourceLines) -> String {
        String(String(decoding: source.bytes[offset..<min(offset + 8, source.bytes.count)], as: UTF8.self).prefix(1))
    }

    // MARK: Signs

    /// `*x`, `&x`, `!x` at the beginning of a text.
    private func signs(_ source: SourceLines) -> Explained? {
        guard context.holds("anchor") || context.holds("alias") || context.holds("tag") else { return nil }
        let sign = character(at: contextOffset ?? offset, in: source)
        return Explained(
            "a text that begins with “\(sign)” must stand in quotes", at: (contextPosition ?? position).reaching(1),
            fix: Self.quote)
    }

    /// A `: ` where no key can be.
    private func colon(_ line: SourceLine) -> Explained {
        if line.wordEnd == offset {
            return Explained(
                "“\(Shown.text(line.word))” is indented further than the line before it allows", at: line.wordPlace,
                fix: Self.indentation)
        }
        return Explained(
            "a colon with a space after it stands inside a text, and YAML takes what is before it for a key",
            at: position.reaching(1),
            fix: "put the whole text into quotes, or write it on a line of its own below “command: |”")
    }

    /// `out: {name}.bam`, `command: [ -f x ] && …`: text goes on after what YAML took for a group or a list.
    private func unquotedBrace(_ line: SourceLine) -> Explained? {
        guard problem.hasPrefix("did not find expected"), !problem.holds("document") else { return nil }
        let text = line.text.utf8
        // The value: after “key: ”, or after “- ”.
        var index = text.startIndex
        while index < text.endIndex {
            let isBrace = text[index] == UInt8(ascii: "{") || text[index] == UInt8(ascii: "[")
            let before = text[..<index]
            if isBrace, before.last == UInt8(ascii: " "),
                before.dropLast().last.map({ ":-,".utf8.contains($0) }) ?? false
            {
                // Only what is closed on the same line and followed by more text.
                let closing: UInt8 = text[index] == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]")
                guard let end = text[index...].firstIndex(of: closing) else { return nil }
                let rest = text[text.index(after: end)...].drop { $0 == UInt8(ascii: " ") }
                if let next = rest.first {
                    if "#,]}".utf8.contains(next) { return nil }
                } else {
                    return nil
                }
                let opening = text[index] == UInt8(ascii: "{") ? "{" : "["
                return Explained(
                    "YAML takes a text that begins with “\(opening)” for a \(opening == "{" ? "group of keys" : "list"), not for text",
                    at: line.place(of: index, to: text.index(after: end)), fix: Self.quote)
            }
            index = text.index(after: index)
        }
        return nil
    }

    /// A list or a group in brackets that does not go on as it must.
    private func comma(_ source: SourceLines) -> Explained {
        let opening = problem.hasSuffix("']'") ? "[" : "{"
        let form = opening == "[" ? "[a, b]" : "{ key: value }"
        let start = (contextPosition ?? position).reaching(1)
        let here = SourceLine(around: offset, in: source)
        if let contextOffset {
            let first = SourceLine(around: contextOffset, in: source)
            if position.line == start.line || here.indent > first.indent, offset < source.bytes.count {
                return Explained(
                    "a comma is missing before this, or the “\(opening)” before it is not closed", at: position,
                    fix: "write “\(form)”, and put texts with other signs into quotes",
                    beside: .init("opens here", at: start))
            }
        }
        return Explained(
            "the “\(opening)” that opens here is not closed", at: start,
            fix: "write “\(form)”, and put texts with other signs into quotes")
    }

    /// Something stands beside the one document that a metro is.
    private func document(_ line: SourceLine, _ source: SourceLines) -> Explained {
        if line.text.hasPrefix("%") || source.bytes.first == UInt8(ascii: "%") {
            return Explained(
                "a line that begins with “%” is an order to YAML, which a metro has no use for",
                at: Position(line: 1, column: 1), fix: "take it out")
        }
        if let before = line.before(in: source), before.text == "..." {
            return Explained(
                "the line “...” ends the metro, and this comes after it", at: position,
                fix: "take the line “...” out", beside: .init("ends here", at: before.wholePlace))
        }
        return Explained("this does not fit what stands before it", at: position, fix: Self.indentation)
    }
}
