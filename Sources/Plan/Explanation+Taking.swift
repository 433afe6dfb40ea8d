internal import Failures
internal import Files
internal import Metro

/// What a station takes and makes, and what becomes of its command.
extension Explanation {
    private var template: CommandTemplate { CommandTemplate(station.command) }

    private var vocabulary: Vocabulary {
        Vocabulary(
            takes: station.takes.map { ($0.word, $0.entry) }, forEach: station.forEach.map { ($0.word, Int.max) },
            outputs: station.outputs.count, hasTurns: station.turns != nil, hasSeed: station.seed != nil,
            workspaces: station.workspaces.map(\.word))
    }

    /// The words of the command that mean it: `{in}`, `{index}`.
    private func words(where isMeant: (Vocabulary.Meaning) -> Bool) -> [String] {
        var seen = Set<String>()
        let words = template.placeholders.map(\.word).filter { word in
            vocabulary.meaning(of: word).map(isMeant) ?? false && seen.insert(word).inserted
        }
        return words.map { "{\($0)}" }
    }

    // MARK: Takes

    var taking: [String?] {
        let each = station.forEach.enumerated().map { number, taken -> String in
            let words = words { if case .each(number, _) = $0 { true } else { false } }
            let what =
                station.forEach.count == 1
                ? "Each time it takes \(item(taken))" : "Of \(Self.name(taken.description)) it takes \(item(taken))"
            return what + asWords(words) + "."
        }
        let whole = station.takes.enumerated().map { number, taken -> String in
            let words = words { if case .takes(let numbers) = $0 { numbers.contains(number) } else { false } }
            let values = number < rehearsal.values.count ? rehearsal.values[number] : []
            let isFed =
                template.placeholders.contains { $0.word == station.turns?.feed }
                && words.contains("{\(station.turns?.feed ?? "")}")
            let start =
                isFed
                ? "The first time it takes"
                : station.runsForEach || station.turns != nil ? "Each time it takes all of" : "It takes"
            return "\(start) \(source(taken, values))\(asWords(words))."
        }
        let all = each + whole
        return all.isEmpty ? ["It takes nothing."] : all
    }

    private func asWords(_ words: [String]) -> String {
        words.isEmpty ? ", which its command does not name" : ", as \(Self.list(words))"
    }

    private func item(_ taken: Taken) -> String {
        if let input = taken.input { return "one file of the input \(Self.name(input))" }
        let source = plan.stations.first { $0.id == taken.station }
        guard source?.makesMany ?? false else { return "one file that \(Self.name(taken.name)) makes" }
        return taken.patterns.isEmpty
            ? "what one task of \(Self.name(taken.name)) makes"
            : "what \(patterns(taken)) selects of what one task of \(Self.name(taken.name)) makes"
    }

    private func source(_ taken: Taken, _ values: [String]) -> String {
        if let input = input(of: taken) {
            let name = "the input \(Self.name(input.name))"
            if input.kind == .text { return "\(name), a text of \(Self.bytes(input.text?.utf8.count ?? 0))" }
            let selected = taken.patterns.isEmpty ? "" : "what \(patterns(taken)) selects of \(name)"
            guard let files = input.files else {
                let patterns = Self.list(input.patterns.map(Self.path))
                return "\(selected.isEmpty ? name : selected): \(patterns), known when the metro is packed"
            }
            let chosen = files.filter { file in taken.patterns.allSatisfy { file.matches(Glob($0)) } }
            return "\(selected.isEmpty ? name : selected): \(Self.files(chosen.map(\.shown)))"
        }
        let made = "\(Self.name(taken.name))"
        let names = values.map { $0.after("/.las/made/\(taken.name)/") ?? $0 }
        let isKnown = !names.isEmpty && !rehearsal.isGuess
        if taken.patterns.isEmpty { return "what \(made) makes" + (isKnown ? ": \(Self.files(names))" : "") }
        return "what \(patterns(taken)) selects of what \(made) makes" + (isKnown ? ": \(Self.files(names))" : "")
    }

    // MARK: Makes

    var making: String? {
        let outputs = station.outputs.map { output in
            OutputName(output).isFolder ? "the folder \(Self.path(output))" : Self.path(output)
        }
        let isMany = station.runsForEach || station.turns != nil
        var text = isMany ? "Each time it makes \(Self.list(outputs))" : "It makes \(Self.list(outputs))"
        if station.outputs.contains(where: { OutputName($0).usesName }), let first = rehearsal.firstTask {
            text += ", the first time \(Self.list(first.outputs.map { Self.path($0.path + ($0.isFolder ? "/" : "")) }))"
        }
        if let first = station.outputs.first, !template.namesOutput, !OutputName(first).isFolder {
            text += ": what the command prints is saved there"
        }
        if station.outputs.contains(where: { OutputName($0).isFolder }) { text += "; the folder is there beforehand" }
        return text + "."
    }

    // MARK: The command

    var command: [String?] {
        guard let first = rehearsal.firstTask else {
            return [
                "What its command becomes is known in the run. The metro says:", "",
                Self.indented(station.command),
            ]
        }
        let isOnly = first.id.name == station.id.name
        let who = isOnly ? "Its command" : "The command of its first task, \(Self.name(first.id.name)),"
        var guess = rehearsal.isGuess ? " What is not known before the run is called NAME here" : ""
        if !rehearsal.withOpenEnds.isEmpty {
            let stations = Self.list(rehearsal.withOpenEnds.map { Self.name($0.name) })
            guess += "\(guess.isEmpty ? "" : ".") The last turn of \(stations) is called 1 here"
        }
        if !guess.isEmpty { guess += ":" }
        switch first.command {
        case .shell(let text):
            return [
                "\(who) is run by bash, in an empty folder, and stops at the first thing that fails\(guess.isEmpty ? ":" : ".")\(guess)",
                "", Self.indented(text),
            ]
        case .direct(let words):
            return [
                "\(who) is started directly, without a shell, in an empty folder\(guess.isEmpty ? ":" : ".")\(guess)",
                "", Self.indented(CommandTemplate.Quoting.words.text(of: words)),
            ]
        }
    }

    /// What is looked at after each turn.
    var condition: [String?] {
        let commands = (rehearsal.firstTask?.until ?? []).compactMap(\.command).map { command in
            switch command {
            case .shell(let text): text
            case .direct(let words): CommandTemplate.Quoting.words.text(of: words)
            }
        }
        return commands.flatMap { command -> [String?] in
            [
                "After each turn this is run as well; exit code 0 ends the turns:", "",
                Self.indented(command),
            ]
        }
    }

    private static func bytes(_ count: Int) -> String {
        count < 2 ? Amounts.count(count, "byte") : Amount.bytes(Int64(count))
    }

    /// The command of a task that takes thousands of files is as long; its beginning tells enough.
    private static let longestCommand = 4000

    private static func indented(_ text: String) -> String {
        let more = text.unicodeScalars.count - longestCommand
        if more > 0 {
            return indented(String(text.unicodeScalars.prefix(longestCommand))) + "… and \(more) characters more"
        }
        return Shown.whole(text, keepingLines: true).split(whereSeparator: \.isNewline).map { "    " + $0 }.joined(
            separator: "\n")
    }
}
