internal import Failures

/// `repeat`, `one_by_one`, `feed`, `until`, `at_most`, and how they go together.
extension MetroReading {
    mutating func turns(_ members: [String: YAMLNode]) -> MetroDraft.Turns? {
        let given = Given(members)
        check(given)
        let times = given.times.flatMap { turnCount($0, of: "repeat") }
        let most = given.most.flatMap { turnCount($0, of: "at_most") }
        let isOneByOne = given.order.flatMap { flag($0, of: "one_by_one") }
        let feed = given.feed.flatMap { text($0, of: "feed") }
        let until = given.until.map { requirements($0) }
        if isOneByOne == false, let order = given.order, given.feed != nil || given.until != nil {
            diagnostics.add(
                given.feed != nil
                    ? "turns that feed each other can't run side by side"
                    : "each turn of a station with “until” waits for the one before",
                at: order.position, fix: "take “one_by_one: no” out")
        }
        guard given.times != nil || given.until != nil else { return nil }
        return MetroDraft.Turns(
            count: times ?? most ?? 1, isOneByOne: isOneByOne ?? false, feed: feed, until: until ?? [])
    }

    private struct Given {
        let times, order, feed, until, most: YAMLNode?

        init(_ members: [String: YAMLNode]) {
            (times, order, feed) = (members["repeat"], members["one_by_one"], members["feed"])
            (until, most) = (members["until"], members["at_most"])
        }
    }

    private mutating func check(_ given: Given) {
        if let until = given.until {
            if given.times != nil {
                diagnostics.add(
                    "“repeat” says how many turns there are, and “until” that it depends", at: until.position,
                    fix: given.most == nil
                        ? "keep one of them; with “until” write “at_most: N” in the place of “repeat: N”"
                        : "take “repeat” out: “at_most” says how many turns there may be")
            } else if given.most == nil {
                diagnostics.add(
                    "“until” without “at_most” might never end", at: until.position,
                    fix: "add “at_most: 100”, or how many turns there may be")
            }
        } else if let most = given.most {
            diagnostics.add(
                "“at_most” goes with “until”, which is not there", at: most.position,
                fix: given.times == nil
                    ? "add “until: …”, or write “repeat: N” for a fixed number of turns"
                    : "take it out: “repeat” says how many turns there are")
        }
        guard given.times == nil, given.until == nil else { return }
        if let feed = given.feed {
            diagnostics.add(
                "“feed” hands an output on to the next turn, and there are no turns", at: feed.position,
                fix: "add “repeat: N”, or “until: …” with “at_most: N”")
        } else if let order = given.order {
            diagnostics.add(
                "“one_by_one” says in which order turns run, and there are no turns", at: order.position,
                fix: "add “repeat: N”, or take it out; tasks of a “for_each” always run side by side")
        }
    }

    private mutating func turnCount(_ node: YAMLNode, of key: String) -> Int? {
        if case .text(let text, _) = node.content, text.value == "0" {
            diagnostics.add(
                "“\(key): 0” would never run the command", at: node.position,
                fix: "write a number from 1 on; “enabled: no” leaves a station out")
            return nil
        }
        guard let count = count(node, of: key, in: Key.turns.lowerBound...Int.max) else { return nil }
        if Key.turns.contains(count) { return count }
        diagnostics.add(
            "“\(key)” is at most \(Turns.largestCount), and not \(count)", at: node.position,
            fix: "let the command do several turns at once")
        return nil
    }

    // MARK: until

    /// A group of requirements, a list of such groups, or the word `unchanged`: all must hold.
    private mutating func requirements(_ node: YAMLNode) -> [MetroDraft.Condition] {
        if node.isRefused { return [] }
        let before = diagnostics.total
        let parts = if case .list(let items) = node.content { items } else { [node] }
        var all: [MetroDraft.Condition] = []
        for part in parts { all += requirement(part) }
        if all.isEmpty, diagnostics.total == before {
            diagnostics.add("“until” asks for nothing", at: node.position, fix: Self.examples)
        }
        return all
    }

    private static let examples =
        "write what must hold: “until: { value_in: loss.txt, below: 0.1 }”, “until: unchanged”"

