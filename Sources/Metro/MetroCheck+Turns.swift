internal import Failures
internal import Files

/// What goes from turn to turn, and what ends them.
extension MetroCheck {
    func turns(of station: MetroDraft.Station) -> Turns? {
        station.turns.map {
            Turns(
                count: $0.count, isOneByOne: $0.isOneByOne, feed: $0.feed?.value, until: $0.until.map(\.requirement))
        }
    }

    /// What one task may take, the time that the metro grants all included.
    func uses(of station: MetroDraft.Station) -> Uses {
        var uses = station.uses
        uses.time = uses.time ?? draft.time
        return uses
    }

    mutating func checkTurns(of number: Int) {
        checkSeed(of: number)
        guard let turns = stations[number].turns else { return }
        if let feed = turns.feed { checkFeed(feed, of: number) }
        for condition in turns.until { check(condition, of: number) }
    }

    private mutating func checkSeed(of number: Int) {
        let station = stations[number]
        guard station.seed != nil, let command = station.command else { return }
        let template = CommandTemplate(command.value)
        let isNamed = template.placeholders.contains { $0.word == "seed" }
        if isNamed || !template.mistakes.isEmpty { return }
        diagnostics.add(
            "the station “\(Shown.text(station.name.value))” has a seed, and its command does not name {seed}",
            at: command.position, fix: "write {seed} where the program takes one, or take “seed” out")
    }

    // MARK: feed

    private mutating func checkFeed(_ feed: SourceText, of number: Int) {
        let station = stations[number]
        if station.isUncertain || uncertain.contains(number) { return }
        let word = feed.value
        let vocabulary = vocabulary(of: number)
        let shown = Shown.text(word, atMost: 30)
        func isFed(_ other: String) -> Bool {
            switch (vocabulary.meaning(of: word), vocabulary.meaning(of: other)) {
            case (.takes(let fed), .takes(let named)): !Set(fed).isDisjoint(with: named)
            case (.each(let fed, _), .each(let named, let value)): fed == named && value == 0
            default: false
            }
        }
        let (taken, each) = words(of: number)
        let choices = word == "in" ? Set(taken.map(\.word)).sorted() : word == "each" ? each.map(\.name) : []
        if choices.count > 1 {
            diagnostics.add(
                "“feed: \(word)” could be any of several", at: feed.position,
                fix: "name one of them: \(choices.map { Shown.text($0, atMost: 30) }.joined(separator: ", "))")
            return
        }
        switch vocabulary.meaning(of: word) {
        case .takes where wordsOfBoth(of: number).contains(word):
            diagnostics.add(
                "“feed: \(shown)” could be the one item or all of them", at: feed.position,
                fix: "write “feed: each” for the item, “feed: in” for all")
            return
        case .takes, .each(_, value: 0): break
        case .each:
            diagnostics.add(
                "an item's second value can't be fed", at: feed.position,
                fix: "write “feed: each”: the first output takes the place of {each}")
            return
        case .output, .name, .turn, .seed, .workspace, nil:
            complain(of: feed, word, vocabulary, number)
            return
        }
        guard let command = station.command else { return }
        let template = CommandTemplate(command.value)
        if template.mistakes.isEmpty, !template.placeholders.contains(where: { isFed($0.word) }) {
            diagnostics.add(
                "“feed: \(shown)” hands each turn's output on as “\(shown)”, which the command does not name",
                at: feed.position, fix: "write {\(shown)} into the command, or feed what it names")
        }
    }

    private mutating func complain(of feed: SourceText, _ word: String, _ vocabulary: Vocabulary, _ number: Int) {
        let shown = Shown.text(word, atMost: 60)
        let (taken, each) = words(of: number)
        let words = taken.map(\.word) + each.map(\.name)
        let bare = word.filter { !"{}".contains($0) }
        let fix: String
        if words.isEmpty {
            fix = "add “in: …”, what the first turn takes; the next ones take the output of the one before"
        } else if bare != word, words.contains(bare) {
            fix = "names stand without braces here: “feed: \(Shown.text(bare))”"
        } else if let slash = word.utf8.firstIndex(of: UInt8(ascii: "/")), words.contains(String(word[..<slash])) {
            fix = "name it without what follows the “/”: “feed: \(Shown.text(String(word[..<slash])))”"
        } else if let nearest = diagnostics.nearest(to: word, among: words) {
            fix = "did you mean “\(Shown.text(nearest))”?"
        } else {
            fix = "it takes \(words.prefix(8).map { Shown.text($0, atMost: 30) }.joined(separator: ", "))"
        }
        diagnostics.add("“feed” names “\(shown)”, which the station does not take", at: feed.position, fix: fix)
    }

    // MARK: until

    private mutating func check(_ condition: MetroDraft.Condition, of number: Int) {
        switch condition.requirement {
        case .outputContains, .outputLacks:
            guard let output = outputs[number].first, output.isFolder else { return }
            diagnostics.add(
                "the first output is a folder, “\(Shown.text(stations[number].outputs[0].value))”, and only a file holds a text",
                at: condition.text.position,
                fix: "write “passes: grep -rq TEXT {out}”, or make the file the first output"
            )
        case .fileExists: checkFile(condition.text, of: "file_exists", number)
        case .value: checkFile(condition.text, of: "value_in", number)
        case .passes: checkPasses(condition.text, of: number)
        case .unchanged: break
        }
    }

    private mutating func checkFile(_ text: SourceText, of key: String, _ number: Int) {
        let name = OutputName(text.value, of: key)
        for mistake in name.mistakes {
            diagnostics.add(mistake, in: text)
        }
        if !name.mistakes.isEmpty { return }
        let path = name.path(for: "NAME")
        if name.usesName, stations[number].forEach.isEmpty {
            diagnostics.add(
                "“{name}” has no meaning in a station that runs once", at: text.position,
                fix: "it is the item's name with “for_each”; write the file's name here")
        } else if path.begins(with: "/task/") {
            diagnostics.add(
                "“\(key)” is looked for in /task", at: text.position, fix: "leave “/task/” out")
        } else if RelativePath(path) == nil || name.isFolder && key == "value_in" {
            diagnostics.add(
                "“\(Shown.text(text.value))” is no file in the task's own folder", at: text.position,
                fix: "name a file that the command writes there: “\(key): \(key == "value_in" ? "loss.txt" : "done")”")
        } else if path.utf8.contains(where: { "*?[".utf8.contains($0) }) {
            diagnostics.add(
                "“\(Shown.text(text.value))” has a wildcard, and “\(key)” names one file", at: text.position,
                fix: "write its whole name, or “passes: …” with a command that looks")
        }
    }

    private mutating func checkPasses(_ command: SourceText, of number: Int) {
        let template = CommandTemplate(command.value)
        for mistake in template.mistakes {
            diagnostics.add(mistake, in: command)
        }
        if stations[number].isUncertain || uncertain.contains(number) { return }
        let vocabulary = vocabulary(of: number)
        for placeholder in template.placeholders where vocabulary.meaning(of: placeholder.word) == nil {
            complain(of: placeholder, in: command, vocabulary, number)
        }
    }
}
