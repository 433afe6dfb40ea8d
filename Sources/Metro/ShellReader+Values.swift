internal import Failures

/// How a value is quoted where its placeholder stands.
extension ShellReader {
    mutating func value(_ word: String, _ offset: Int) {
        openOperator = nil
        isAfterParenthesis = false
        suspectWriting(word, offset)
        defer {
            isAtWordStart = false
            self.word = nil
        }
        if case .arithmetic = context, !isInBackticks, Self.numbers.contains(word) {
            return put(.init(word: word, quoting: .words, offset: offset))
        }
        if let place = placeWithoutQuoting {
            let shown = Shown.text(word)
            complain(
                "las can't quote “{\(shown)}” inside \(place)", at: offset, length: word.utf8.count + 2,
                fix: place == "backticks"
                    ? "write “$(…)” in the place of the backticks"
                    : "set a variable before it, x={\(shown)}, and use that")
            return take(1)
        }
        let quoting: CommandTemplate.Quoting =
            switch context {
            case .single: .single
            case .double: .double
            case .escaped: .escaped
            case .command, .backticks, .parameter, .arithmetic: isOfTheShell ? .always : .words
            }
        put(.init(word: word, quoting: quoting, offset: offset))
    }

    /// What is always a number, and stands in arithmetic as it is.
    private static let numbers: Set<String> = ["turn", "seed"]

    /// nil where a value can be quoted.
    private var placeWithoutQuoting: String? {
        if isInBackticks { return "backticks" }
        switch context {
        case .parameter: return "“${…}”"
        case .arithmetic: return "arithmetic"
        case .command, .backticks: return nil
        case .single, .double, .escaped:
            guard stack.count > 1 else { return nil }
            switch stack[stack.count - 2].context {
            case .arithmetic: return "arithmetic"
            // bash leaves quotes in the text there, or looks for `{a,b}` in them.
            case .parameter where isInDouble(below: stack.count - 1): return "“\"${…}\"”"
            case .parameter: if case .escaped = context { return "“${…}”" }
            default: break
            }
            return nil
        }
    }

    /// Whether `${…}` stands in `"…"`.
    private func isInDouble(below number: Int) -> Bool {
        for (context, _) in stack[..<number].reversed() {
            switch context {
            case .parameter: continue
            case .double: return true
            default: return false
            }
        }
        return false
    }

    /// Whether a value without quotes could be more than a word: the shell's own word, an assignment, `2>`, `~user`.
    private var isOfTheShell: Bool {
        if isAtCommandStart, isAtWordStart || word?.isEmpty ?? false { return true }
        if literal.last == UInt8(ascii: "~") { return true }
        // 2>x, 2<x, 12>x
        var ahead = 1
        while let next = byte(ahead),
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) || sees("\\\n", ahead: ahead)
        {
            ahead += next == UInt8(ascii: "\\") ? 2 : 1
        }
        return byte(ahead) == UInt8(ascii: "<") || byte(ahead) == UInt8(ascii: ">")
    }
}
