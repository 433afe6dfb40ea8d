/// A command with its placeholders: what stands in it literally, and which values go where, quoted how.
///
/// Braces come first: `{word}` that does not follow `$` is a placeholder, `{{` and `}}` are braces. Then the text is read
/// as bash reads it, as far as that is needed to know how each placeholder must be quoted.
package struct CommandTemplate: Sendable {
    /// How a value is quoted where its placeholder stands.
    package enum Quoting: Hashable, Sendable {
        /// Outside quotes: each value is a word.
        case words
        /// Outside quotes too, where a word without quotes could be one of the shell's own: each value stands in quotes.
        case always
        /// Inside `'…'`.
        case single
        /// Inside `"…"`.
        case double
        /// Inside `$'…'`.
        case escaped
    }

    package struct Placeholder: Hashable, Sendable {
        package let word: String
        package let quoting: Quoting
        /// Where its brace stands, in bytes of the command.
        package let offset: Int

        /// In bytes, braces included.
        var length: Int { word.utf8.count + 2 }
    }

    package enum Piece: Hashable, Sendable {
        case literal(String)
        case value(Placeholder)
    }

    package struct Mistake: Hashable, Sendable {
        package let offset: Int
        /// Of what is wrong, in bytes.
        package var length = 1
        package let message: String
        package let fix: String
        /// The command ends too early.
        package var isOfTheEnd = false
    }

    package let pieces: [Piece]
    /// The words of a command without shell characters, which needs no shell; nil for one that does.
    package let words: [[Piece]]?
    package let mistakes: [Mistake]
    /// What may be meant as a placeholder.
    let suspects: [Suspect]

    package init(_ text: String) {
        // What stands below “command: |” ends with the end of its last line.
        var text = Substring(text)
        while text.last?.isNewline == true { text.removeLast() }
        let (elements, braceMistakes) = Braces.elements(of: String(text))
        var reader = ShellReader(elements)
        reader.read()
        pieces = reader.pieces
        suspects = reader.suspects
        words = Self.words(of: reader.pieces)
        mistakes = (braceMistakes + reader.mistakes).sorted { $0.offset < $1.offset }
    }

    package var placeholders: [Placeholder] {
        pieces.compactMap { if case .value(let placeholder) = $0 { placeholder } else { nil } }
    }

    /// Whether it writes its first output itself; otherwise what it prints is that output.
    package var namesOutput: Bool { placeholders.contains { $0.word == "out" || $0.word == "out_1" } }
}

extension CommandTemplate {
    /// What a command can't hold when it is started without a shell.
    private static let shellCharacters = Set("|&;<>()$`\\\"'*?[]#~!{}\n\r".utf8)

    /// Words of the shell itself that no program stands for.
    private static let shellWords: Set<String> = [
        "if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in",
        "function", "time", "coproc", ".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd", "command",
        "compgen", "complete", "compopt", "continue", "declare", "dirs", "disown", "enable", "eval", "exec", "exit",
        "export", "fc", "fg", "getopts", "hash", "help", "history", "jobs", "let", "local", "logout", "mapfile", "popd",
        "pushd", "read", "readarray", "readonly", "return", "set", "shift", "shopt", "source", "suspend", "times",
        "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "wait",
    ]

    private static func words(of pieces: [Piece]) -> [[Piece]]? {
        var words: [[Piece]] = []
        var word: [Piece] = []
        func end() {
            if !word.isEmpty { words.append(word) }
            word = []
        }
        for piece in pieces {
            guard case .literal(let text) = piece else {
                word.append(piece)
                continue
            }
            if text.utf8.contains(where: shellCharacters.contains) { return nil }
            for (number, part) in text.split(
                omittingEmptySubsequences: false, whereSeparator: { $0 == " " || $0 == "\t" }
            )
            .enumerated() {
                if number > 0 { end() }
                if !part.isEmpty { word.append(.literal(String(part))) }
            }
        }
        end()
        guard let first = words.first else { return nil }
        // A program that a placeholder names is for the shell to find: its error messages are what people know.
        guard case .literal(let program) = first[0], first.count == 1, !shellWords.contains(program),
            !program.contains("=")
        else { return nil }
        return words
    }
}