    private mutating func requirement(_ node: YAMLNode) -> [MetroDraft.Condition] {
        if case .text(let text, _) = node.content, text.value == "unchanged" {
            return [.init(requirement: .unchanged, text: text)]
        }
        guard case .map = node.content, !isBareBrace(node) else {
            if node.isRefused { return [] }
            diagnostics.add(
                "“until” is a group of keys, and this is \(node.kind)", at: node.position,
                fix: Self.examples)
            return []
        }
        guard let members = members(of: node, Keys.until) else { return [] }
        var found: [MetroDraft.Condition] = []
        func add(_ text: SourceText, _ value: Requirement) { found.append(.init(requirement: value, text: text)) }
        for text in members["output_contains"].map({ texts($0, of: "output_contains") }) ?? [] {
            add(text, .outputContains(text.value))
        }
        for text in members["output_lacks"].map({ texts($0, of: "output_lacks") }) ?? [] {
            add(text, .outputLacks(text.value))
        }
        for text in members["file_exists"].map({ texts($0, of: "file_exists") }) ?? [] {
            add(text, .fileExists(text.value))
        }
        if let node = members["unchanged"], let isAsked = flag(node, of: "unchanged"),
            case .text(let text, _) = node.content
        {
            if isAsked {
                add(text, .unchanged)
            } else {
                diagnostics.add(
                    "“unchanged: no” asks for nothing", at: node.position,
                    fix: "take it out; turns go on for as long as something else does not hold")
            }
        }
        found += bounds(members)
        if let node = members["passes"], let text = command(node, of: "passes") { add(text, .passes(text.value)) }
        return found
    }

    /// `value_in` and what is said of the value.
    private mutating func bounds(_ members: [String: YAMLNode]) -> [MetroDraft.Condition] {
        let kinds: [(key: String, bound: (Double) -> Requirement.Bound)] = [
            ("below", Requirement.Bound.below), ("above", Requirement.Bound.above),
            ("equals", Requirement.Bound.equals),
        ]
        let given = kinds.compactMap { kind in members[kind.key].map { (kind.key, kind.bound, $0) } }
        guard let node = members["value_in"] else {
            for (key, _, node) in given {
                diagnostics.add(
                    "“\(key)” is said of a value, and there is no “value_in”", at: node.position,
                    fix: "add “value_in: FILE”, the file that holds the number")
            }
            return []
        }
        let file = text(node, of: "value_in")
        if given.isEmpty {
            diagnostics.add(
                "“value_in” does not say what the value must be", at: node.position,
                fix: "add “below: 0.1”, “above: 0.9” or “equals: 0” beside it")
        }
        var found: [MetroDraft.Condition] = []
        for (key, bound, node) in given {
            guard let number = number(node, of: key), let file else { continue }
            found.append(.init(requirement: .value(in: file.value, bound(number)), text: file))
        }
        return found
    }

    private mutating func number(_ node: YAMLNode, of key: String) -> Double? {
        guard let text = text(node, of: key) else { return nil }
        if let number = Number.read(text.value) { return number }
        let pointed = String(text.value.map { $0 == "," ? "." : $0 })
        diagnostics.add(
            "“\(key)” is a number, and not “\(Shown.text(text.value))”", at: text.position,
            fix: Number.read(pointed) == nil
                ? "write it as 0.1, 250 or 1e-6; “output_contains” looks for a text"
                : "write it with a point: \(pointed)")
        return nil
    }

    // MARK: retry, seed, network

    mutating func retries(_ node: YAMLNode) -> Int? {
        guard let count = count(node, of: "retry", in: Key.retries.lowerBound...100_000) else { return nil }
        if Key.retries.contains(count) { return count }
        diagnostics.add(
            "“retry” is at most \(Key.retries.upperBound), and not \(count)", at: node.position,
            fix: "a task that fails so often needs a look")
        return nil
    }

    /// The metro's own, for a command that takes one.
    func seed(for station: MetroDraft.Station) -> Seed? {
        guard let seed, let command = station.command else { return nil }
        return CommandTemplate(command.value).placeholders.contains { $0.word == "seed" } ? seed : nil
    }

    mutating func seed(_ node: YAMLNode) -> Seed? {
        guard let text = text(node, of: "seed") else { return nil }
        switch text.value.lowercased() {
        case "yes", "true", "on": return Seed()
        case "no", "false", "off": return nil
        default:
            if text.value.utf8.count <= 18, text.value.utf8.allSatisfy({ (48...57).contains($0) }),
                let base = Int(text.value)
            {
                return Seed(base: base)
            }
            diagnostics.add(
                "“seed” is yes, or a whole number, and not “\(Shown.text(text.value))”", at: text.position,
                fix: "“seed: yes” gives each task a {seed} of its own, “seed: 42” other ones for each number")
            return Seed()
        }
    }
}
