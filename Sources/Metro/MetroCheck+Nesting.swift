internal import Failures
internal import Files

/// A metro on a line, with the metro that its file holds.
struct NestedDraft {
    let draft: MetroDraft.Nested
    /// `as`, or the metro's own name made fit; nil where neither is known.
    let name: Located<String>?
    /// nil for one with mistakes, which are told of its own file.
    let metro: Metro?
}

/// What a line stands for when something takes it by its name.
struct LineAsUnit {
    let position: Position
    var last: MetroCheck.Known.Kind?
    var lastEnabled: MetroCheck.Known.Kind?

    /// By the lines' names; those without a stop stand for nothing.
    static func all(of draft: MetroDraft) -> [String: LineAsUnit] {
        var lines: [String: LineAsUnit] = [:]
        var (station, nested) = (0, 0)
        for line in draft.lines {
            var unit = LineAsUnit(position: line.name.position)
            for stop in line.stops {
                let isEnabled: Bool
                switch stop {
                case .station(let draft):
                    unit.last = .station(station)
                    isEnabled = draft.isEnabled
                    station += 1
                case .nested(let draft):
                    unit.last = .nested(nested)
                    isEnabled = draft.isEnabled
                    nested += 1
                }
                if isEnabled { unit.lastEnabled = unit.last }
            }
            if unit.last != nil { lines[line.name.value] = unit }
        }
        return lines
    }
}

extension MetroCheck {
    /// What a station makes that is taken: one of this metro, or one of a metro in it.
    struct Made {
        let name: String
        let texts: [String]
        let outputs: [OutputName]
        let kinds: [String]
        /// Whether it has several tasks, one for each item, or turns that are all kept.
        let makesMany: Bool
    }

    /// - Returns: nil for an input.
    func made(by reference: Reference) -> Made? {
        guard reference.kind == .station else { return nil }
        guard let path = reference.name.after(reference.unit + "/") else {
            guard case .station(let number)? = known[reference.name]?.kind else { return nil }
            let station = stations[number]
            return Made(
                name: reference.name, texts: station.outputs.map(\.value), outputs: outputs[number],
                kinds: station.kinds.map(\.value), makesMany: station.makesMany)
        }
        guard case .nested(let number)? = known[reference.unit]?.kind, let station = offeredStations[number][path]
        else { return nil }
        return Made(
            name: reference.name, texts: station.outputs.map(\.value),
            outputs: station.outputs.map { OutputName($0.value) }, kinds: station.kinds.map(\.value),
            makesMany: station.makesMany)
    }

    // MARK: What a nested metro has

    /// What `qc`, `qc/STATION` and `qc/STATION/*.x` stand for; what is not there is told.
    ///
    /// - Parameters:
    ///   - rest: what follows the metro's name.
    ///   - word: what stands for it in commands; nil for the metro's name.
    ///   - isDefault: nobody has asked for it.
    mutating func offered(
        by number: Int, _ rest: String? = nil, word: String? = nil, entry: Int = 0, at position: Position,
        isDefault: Bool = false
    ) -> [Reference] {
        guard let metro = nested[number].metro, let name = nested[number].name?.value else {
            hasUnknownNames = true
            return []
        }
        let found = Self.found(rest, among: metro.offers)
        if found.isEmpty {
            if !isDefault { complain(of: rest, name, metro, at: position) }
            return []
        }
        return found.map { path, patterns in
            Reference(
                kind: .station, name: "\(name)/\(path)", patterns: patterns, word: word ?? name, entry: entry,
                position: position)
        }
    }

    /// An offer's path whole, the folder of some, or more than one: then a pattern.
    private static func found(_ rest: String?, among offers: [Offer]) -> [(path: String, patterns: [String])] {
        guard let rest else { return offers.map { ($0.path, $0.patterns) } }
        let folder = rest.ends(with: "/") ? rest : rest + "/"
        let inside = offers.filter { ($0.path + "/").begins(with: folder) }
        if !inside.isEmpty { return inside.map { ($0.path, $0.patterns) } }
        return offers.compactMap { offer in
            rest.after(offer.path + "/").map { (offer.path, offer.patterns + [$0]) }
        }
    }

