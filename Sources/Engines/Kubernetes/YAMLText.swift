internal import Failures

/// Writes YAML that every reader takes alike: what is not plainly a word stands in quotes, and nothing in a text can end it.
package struct YAMLText {
    private var text = ""

    /// Several documents in one file, each with a line above it that says what it is.
    package static func documents(_ documents: [(comment: [String], value: YAML)]) -> String {
        var writer = YAMLText()
        for (number, document) in documents.enumerated() {
            if number > 0 { writer.text += "---\n" }
            for line in document.comment { writer.comment(line, indent: 0) }
            writer.write(document.value, indent: 0)
        }
        return writer.text
    }

    // MARK: Blocks

    private mutating func comment(_ line: String, indent: Int) {
        text += pad(indent) + (line.isEmpty ? "#" : "# " + Shown.whole(line)) + "\n"
    }

    /// Begins a line, and ends one.
    private mutating func write(_ value: YAML, indent: Int) {
        switch value {
        case .group(let members) where !members.isEmpty:
            for member in members { write(member, indent: indent) }
        case .list(let items) where !items.isEmpty:
            for item in items { write(item: item, indent: indent) }
        default: text += pad(indent) + Self.flow(value) + "\n"
        }
    }

    private mutating func write(_ member: YAML.Member, indent: Int) {
        if let comment = member.comment { self.comment(comment, indent: indent) }
        text += pad(indent) + Self.quoted(member.key) + ":"
        switch member.value {
        case .group(let members) where !members.isEmpty:
            text += "\n"
            write(member.value, indent: indent + 2)
        case .list(let items) where !items.isEmpty:
            text += "\n"
            write(member.value, indent: indent + 2)
        case .text(let value):
            if let lines = Self.lines(of: value) {
                text += value.utf8.last == UInt8(ascii: "\n") ? " |\n" : " |-\n"
                for line in lines { text += line.isEmpty ? "\n" : pad(indent + 2) + line + "\n" }
            } else {
                text += " " + Self.quoted(value) + "\n"
            }
        default: text += " " + Self.flow(member.value) + "\n"
        }
    }

    private mutating func write(item: YAML, indent: Int) {
        guard case .group(let members) = item, let first = members.first else {
            if case .list(let items) = item, !items.isEmpty {
                text += pad(indent) + "-\n"
                return write(item, indent: indent + 2)
            }
            text += pad(indent) + "- " + Self.flow(item) + "\n"
            return
        }
        if let comment = first.comment { self.comment(comment, indent: indent) }
        var rest = YAMLText()
        rest.write(.group([YAML.Member(first.key, first.value)] + members.dropFirst()), indent: indent + 2)
        // The first line's indentation makes room for the dash.
        text += pad(indent) + "- " + rest.text.dropFirst(indent + 2)
    }

    private func pad(_ count: Int) -> String { String(repeating: " ", count: count) }

    // MARK: Scalars

    private static func flow(_ value: YAML) -> String {
        switch value {
        case .text(let text): quoted(text)
        case .number(let number): String(number)
        case .flag(let flag): flag ? "true" : "false"
        case .nothing: "null"
        case .list: "[]"
        case .group: "{}"
        }
    }

    /// The lines of a text that may stand as a block; nil for one that is better quoted.
    private static func lines(of text: String) -> [Substring]? {
        guard text.utf8.contains(UInt8(ascii: "\n")), let first = text.unicodeScalars.first,
            first != " ", first != "\n", !text.utf8.reversed().starts(with: "\n\n".utf8),
            text.unicodeScalars.allSatisfy({ $0 == "\n" || isShown($0) })
        else { return nil }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// Words that a reader of YAML 1.1 or 1.2 takes for something else than a text.
    private static let taken: Set<String> = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]

    static func quoted(_ text: String) -> String {
        if isWord(text), !taken.contains(text.lowercased()) { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            default:
                if isShown(scalar) {
                    quoted.unicodeScalars.append(scalar)
                } else {
                    quoted += escape(scalar.value)
                }
            }
        }
        return quoted + "\""
    }

    private static func escape(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        let (sign, width) = value <= 0xFF ? ("x", 2) : value <= 0xFFFF ? ("u", 4) : ("U", 8)
        return "\\" + sign + String(repeating: "0", count: width - digits.count) + digits
    }

    /// A letter, then letters, digits and signs that mean nothing anywhere in YAML; a path may begin with its “/”, an option
    /// with its “--”.
    private static func isWord(_ text: String) -> Bool {
        let text = text.utf8.starts(with: "--".utf8) ? text.dropFirst(2) : text[...]
        guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/") else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || "-_./".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Whether it may stand as it is: seen by a person, and turning nothing around.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        if (0x20..<0x7F).contains(scalar.value) { return true }
        return switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
