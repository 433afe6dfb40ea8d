internal import Failures
internal import Files

extension MetroCheck {
    // MARK: Outputs

    mutating func checkOutputs(of number: Int) {
        let station = stations[number]
        if station.outputs.count > 1000 {
            diagnostics.add(
                "“out” names \(station.outputs.count) outputs", at: station.outputs[0].position,
                fix: "name a folder for that many: “out: parts/”")
            return
        }
        checkKinds(of: number)
        var seen: [String: Position] = [:]
        for (text, output) in zip(station.outputs, outputs[number]) {
            for mistake in output.mistakes {
                diagnostics.add(mistake, in: text)
            }
            let path = output.path(for: "NAME")
            let shown = Shown.text(text.value)
            let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            if path.isEmpty || path.begins(with: "/") || path.begins(with: "~/") || parts.contains("..") {
                diagnostics.add(
                    "the output “\(shown)” lies outside the task's own folder", at: text.position,
                    fix: "name a file or a folder in it: “out: table.csv”, “out: tables/”")
            } else if path.count > 1, parts.contains("") {
                diagnostics.add(
                    "“\(shown)” is no name for an output", at: text.position,
                    fix: "one “/” is enough between the names: “\(Shown.text(path.pathNames.joined(separator: "/")))”")
            } else if text.isPlain, path.holds(", ") {
                let names = text.value.split(separator: ",").map { $0.drop { $0 == " " } }
                diagnostics.add(
                    "“\(shown)” names one file with a comma in it", at: text.position,
                    fix:
                        "several stand in a list: “[\(Shown.text(names.joined(separator: ", ")))]”; if the comma is meant, put it into quotes"
                )
            } else if let word = Self.variable(in: text.value) {
                diagnostics.add(
                    "“\(word)” is not replaced in “out”", at: text.position,
                    fix:
                        "name a file or a folder in the task's own folder: “out: table.csv”; “{name}” is the item's name"
                )
            } else if path == "." || parts.contains(".") || parts.contains("") {
                diagnostics.add(
                    "“\(shown)” is no name for an output", at: text.position,
                    fix: "name a folder for everything that the command makes: “out: all/”, and let it write to {out}")
            } else if path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
                || parts.contains(where: { $0.utf8.count > 255 })
            {
                diagnostics.add(
                    "“\(shown)” is no name for an output", at: text.position,
                    fix: "a name has at most 255 bytes, on one line")
            } else if path.contains(where: { "*?[".contains($0) }) {
                diagnostics.add(
                    "the output “\(shown)” has a wildcard, and outputs are known beforehand", at: text.position,
                    fix:
                        "name a folder, “out: parts/”, and let the command write into {out}; others can take “\(Shown.text(station.name.value))/*.txt” of it"
                )
            } else if let first = seen[path] {
                diagnostics.add(
                    "“\(shown)” stands twice in “out”", at: text.position, fix: "name each output once",
                    beside: .init("first given here", at: first))
            } else {
                seen[path] = text.position
            }
            if output.usesName, station.forEach.isEmpty, !station.isUncertain {
                diagnostics.add(
                    "“{name}” has no meaning in a station that runs once", at: text.position,
                    fix: "it is the item's name with “for_each”; write the file's name here")
            }
        }
    }

