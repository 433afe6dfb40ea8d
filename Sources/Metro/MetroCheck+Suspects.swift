internal import Failures
internal import Files

/// What is no placeholder, and was most likely meant as one.
extension MetroCheck {
    mutating func checkSuspects(of number: Int, _ command: SourceText, _ template: CommandTemplate) {
        let station = stations[number]
        if template.suspects.isEmpty || station.isUncertain || uncertain.contains(number) { return }
        let vocabulary = vocabulary(of: number)
        var told = Set<String>()
        for suspect in template.suspects {
            let meaning = vocabulary.meaning(of: suspect.word)
            let text = String(
                decoding: command.value.utf8.dropFirst(suspect.offset).prefix(suspect.length), as: UTF8.self)
            guard told.insert(text).inserted, let (message, fix) = objection(to: suspect, text, meaning, number) else {
                continue
            }
            diagnostics.add(message, at: command.position(at: suspect.offset, length: suspect.length), fix: fix)
        }
    }

    private func objection(
        to suspect: Suspect, _ text: String, _ meaning: Vocabulary.Meaning?, _ number: Int
    ) -> (message: String, fix: String)? {
        let shown = Shown.text(text, atMost: 40)
        let doubled = "for the text itself double the braces"
        switch suspect.kind {
        case .dotted:
            guard meaning != nil || Self.others[suspect.word] != nil || Self.groups.contains(suspect.word) else {
                return nil
            }
            let fix =
                Self.groups.contains(suspect.word)
                ? "the item's name is {name}, with “for_each”; \(doubled)"
                : "a placeholder is one word: \(Self.meant(by: suspect)); \(doubled)"
            return ("“\(shown)” is no placeholder", fix)
        case .spaced where meaning != nil:
            return (
                "“\(shown)” is no placeholder: it has spaces in it", "write “{\(suspect.word)}”; \(doubled)"
            )
        case .doubled where meaning != nil:
            return (
                "“\(shown)” stands for the text “{\(suspect.word)}”, and not for a value",
                "write “{\(suspect.word)}” for the value; put it into quotes, '{{\(suspect.word)}}', if the text is meant"
            )
        case .variable where meaning != nil && !isSet(suspect.word, number):
            return (
                "“\(shown)” is a variable of the shell, and nothing sets it",
                "las puts values in for “{\(suspect.word)}”"
            )
        case .variableOfActions:
            let word = meaning == nil ? Self.others[suspect.word] ?? suspect.word : suspect.word
            return ("“\(shown)” is how GitHub Actions names a value", "las puts values in for “{\(word)}”")
        case .valueOfWDL where meaning != nil:
            return ("“\(shown)” is how WDL names a value", "las puts values in for “{\(suspect.word)}”")
        case .written:
            switch meaning {
            case .takes, .each: break
            default: return nil
            }
            return (
                "the command writes into “\(shown)”, and what a station takes can't be changed",
                "write into {out}, or into a file of the task's own folder"
            )
        default: return nil
        }
    }

    /// What Snakemake and its like keep values in.
    private static let groups: Set<String> = ["wildcards", "params", "config", "resources", "meta", "sample", "task"]

    private static func meant(by suspect: Suspect) -> String {
        let word = others[suspect.word] ?? suspect.word
        let digits = suspect.rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
        guard suspect.rest.hasPrefix("["), let index = Int(digits), ["in", "out", "each"].contains(word) else {
            return "{\(word)}"
        }
        return "{\(word)_\(index + 1)}"
    }

    /// Whether the command, or `env`, gives the shell's variable a value.
    private func isSet(_ word: String, _ number: Int) -> Bool {
        let text = stations[number].command?.value ?? ""
        return stations[number].variables[word] != nil || draft.variables[word] != nil
            || [word + "=", "for \(word) ", "read ", "mapfile ", "getopts ", "select \(word) ", "source ", ". "]
                .contains {
                    text.holds($0)
                }
    }
}
