internal import Failures
internal import Files

/// From a draft to a metro: names looked up, and every check that needs no file of the disk.
struct MetroCheck {
    struct Known {
        enum Kind { case input, station(Int), nested(Int), workspace }
        let kind: Kind
        let position: Position
    }

    let draft: MetroDraft
    let file: String
    let location: String
    var diagnostics: Diagnostics

    /// All stations of the draft in the order of the file, also those that are not enabled.
    let stations: [MetroDraft.Station]
    /// All metros on lines in the order of the file.
    let nested: [NestedDraft]
    var known: [String: Known] = [:]
    /// The names of `known`, sorted.
    private var names: [String] = []
    /// Lines by their names.
    private let lines: [String: LineAsUnit]
    /// By station.
    var takes: [[Reference]] = []
    var forEach: [[Reference]] = []
    var outputs: [[OutputName]] = []
    /// By nested metro: its offers by their paths.
    let offeredStations: [[String: Station]]
    var given: [[NestedMetro.Given]] = []
    /// Stations that take by default what a metro makes that could not be read.
    var uncertain: Set<Int> = []
    /// So what is taken by whom is not known for sure.
    var hasUnknownNames = false

    /// Bytes of a path or pattern, at most.
    static let longest = 1000

    /// - Parameter nested: the metros on the draft's lines, in the order of the file.
    init(_ draft: MetroDraft, nested: [NestedDraft], file: String, location: String, diagnostics: Diagnostics) {
        (self.draft, self.nested, self.diagnostics) = (draft, nested, diagnostics)
        (self.file, self.location) = (file, location)
        stations = draft.lines.flatMap(\.stations)
        lines = LineAsUnit.all(of: draft)
        offeredStations = nested.map { nested in
            Dictionary(
                (nested.metro?.offers ?? []).map { ($0.path, $0.station) }, uniquingKeysWith: { first, _ in first })
        }
    }

    mutating func metro() -> Metro {
        collectNames()
        checkInputs()
        checkWorkspaces()
        outputs = stations.map { $0.outputs.map { OutputName($0.value) } }
        lookUp()
        for number in stations.indices { checkOutputs(of: number) }
        for number in stations.indices { checkPatterns(of: number) }
        for number in stations.indices { checkWorkspaces(of: number) }
        for number in stations.indices { checkCommand(of: number) }
        for number in stations.indices { checkTurns(of: number) }
        for number in nested.indices { checkGiven(to: number) }
        checkCycles()
        let results = draft.results.map { lookUpResults($0) }
        checkResults(results)
        return finished(results)
    }

    private mutating func collectNames() {
        let names =
            draft.inputs.map { ($0.name, Known(kind: .input, position: $0.name.position)) }
            + draft.workspaces.map { ($0.name, Known(kind: .workspace, position: $0.name.position)) }
            + stations.enumerated().map { ($1.name, Known(kind: .station($0), position: $1.name.position)) }
            + nested.enumerated().compactMap { number, nested in
                nested.name.map { ($0, Known(kind: .nested(number), position: $0.position)) }
            }
        for (name, entry) in names.sorted(by: { $0.1.position < $1.1.position }) where !name.value.isEmpty {
            if let first = known[name.value] {
                diagnostics.add(
                    "the name “\(Shown.text(name.value))” is taken already, in line \(first.position.line)",
                    at: name.position,
                    fix: first.isNested || entry.isNested
                        ? "inputs, stations and metros on lines share their names; “as: NAME” gives a metro another one"
                        : first.isWorkspace || entry.isWorkspace
                            ? "inputs, workspaces and stations share their names; choose another one"
                            : "inputs and stations share their names; choose another one",
                    beside: .init("first given here", at: first.position))
            } else {
                known[name.value] = entry
            }
        }
        self.names = known.keys.sorted()
    }

    // MARK: Names

    /// What the stop before made, on its line.
    struct Last {
        var references: [Reference] = []
        /// A metro that could not be read.
        var isUncertain = false
    }