    private mutating func complain(of rest: String?, _ name: String, _ metro: Metro, at position: Position) {
        let offers = Self.names(of: metro.offers)
        guard let rest else {
            diagnostics.add(
                "“\(name)” has nothing to take: no station of \(Shown.text(metro.file, atMost: 200)) is enabled",
                at: position,
                fix: "take something else")
            return
        }
        let shown = Shown.text(rest)
        let list = offers.prefix(8).map { "“\(name)/\(Shown.text($0, atMost: 60))”" }.joined(separator: ", ")
        let isThere = metro.stops.contains { $0.name.value == rest.pathNames.first }
        let nearest = diagnostics.nearest(to: rest, among: offers)
        let fix: String
        if isThere {
            fix = "add it to “results” of \(Shown.text(metro.file, atMost: 200)); there is \(list)"
        } else if rest.contains(where: { "*?[".contains($0) }) || rest.contains("."), offers.count == 1 {
            fix = "a file stands after its station: “\(name)/\(Shown.text(offers[0], atMost: 60))/\(shown)”"
        } else if let nearest {
            fix = "did you mean “\(name)/\(Shown.text(nearest, atMost: 60))”?"
        } else {
            fix = "there is \(list)\(offers.count > 8 ? ", …" : "")"
        }
        diagnostics.add(
            isThere
                ? "“\(shown)” is none of the results of “\(name)”" : "“\(name)” has no result “\(shown)”", at: position,
            fix: fix)
    }

    private static func names(of offers: [Offer]) -> [String] {
        var seen = Set<String>()
        return offers.map(\.path).filter { seen.insert($0).inserted }
    }

    // MARK: for_each

    /// What `for_each` names is one thing.
    mutating func single(_ references: [Reference], _ text: SourceText) -> [Reference] {
        if references.count < 2 { return references }
        let names = references.map { "“\(Shown.text($0.shownName, atMost: 60))”" }
        diagnostics.add(
            "“\(Shown.text(text.value))” has \(references.count) results, and “for_each” goes through one",
            at: text.position,
            fix: "name one of them: \(names.prefix(8).joined(separator: ", "))\(names.count > 8 ? ", …" : "")")
        hasUnknownNames = true
        return []
    }

    /// Several results of one nested metro that go together have words of their own: `{qc_left}` and `{qc_right}`.
    func toldApart(_ references: [Reference]) -> [Reference] {
        let words = Dictionary(references.map { ($0.word, 1) }, uniquingKeysWith: +)
        return references.map { reference in
            guard words[reference.word, default: 0] > 1, reference.unit != reference.name else { return reference }
            return Reference(
                kind: reference.kind, name: reference.name, patterns: reference.patterns,
                word: reference.name.pathNames.joined(separator: "_"), entry: reference.entry,
                position: reference.position)
        }
    }
}

extension MetroCheck.Known {
    var isNested: Bool { if case .nested = kind { true } else { false } }
    var isWorkspace: Bool { if case .workspace = kind { true } else { false } }
}

extension Reference {
    /// The station, or the nested metro, of its own metro that it takes something of.
    package var unit: String { name.pathNames.first ?? name }

    /// As the metro would say it.
    var shownName: String { ([name] + patterns).joined(separator: "/") }

    func moved(to position: Position) -> Reference {
        Reference(kind: kind, name: name, patterns: patterns, word: word, entry: entry, position: position)
    }
}

extension Offer {
    /// - Parameter results: what the metro says; nil for what none of its stops takes.
    static func all(of stops: [Stop], results: [Reference]?) -> [Offer] {
        var all: [(path: String, offers: [Offer])] = []
        for stop in stops where stop.isEnabled {
            switch stop {
            case .station(let station):
                all.append((station.name.value, [Offer(path: station.name.value, patterns: [], station: station)]))
            case .nested(let nested):
                for offer in nested.metro.offers {
                    let path = "\(nested.name.value)/\(offer.path)"
                    all.append((path, [Offer(path: path, patterns: offer.patterns, station: offer.station)]))
                }
            }
        }
        guard let results else {
            let taken = Set(stops.filter(\.isEnabled).flatMap(\.sources).map(\.name))
            return all.filter { !taken.contains($0.path) }.flatMap(\.offers)
        }
        let stations = Dictionary(
            all.flatMap(\.offers).map { ($0.path, $0.station) }, uniquingKeysWith: { first, _ in first })
        return results.compactMap { result in
            stations[result.name].map { Offer(path: result.name, patterns: result.patterns, station: $0) }
        }
    }
}

extension Stop {
    /// All that it takes something of.
    package var sources: [Reference] {
        switch self {
        case .station(let station): station.takes + station.forEach
        case .nested(let nested): nested.given.flatMap(\.references)
        }
    }
}