    /// What a shell would replace: `$HOME`, `${x}`.
    static func variable(in text: String) -> String? {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return nil }
        if text.holds("${") { return "${…}" }
        return ["HOME", "PWD", "USER", "TMP", "TMPDIR", "OUT", "out", "in", "name", "each"].map { "$" + $0 }.first {
            word in
            text == word || text.holds(word + "/") || text.holds(word + ".")
        }
    }

    /// `makes`, beside what the outputs' own names say.
    private mutating func checkKinds(of number: Int) {
        let station = stations[number]
        guard let first = station.kinds.first else { return }
        if station.kinds.count != station.outputs.count {
            diagnostics.add(
                "“makes” names \(station.kinds.count == 1 ? "one kind" : "\(station.kinds.count) kinds"), and “out” has \(station.outputs.count) outputs",
                at: first.position, fix: "name a kind for each, in the same order: “makes: [bam, bai]”")
            return
        }
        for (kind, output) in zip(station.kinds, outputs[number]) {
            let isKind = kind.value.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_.".unicodeScalars.contains($0)
            }
            if !isKind || kind.value.hasPrefix(".") || kind.value.utf8.count > 50 {
                diagnostics.add(
                    "“\(Shown.text(kind.value))” is no kind of file", at: kind.position,
                    fix: "write the ending that such files have, without its dot: “makes: bam”")
                continue
            }
            let name = output.path(for: "x").pathNames.last ?? ""
            let endings = [name, Glob.withoutCompression(name)]
            if output.isFolder || Glob.stem(of: name) == name
                || endings.contains(where: { $0.ends(with: "." + kind.value) })
            {
                continue
            }
            diagnostics.add(
                "“makes” says \(kind.value), and the output's name ends with “\(Shown.text(String(name.dropFirst(Glob.stem(of: name).count))))”",
                at: kind.position, fix: "change one of them, or take “makes” out")
        }
    }

    // MARK: Patterns

    /// That what a pattern selects of a station can be there.
    mutating func checkPatterns(of number: Int) {
        for reference in takes[number] + forEach[number] { checkPattern(reference) }
    }

    mutating func checkPattern(_ reference: Reference) {
        if reference.patterns.isEmpty { return }
        guard let made = made(by: reference), !made.outputs.isEmpty, made.outputs.count <= 100,
            !made.outputs.contains(where: \.isFolder)
        else { return }
        let globs = reference.patterns.map { Glob($0) }
        if made.outputs.contains(where: { output in globs.allSatisfy { output.mayMatch($0) } }) { return }
        let pattern = reference.patterns[reference.patterns.count - 1]
        let nearest = diagnostics.nearest(to: pattern, among: made.texts)
        let list = made.texts.prefix(8).map { Shown.text($0, atMost: 40) }.joined(separator: ", ")
        diagnostics.add(
            "“\(Shown.text(reference.name))” makes nothing that “\(Shown.text(reference.patterns.joined(separator: "” and “")))” selects",
            at: reference.position,
            fix: nearest.map { "did you mean “\(reference.name)/\(Shown.text($0))”?" } ?? "it makes \(list)")
    }

    /// How many values an item of a `for_each` has.
    func values(of reference: Reference) -> Int {
        guard let made = made(by: reference), made.makesMany else { return 1 }
        if reference.patterns.isEmpty { return max(1, made.outputs.count) }
        // What lies in a folder is known when it has run.
        if made.outputs.count > 100 || made.outputs.contains(where: \.isFolder) { return 1000 }
        let globs = reference.patterns.map { Glob($0) }
        return max(1, made.outputs.count { output in globs.allSatisfy { output.mayMatch($0) } })
    }

    // MARK: Commands

    /// What the station takes whole, and what it runs for each of, by their words. A name that could not be looked up is told
    /// already; what comes of it is no mistake of its own.
    func words(
        of number: Int
    ) -> (taken: [(word: String, entry: Int)], each: [(name: String, values: Int)]) {
        let station = stations[number]
        func name(_ text: SourceText) -> String { text.value.pathNames.first ?? "" }
        let taken =
            station.takes.map { $0.enumerated().map { (name($1), $0) } } ?? takes[number].map { ($0.word, $0.entry) }
        let isKnown = forEach[number].count == station.forEach.count
        return (
            taken,
            isKnown ? forEach[number].map { ($0.word, values(of: $0)) } : station.forEach.map { (name($0), 1000) }
        )
    }

    func vocabulary(of number: Int) -> Vocabulary {
        let (taken, each) = words(of: number)
        let station = stations[number]
        return Vocabulary(
            takes: taken, forEach: each, outputs: station.outputs.count, hasTurns: station.turns != nil,
            hasSeed: station.seed != nil, workspaces: station.workspaces.map(\.name.value))
    }

    /// Words that could mean the one item or all of them.
    func wordsOfBoth(of number: Int) -> Set<String> {
        let (taken, each) = words(of: number)
        return Set(taken.map(\.word)).intersection(each.map(\.name))
    }

    mutating func checkCommand(of number: Int) {
        let station = stations[number]
        guard let command = station.command else { return }
        let template = CommandTemplate(command.value)
        for mistake in template.mistakes {
            let more = mistake.isOfTheEnd && command.isCut
            diagnostics.add(
                mistake, in: command,
                more: more ? "; without quotes “ #” ends a text, so put such a command below “command: |”" : "")
        }
        let vocabulary = vocabulary(of: number)
        let both = wordsOfBoth(of: number)
        for placeholder in template.placeholders {
            if vocabulary.meaning(of: placeholder.word) == nil {
                if !station.isUncertain, !uncertain.contains(number) {
                    complain(of: placeholder, in: command, vocabulary, number)
                }
            } else if both.contains(placeholder.word) {
                diagnostics.add(
                    "“{\(placeholder.word)}” could be the one item or all of them",
                    at: command.position(of: placeholder),
                    fix: "write “{each}” for the item, “{in}” for all")
            }
        }
        checkSuspects(of: number, command, template)
        guard !template.namesOutput, let first = outputs[number].first, template.mistakes.isEmpty else { return }
        let path = first.path(for: "")
        if first.isFolder, !command.value.holds(path) {
            diagnostics.add(
                "the command does not write to “\(Shown.text(path))/”, which the station says it makes",
                at: command.position,
                fix: "let it write to {out}, which is that folder")
        } else if !first.isFolder, !first.usesName, template.redirects(to: path) {
            diagnostics.add(
                "the command writes “\(Shown.text(path))” by its name, and what it prints would be saved over that",
                at: command.position,
                fix: "write {out} in its place, or print the result and leave the “>” out")
        }
    }

    /// What other programs call it.
    static let others = [
        "input": "in", "inputs": "in", "output": "out", "outputs": "out", "item": "each", "file": "each",
        "sample": "name", "id": "name", "stem": "name", "basename": "name", "iteration": "turn", "i": "turn",
    ]

    /// `in1`, `in-1`, `in_01`: `in_1`.
    private static func numbered(_ word: String) -> String? {
        let digits = word.reversed().prefix { $0.isASCII && $0.isNumber }.reversed()
        guard let number = Int(String(digits)), number > 0 else { return nil }
        let stem = String(word.dropLast(digits.count).filter { $0 != "-" && $0 != "_" })
        return ["in", "out", "each"].contains(stem) ? "\(stem)_\(number)" : nil
    }

    mutating func complain(
        of placeholder: CommandTemplate.Placeholder, in command: SourceText, _ vocabulary: Vocabulary, _ number: Int
    ) {
        let word = placeholder.word
        if diagnostics.isFull { return diagnostics.add("“{\(word)}” is no placeholder here", at: command.position) }
        let shown = Shown.text(word, atMost: 30)
        let doubled = "for the text itself double the braces: “{{\(shown)}}”"
        let (stem, count) = Vocabulary.numbered(word) ?? (word, 1)
        let station = stations[number]
        let (message, fix): (String, String)
        switch stem {
        case "each" where station.forEach.isEmpty:
            (message, fix) = (
                "“{\(shown)}” has no meaning in a station that runs once",
                "add “for_each: …”, or take what it needs by “in” and write {in}"
            )
        case "name" where word == "name" && station.forEach.isEmpty:
            (message, fix) = (
                "“{name}” has no meaning in a station that runs once", "it is the item's name with “for_each”"
            )
        case "turn" where word == "turn":
            (message, fix) = (
                "“{turn}” has no meaning in a station without turns",
                "add “repeat: N”, or “until: …” with “at_most: N”"
            )
        case "seed" where word == "seed":
            (message, fix) = ("“{seed}” has no meaning in a station without a seed", "add “seed: yes”")
        case "each" where forEach[number].count > 1:
            var seen = Set<String>()
            let words = forEach[number].map { "{\($0.word)}" }.filter { seen.insert($0).inserted }
            // Twice the same is told already.
            if words.count == 1 { return }
            let names = words.joined(separator: " and ")
            (message, fix) = ("“{\(shown)}” could be any of several", "write \(names)")
        case "each":
            (message, fix) = (
                "an item here has no value number \(count)",
                "it has \(forEach[number].first.map { values(of: $0) } ?? 0): {each}"
            )
        case "in" where takes[number].isEmpty:
            (message, fix) = (
                "“{\(shown)}” stands for nothing: the station takes nothing by “in”",
                station.forEach.isEmpty ? "add “in: …”" : "the item is {each}; add “in: …” for what every item needs"
            )
        case "in":
            (message, fix) = (
                "“in” has no entry number \(count)",
                "it has \((takes[number].last?.entry ?? -1) + 1); “in: [a, b]” takes several"
            )
        case "out":
            if station.hasUnknownOutputs { return }
            (message, fix) = (
                "“out” has no entry number \(count)",
                "it has \(station.outputs.count); “out: [a.txt, b.txt]” makes several"
            )
        default:
            let parts = forEach[number].map(\.word).filter { $0.begins(with: word + "_") }
            if parts.count > 1 {
                (message, fix) = (
                    "“{\(shown)}” could be any of several",
                    "write \(parts.map { "{\(Shown.text($0, atMost: 60))}" }.joined(separator: " or "))"
                )
            } else if word == station.name.value {
                (message, fix) = (
                    "“{\(shown)}” is this station itself",
                    "what it makes is {out}; what it takes is {in}, or {each} with “for_each”"
                )
            } else if let meant = Self.numbered(word), vocabulary.meaning(of: meant) != nil {
                (message, fix) = ("“{\(shown)}” is no placeholder here", "did you mean “{\(meant)}”? \(doubled)")
            } else if let meant = Self.others[word], vocabulary.meaning(of: meant) != nil {
                (message, fix) = ("“{\(shown)}” is no placeholder here", "las calls it “{\(meant)}”; \(doubled)")
            } else if known[word]?.isWorkspace ?? false {
                (message, fix) = (
                    "the station does not use the workspace “\(shown)”, so “{\(shown)}” is not there for it",
                    "add “workspaces: \(shown)”"
                )
            } else if known[word] != nil {
                (message, fix) = (
                    "the station does not take “\(shown)”, so “{\(shown)}” is not there for it",
                    "add it: “in: \(shown)”, or “in: [a, b]” for several"
                )
            } else if let nearest = diagnostics.nearest(to: word, among: vocabulary.words) {
                (message, fix) = ("“{\(shown)}” is no placeholder here", "did you mean “{\(nearest)}”? \(doubled)")
            } else {
                let words = vocabulary.words.prefix(8).map { "{\(Shown.text($0, atMost: 30))}" }.joined(separator: ", ")
                (message, fix) = ("“{\(shown)}” is no placeholder here", "\(doubled); placeholders here are \(words)")
            }
        }
        diagnostics.add(message, at: command.position(of: placeholder), fix: fix)
    }
}

extension CommandTemplate {
    /// Whether it says `> path` literally.
    fileprivate func redirects(to path: String) -> Bool {
        for case .literal(let text) in pieces {
            let bytes = Array(text.utf8)
            for start in bytes.indices where bytes[start] == UInt8(ascii: ">") {
                let word = bytes[(start + 1)...].drop { " >".utf8.contains($0) }.prefix { !" \n;&|)".utf8.contains($0) }
                if word.elementsEqual(path.utf8) { return true }
            }
        }
        return false
    }
}
