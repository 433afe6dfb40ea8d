internal import Metro

extension CommandTemplate {
    /// The command of one task.
    ///
    /// - Parameter values: what a word stands for.
    func command(_ values: (String) -> [String]) -> PlannedTask.Command {
        if let words {
            var arguments: [String] = []
            for word in words { arguments += Self.arguments(of: word, values) }
            return .direct(arguments)
        }
        var text = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): text += literal
            case .value(let placeholder):
                text += placeholder.quoting.text(of: values(placeholder.word))
            }
        }
        return .shell(text)
    }

    /// Several values make several arguments, as they would outside quotes in a shell; what stands beside the placeholder
    /// goes with the first and the last.
    private static func arguments(of word: [Piece], _ values: (String) -> [String]) -> [String] {
        let isNothing = word.allSatisfy { if case .value(let value) = $0 { values(value.word).isEmpty } else { false } }
        if isNothing { return [] }
        var arguments = [""]
        for piece in word {
            switch piece {
            case .literal(let literal): arguments[arguments.count - 1] += literal
            case .value(let placeholder):
                let found = values(placeholder.word)
                guard let first = found.first else { continue }
                arguments[arguments.count - 1] += first
                arguments += found.dropFirst()
            }
        }
        return arguments
    }
}

extension CommandTemplate.Quoting {
    /// The values as they stand in a command for bash, so that it sees exactly them.
    func text(of values: [String]) -> String {
        switch self {
        case .words: values.map(Self.word).joined(separator: " ")
        case .always: values.map(Self.quoted).joined(separator: " ")
        case .single: values.map(Self.withinQuotes).joined(separator: " ")
        case .double: values.map(Self.withinDoubleQuotes).joined(separator: " ")
        // Between two of them, so that it is no part of an escape before it: `$'\x4` and a digit.
        case .escaped: "'" + Self.quoted(values.joined(separator: " ")) + "$'"
        }
    }

    /// As it is where bash takes it so, else in single quotes.
    ///
    /// No `,`, which separates in `{a,b}`; no `-` at the beginning, which `[[ … ]]` takes for a test.
    private static func word(_ value: String) -> String {
        let isPlain =
            !value.isEmpty && value.utf8.first != UInt8(ascii: "-") && !shellWords.contains(value)
            && value.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "/._-+:@%".utf8.contains(byte)
                }
            }
        return isPlain ? value : quoted(value)
    }

    /// The shell's own words that could be the name of something.
    private static let shellWords: Set<String> = [
        "if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in",
        "function", "time", "coproc",
    ]

    private static func quoted(_ value: String) -> String { "'" + withinQuotes(value) + "'" }

    /// A quote as `'"'"'`: the shorter `'\\''` is misread by bash 5.2 in `$(x=(…))`.
    private static func withinQuotes(_ value: String) -> String { replacing(value, ["'": "'\"'\"'"]) }

    private static func withinDoubleQuotes(_ value: String) -> String {
        // Two characters that bash has a use for itself, and mistakes for its own there.
        if value.utf8.contains(where: { $0 == 0x01 || $0 == 0x7F }) { return "\"" + quoted(value) + "\"" }
        return replacing(value, ["\\": "\\\\", "\"": "\\\"", "$": "\\$", "`": "\\`"])
    }

    private static func replacing(_ value: String, _ escapes: [Unicode.Scalar: String]) -> String {
        var text = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            if let escape = escapes[scalar] {
                text.append(contentsOf: escape.unicodeScalars)
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }
}