    private mutating func lookUp() {
        var metro = 0
        for line in draft.lines {
            var last = Last()
            for stop in line.stops {
                switch stop {
                case .station(let station):
                    lookUp(station, after: last)
                    if station.isEnabled, !station.name.value.isEmpty {
                        let made = Reference(
                            kind: .station, name: station.name.value, entry: 0, position: station.name.position)
                        last = Last(references: [made])
                    }
                case .nested(let draft):
                    lookUpGiven(to: metro, after: last)
                    if draft.isEnabled {
                        let made = offered(by: metro, at: draft.position, isDefault: true)
                        last = Last(references: made, isUncertain: nested[metro].metro == nil)
                    }
                    metro += 1
                }
            }
        }
    }

    private mutating func lookUp(_ station: MetroDraft.Station, after last: Last) {
        let each = station.forEach.enumerated().flatMap { entry, text in
            single(references(text, entry: entry, isEnabled: station.isEnabled), text)
        }
        forEach.append(toldApart(each))
        if let given = station.takes {
            takes.append(
                given.enumerated().flatMap { references($1, entry: $0, isEnabled: station.isEnabled) })
        } else {
            takes.append(station.forEach.isEmpty ? last.references.map { $0.moved(to: station.name.position) } : [])
            if station.forEach.isEmpty, last.isUncertain { uncertain.insert(forEach.count - 1) }
        }
        checkTwice(forEach[forEach.count - 1])
    }

    private mutating func checkTwice(_ references: [Reference]) {
        var seen = Set<String>()
        for reference in references where !seen.insert(reference.word).inserted {
            diagnostics.add(
                "“for_each” names “\(reference.word)” twice", at: reference.position,
                fix: "name it once; {in} can take it too")
        }
    }

    /// `name` or `name/pattern`; what it is not is told.
    ///
    /// - Parameters:
    ///   - entry: its number in `in` or `for_each`.
    ///   - isEnabled: whether what takes it is.
    /// - Returns: none where it is told; several where it stands for several stations.
    mutating func references(_ text: SourceText, entry: Int, isEnabled: Bool) -> [Reference] {
        let parts = text.value.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let name = parts[0]
        let rest = parts.count == 2 && !parts[1].isEmpty ? parts[1] : nil
        let unit: Known.Kind
        if let known = known[name] {
            unit = known.kind
        } else if let line = lines[name] {
            guard let last = isEnabled ? line.lastEnabled : line.last else {
                diagnostics.add(
                    "nothing on the line “\(name)” is enabled, so there is nothing of it to take", at: text.position,
                    fix: "take “enabled: no” out in line \(line.position.line) and below, or take something else",
                    beside: .init("the line", at: line.position))
                return []
            }
            unit = last
        } else {
            hasUnknownNames = true
            if nested.contains(where: { $0.name == nil }) { return [] }
            diagnostics.add(
                "there is no input and no station “\(Shown.text(name))”", at: text.position,
                fix: suggestion(for: name, in: text.value))
            return []
        }
        if let rest, rest.utf8.count > Self.longest || rest.pathNames.contains("..") || rest.begins(with: "/") {
            diagnostics.add(
                "“\(Shown.text(text.value))” leaves what “\(name)” holds", at: text.position,
                fix: "name what lies in it")
            return []
        }
        let patterns = rest.map { [$0] } ?? []
        switch unit {
        case .input:
            return [Reference(kind: .input, name: name, patterns: patterns, entry: entry, position: text.position)]
        case .workspace:
            hasUnknownNames = true
            complain(ofWorkspace: name, at: text.position)
            return []
        case .station(let other):
            guard checkEnabled(name, stations[other].isEnabled || !isEnabled, at: text.position) else { return [] }
            return [
                Reference(
                    kind: .station, name: stations[other].name.value, patterns: patterns, word: name, entry: entry,
                    position: text.position)
            ]
        case .nested(let other):
            guard checkEnabled(name, nested[other].draft.isEnabled || !isEnabled, at: text.position) else { return [] }
            return offered(by: other, rest, word: name, entry: entry, at: text.position)
        }
    }

