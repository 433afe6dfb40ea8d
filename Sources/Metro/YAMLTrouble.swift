internal import Failures

/// What libyaml complains of, and what the person who wrote the file most likely did.
struct YAMLTrouble {
    let problem: String
    let context: String
    let position: Position
    let contextPosition: Position?
    let offset: Int
    let contextOffset: Int?

    private static let quote = "put the whole text into quotes: \"…\" or '…'"
    private static let indentation =
        "keys of one group begin in the same column; what belongs to a key is indented further, by spaces"

    func explained(in source: SourceLines) -> (Position, message: String, fix: String) {
        let line = source.line(around: offset)
        let here = offset < source.bytes.count ? source.bytes[offset] : UInt8(ascii: "\n")
        let indent = line.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        if here == UInt8(ascii: "\t") || problem.contains("tab character") || indent.contains(UInt8(ascii: "\t")) {
            let tab = line.firstIndex(of: UInt8(ascii: "\t")) ?? offset
            let column = line[line.startIndex..<tab].count { $0 & 0b1100_0000 != 0b1000_0000 } + 1
            return (
                Position(line: position.line, column: column), "a tab stands here, and YAML is indented by spaces only",
                "replace each tab at the beginning of a line by spaces"
            )
        }
        if context.contains("anchor") || context.contains("alias") || context.contains("tag") {
            let sign = first(in: source)
            return (contextPosition ?? position, "a text that begins with “\(sign)” must stand in quotes", Self.quote)
        }
        if let (opening, place) = unquotedBrace(in: source, line: line) {
            return (
                place,
                "YAML takes a text that begins with “\(opening)” for a \(opening == "{" ? "group of keys" : "list"), not for text",
                Self.quote
            )
        }
        switch problem {
        case "mapping values are not allowed in this context":
            let start = line[line.startIndex..<min(offset, line.endIndex)].drop {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "-")
            }
            if start.allSatisfy({ Braces.isWordPart($0) }) {
                return (
                    position,
                    "“\(Shown.text(String(decoding: start, as: UTF8.self)))” is indented further than the line before it allows",
                    Self.indentation
                )
            }
            return (
                position,
                "a colon with a space after it stands inside a text, and YAML takes what is before it for a key",
                "put the whole text into quotes, or write it on a line of its own below “command: |”"
            )
        case "found character that cannot start any token":
            return (
                position,
                "a text can't begin with “\(Shown.text(character(at: offset, in: source)))” unless it stands in quotes",
                Self.quote
            )
        case "could not find expected ':'":
            return (
                contextPosition ?? position, "this line is no key with a value, and no entry of a list",
                "write “key: value”, or “- ” before an entry; a text of several lines is indented below “key: |”"
            )
        case "found unexpected end of stream" where context.contains("quoted"):
            return (
                contextPosition ?? position, "the quote that opens here is never closed",
                "close it; inside '…' an apostrophe is written twice: ''"
            )
        case "found unknown escape character":
            return (
                position, "inside \"…\" YAML takes a backslash for itself",
                "use '…' around the text, or write it below “command: |”"
            )
        case "did not find expected key", "did not find expected '-' indicator",
            "block sequence entries are not allowed in this context",
            "did not find expected node content":
            return (position, "this line does not fit the lines above it", Self.indentation)
        case "did not find expected ',' or ']'", "did not find expected ',' or '}'":
            let opening = problem.hasSuffix("']'") ? "[" : "{"
            return (
                contextPosition ?? position,
                "the “\(opening)” that opens here is not closed, or a comma is missing after it",
                "write “\(opening == "[" ? "[a, b]" : "{ key: value }")”, and put texts with other signs into quotes"
            )
        default:
            return (position, "this is not YAML as a metro has it: \(problem)", Self.indentation)
        }
    }

    private func character(at offset: Int, in source: SourceLines) -> String {
        String(String(decoding: source.bytes[offset..<min(offset + 8, source.bytes.count)], as: UTF8.self).prefix(1))
    }

    private func first(in source: SourceLines) -> String { character(at: contextOffset ?? offset, in: source) }

    /// `out: {name}.bam`, `command: [ -f x ] && …`: text goes on after what YAML took for a group or a list.
    private func unquotedBrace(in source: SourceLines, line: ArraySlice<UInt8>) -> (String, Position)? {
        guard problem.hasPrefix("did not find expected") else { return nil }
        let text = line.drop { $0 == UInt8(ascii: " ") }
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
                let rest = text[(end + 1)...].drop { $0 == UInt8(ascii: " ") }
                if rest.isEmpty || rest.first == UInt8(ascii: "#") || rest.first == UInt8(ascii: ",") { return nil }
                let column = line[line.startIndex..<index].count { $0 & 0b1100_0000 != 0b1000_0000 } + 1
                return (text[index] == UInt8(ascii: "{") ? "{" : "[", Position(line: position.line, column: column))
            }
            index += 1
        }
        return nil
    }
}
