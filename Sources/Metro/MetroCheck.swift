internal import Failures
internal import Files

/// From a draft to a metro: names looked up, and every check that needs no file of the disk.
struct MetroCheck {
    struct Known {
        enum Kind { case input, station(Int) }
        let kind: Kind
        let position: Position
    }

    let draft: MetroDraft
    let file: String
    var diagnostics: Diagnostics

    /// All stations of the draft in the order of the file, also those that are not enabled.
    let stations: [MetroDraft.Station]
    var known: [String: Known] = [:]
    /// The names of `known`, sorted.
    private var names: [String] = []
    /// By station.
    var takes: [[Reference]] = []
    var forEach: [[Reference]] = []
    var outputs: [[OutputName]] = []
    /// So what is taken by whom is not known for sure.
    var hasUnknownNames = false

    /// Bytes of a path or pattern, at most.
    static let longest = 1000

    init(_ draft: MetroDraft, file: String, diagnostics: Diagnostics) {
        (self.draft, self.file, self.diagnostics) = (draft, file, diagnostics)
        stations = draft.lines.flatMap(\.stations)
    }

    mutating func metro() -> Metro {
        collectNames()
        checkInputs()
        outputs = stations.map { $0.outputs.map { OutputName($0.value) } }
        lookUp()
        for number in stations.indices { checkOutputs(of: number) }
        for number in stations.indices { checkPatterns(of: number) }
        for number in stations.indices { checkCommand(of: number) }
        for number in stations.indices { checkTurns(of: number) }
        checkCycles()
        let results = draft.results.map { lookUpResults($0) }
        checkResults(results)
        return finished(results)
    }

    private mutating func collectNames() {
        let names =
            draft.inputs.map { ($0.name, Known(kind: .input, position: $0.name.position)) }
            + stations.enumerated().map { ($1.name, Known(kind: .station($0), position: $1.name.position)) }
        for (name, entry) in names where !name.value.isEmpty {
            if let first = known[name.value] {
                let (earlier, later) =
                    first.position < name.position ? (first.position, name.position) : (name.position, first.position)
                diagnostics.add(
                    "the name “\(Shown.text(name.value))” is taken already, in line \(earlier.line)", at: later,
                    fix: "inputs and stations share their names; choose another one")
            } else {
                known[name.value] = entry
            }
        }
        self.names = known.keys.sorted()
    }

    // MARK: Names

    private mutating func lookUp() {
        var before: [Int?] = []
        var number = 0
        for line in draft.lines {
            var last: Int?
            for station in line.stations {
                before.append(last)
                if station.isEnabled { last = number }
                number += 1
            }
        }
        for (number, station) in stations.enumerated() {
            forEach.append(station.forEach.compactMap { reference($0, from: number) })
            if let given = station.takes {
                takes.append(given.compactMap { reference($0, from: number) })
            } else if station.forEach.isEmpty, let last = before[number], !stations[last].name.value.isEmpty {
                takes.append([
                    Reference(
                        kind: .station, name: stations[last].name.value, pattern: nil, position: station.name.position)
                ])
            } else {
                takes.append([])
            }
            checkTwice(forEach[number])
        }
    }

    private mutating func checkTwice(_ references: [Reference]) {
        var seen = Set<String>()
        for reference in references where !seen.insert(reference.name).inserted {
            diagnostics.add(
                "“for_each” names “\(reference.name)” twice", at: reference.position,
                fix: "name it once; {in} can take it too")
        }
    }

    /// `name` or `name/pattern`; what it is not is told.
    mutating func reference(_ text: SourceText, from number: Int?) -> Reference? {
        let parts = text.value.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let name = parts[0]
        let pattern = parts.count == 2 && !parts[1].isEmpty ? parts[1] : nil
        guard let entry = known[name] else {
            hasUnknownNames = true
            diagnostics.add(
                "there is no input and no station “\(Shown.text(name))”", at: text.position,
                fix: suggestion(for: name, in: text.value))
            return nil
        }
        if let pattern,
            pattern.utf8.count > Self.longest || pattern.pathNames.contains("..") || pattern.begins(with: "/")
        {
            diagnostics.add(
                "“\(Shown.text(text.value))” leaves what “\(name)” holds", at: text.position,
                fix: "name what lies in it")
            return nil
        }
        guard case .station(let other) = entry.kind else {
            return Reference(kind: .input, name: name, pattern: pattern, position: text.position)
        }
        if !stations[other].isEnabled, number.map({ stations[$0].isEnabled }) ?? true {
            diagnostics.add(
                "“\(name)” is not enabled, so there is nothing of it to take", at: text.position,
                fix: "take “enabled: no” out in line \(entry.position.line) and below, or take something else")
            return nil
        }
        return Reference(kind: .station, name: name, pattern: pattern, position: text.position)
    }

    private mutating func suggestion(for name: String, in text: String) -> String? {
        if diagnostics.isFull { return nil }
        let bare = name.filter { !"{}".contains($0) }
        if bare != name, known[bare] != nil { return "names stand without braces here: “\(bare)”" }
        if let nearest = diagnostics.nearest(to: name, among: names) { return "did you mean “\(nearest)”?" }
        if name.contains("*") || text.split(separator: "/").last?.contains(".") ?? false, !text.hasPrefix("{") {
            return "files are declared under “inputs” with a name, and taken by that name"
        }
        if names.isEmpty { return "declare it under “inputs”" }
        return
            "there is \(names.prefix(8).map { Shown.text($0, atMost: 30) }.joined(separator: ", "))\(names.count > 8 ? ", …" : ""); declare a file under “inputs”"
    }

    // MARK: The whole

    private func finished(_ results: [Reference]?) -> Metro {
        var number = 0
        var lines: [Line] = []
        for line in draft.lines {
            var made: [Station] = []
            for station in line.stations {
                made.append(
                    Station(
                        name: station.name, line: station.line, takes: takes[number], forEach: forEach[number],
                        command: station.command
                            ?? SourceText(
                                "", pieces: [.init(offset: 0, position: station.name.position, isVerbatim: false)]),
                        outputs: station.outputs.map { Located($0.value, at: $0.position) }, uses: uses(of: station),
                        variables: draft.variables.merging(station.variables) { $1 }, needs: station.needs,
                        isEnabled: station.isEnabled, comments: station.comments, turns: turns(of: station),
                        retry: station.retry ?? draft.retry ?? 0, usesNetwork: station.usesNetwork,
                        seed: station.seed))
                number += 1
            }
            lines.append(Line(name: line.name, stations: made))
        }
        return Metro(
            file: file, name: draft.name, about: draft.about, needs: draft.needs, inputs: draft.inputs, lines: lines,
            results: results)
    }
}