    private mutating func checkEnabled(_ name: String, _ isEnabled: Bool, at position: Position) -> Bool {
        if isEnabled { return true }
        let place = known[name]?.position ?? lines[name]?.position ?? position
        diagnostics.add(
            "“\(name)” is not enabled, so there is nothing of it to take", at: position,
            fix: "take “enabled: no” out in line \(place.line) and below, or take something else",
            beside: .init("not enabled", at: place))
        return false
    }

    private mutating func suggestion(for name: String, in text: String) -> String? {
        if diagnostics.isFull { return nil }
        let bare = name.filter { !"{}".contains($0) }
        if bare != name, known[bare] != nil { return "names stand without braces here: “\(bare)”" }
        let parts = text.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
        if parts.count > 1, parts.allSatisfy({ known[$0] != nil }) {
            return "several stand in a list, with commas: “[\(parts.joined(separator: ", "))]”"
        }
        if let maker = stations.first(where: { $0.outputs.contains { $0.value == text } }) {
            return "“\(maker.name.value)” makes it: write “\(maker.name.value)/\(Shown.text(text))”"
        }
        if let nearest = diagnostics.nearest(to: name, among: names + lines.keys.sorted()) {
            return "did you mean “\(nearest)”?"
        }
        if name.contains("*") || text.split(separator: "/").last?.contains(".") ?? false, !text.hasPrefix("{") {
            return "files are declared under “inputs” with a name, and taken by that name"
        }
        if names.isEmpty { return "declare it under “inputs”" }
        return
            "there is \(names.prefix(8).map { Shown.text($0, atMost: 30) }.joined(separator: ", "))\(names.count > 8 ? ", …" : ""); declare a file under “inputs”"
    }

    // MARK: The whole

    private func finished(_ results: [Reference]?) -> Metro {
        var (station, metro) = (0, 0)
        var lines: [Line] = []
        for line in draft.lines {
            var stops: [Stop] = []
            for stop in line.stops {
                switch stop {
                case .station(let draft):
                    stops.append(.station(finished(draft, station)))
                    station += 1
                case .nested(let draft):
                    if let nested = finished(draft, metro) { stops.append(.nested(nested)) }
                    metro += 1
                }
            }
            lines.append(Line(name: line.name, stops: stops, isEnabled: line.isEnabled, comments: line.comments))
        }
        let stops = lines.flatMap(\.stops)
        return Metro(
            file: file, name: draft.name, about: draft.about, needs: draft.needs, inputs: draft.inputs,
            workspaces: draft.workspaces,
            lines: lines,
            results: results, offers: Offer.all(of: stops, results: results),
            inputUses: InputUse.all(of: draft.inputs, by: stops), location: location)
    }

    private func finished(_ station: MetroDraft.Station, _ number: Int) -> Station {
        let nothing = SourceText("", pieces: [.init(offset: 0, position: station.name.position, isVerbatim: false)])
        return Station(
            name: station.name, line: station.line, takes: takes[number], forEach: forEach[number],
            command: station.command ?? nothing, outputs: station.outputs.map { Located($0.value, at: $0.position) },
            kinds: station.kinds.map { Located($0.value, at: $0.position) }, uses: uses(of: station),
            variables: draft.variables.merging(station.variables) { $1 }, needs: station.needs,
            isEnabled: station.isEnabled, comments: station.comments, turns: turns(of: station),
            retry: station.retry ?? draft.retry ?? 0, usesNetwork: station.usesNetwork ?? draft.usesNetwork ?? false,
            secrets: station.secrets, isWritable: station.isWritable, label: station.label,
            keepsMade: station.keepsMade,
            seed: station.seed, workspaces: station.workspaces)
    }

    private func finished(_ draft: MetroDraft.Nested, _ number: Int) -> NestedMetro? {
        guard let metro = nested[number].metro, let name = nested[number].name else { return nil }
        return NestedMetro(
            name: name, line: draft.line, metro: metro, given: given[number], isEnabled: draft.isEnabled,
            comments: draft.comments)
    }
}
