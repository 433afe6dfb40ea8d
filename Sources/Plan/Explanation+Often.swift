internal import Failures
internal import Metro

/// Where a station stands, how often it runs, and why.
extension Explanation {
    var place: String {
        let names = station.line.pathNames
        let line = Self.name(names.last ?? "")
        if names.count < 2 { return "\(Self.name(station.id.name)) is a station of the line \(line)." }
        let metro = names.dropLast().joined(separator: "/")
        return "\(Self.name(station.id.name)) is a station of the line \(line) of the metro \(Self.name(metro))."
    }

    var often: String {
        guard station.runsForEach else {
            guard let turns = station.turns else {
                return "It runs once: it says neither “for_each” nor “repeat” nor “until”."
            }
            return "It runs \(times(turns))"
        }
        let each = station.forEach.map { Self.name($0.description) }
        let why = "because of “for_each: \(forEachText)”"
        var text: String
        if station.forEach.count == 1 {
            text = "It runs once for each \(unit(station.forEach[0])), \(why)"
        } else {
            text = "It goes through \(Self.list(each)) together, and runs once for each pair of the same name, \(why)"
        }
        if let items = rehearsal.items {
            let shown = items.prefix(6).map(Self.path).joined(separator: ", ") + (items.count > 6 ? ", …" : "")
            text += ": \(items.count == 1 ? "once" : "\(items.count) times")" + (shown.isEmpty ? "." : " (\(shown)).")
        } else {
            text += "; how many there are is known \(whenKnown)."
        }
        text += leftOut
        if let turns = station.turns { text += "\nFor each of them it runs \(times(turns))" }
        return text
    }

    private var forEachText: String {
        // In a metro on a line its own name for what it is given.
        let isNested = station.line.utf8.contains(UInt8(ascii: "/"))
        let texts = station.forEach.map { taken in
            Shown.text(
                isNested ? ([taken.word] + taken.patterns).joined(separator: "/") : taken.description, atMost: 200)
        }
        return texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
    }

    private var whenKnown: String {
        if rehearsal.areItemsKnownWhenPacked { return "when the metro is packed" }
        if station.forEach.contains(where: { input(of: $0)?.valid?.passes != nil }) {
            return "when all files were looked at in the run"
        }
        let sources = station.forEach.compactMap(\.station).map { Self.name($0.name) }
        return sources.isEmpty ? "in the run" : "when \(Self.list(sources)) has run"
    }

    /// "file of the input “reads”", "task of “align”".
    private func unit(_ taken: Taken) -> String {
        let selected = taken.patterns.isEmpty ? "" : " that \(patterns(taken)) selects"
        if let input = taken.input { return "file\(selected) of the input \(Self.name(input))" }
        let source = plan.stations.first { $0.id == taken.station }
        if source?.makesMany ?? false { return "task of \(Self.name(taken.name))" }
        return selected.isEmpty
            ? "file that \(Self.name(taken.name)) makes" : "file\(selected) of what \(Self.name(taken.name)) makes"
    }

    func patterns(_ taken: Taken) -> String { Self.list(taken.patterns.map { Self.name($0) }) }

    func input(of taken: Taken) -> PlannedInput? {
        taken.input.flatMap { name in plan.inputs.first { $0.name == name } }
    }

    private var leftOut: String {
        station.forEach.compactMap { input(of: $0) }.filter { !$0.leftOut.isEmpty }.map { input in
            let reasons = input.leftOut.prefix(3).map { "\(Self.path($0.path)) \($0.reason)" }.joined(separator: ", ")
            let all = (input.files?.count ?? 0) + input.leftOut.count
            let verb = input.leftOut.count == 1 ? "is" : "are"
            return "\n\(input.leftOut.count) of \(Amounts.count(all, "file")) \(verb) left out: \(reasons)"
                + (input.leftOut.count > 3 ? ", …." : ".")
        }.joined()
    }

    /// "10 times, side by side, because of “repeat: 10”."
    private func times(_ turns: Turns) -> String {
        let count = turns.count == 1 ? "once" : "\(turns.count) times"
        let fed =
            turns.feed.map {
                " A turn's first output takes the place of {\(Shown.text($0))} in the next one, because of “feed: \(Shown.text($0))”; all else stays."
            } ?? ""
        if !turns.until.isEmpty {
            return "again and again, one turn after another, until \(Self.list(turns.until.map(\.words)))."
                + " There may be \(turns.count) of these turns, because of “at_most: \(turns.count)”; after that the station fails."
                + fed + " What the last turn makes is what the station makes."
        }
        if turns.feed != nil {
            return "\(count), one turn after another, because of “repeat: \(turns.count)”.\(fed)"
                + " What the last turn makes is what the station makes."
        }
        return turns.isOneByOne
            ? "\(count), one turn after another, because of “repeat: \(turns.count)” and “one_by_one: yes”. What all turns make is kept."
            : "\(count), because of “repeat: \(turns.count)”; turns may run side by side. What all turns make is kept."
    }
}
