internal import Metro

/// A metro where it is used: the outermost one, or one on a line of another, with what is given to its inputs there.
struct MetroUse {
    /// `qc`, `qc/trim`; empty for the outermost.
    let path: String
    let metro: Metro
    /// By the input's name; one that is not here is what the metro's own file says.
    let given: [String: Given]
    /// Inputs that are given what an input of a metro around stands for, and have conditions of their own for it.
    let filtered: [Filtered]
    private let texts: Set<String>

    init(path: String, metro: Metro, given: [String: Given] = [:], filtered: [Filtered] = []) {
        (self.path, self.metro, self.given, self.filtered) = (path, metro, given, filtered)
        texts = Set(metro.inputs.filter(\.isText).map(\.name.value))
    }

    enum Given {
        /// An input by its whole name.
        case input(String, patterns: [String], isText: Bool)
        case made([(station: StationID, patterns: [String])])
    }

    struct Filtered {
        /// Its whole name: `qc/reads`.
        let name: String
        /// The whole name of the input that it is given.
        let base: String
        let patterns: [String]
        let input: Input
        /// Where it is given.
        let file: String
        let position: Position
    }

    /// The whole name of an input or a station.
    func name(_ own: String) -> String { path.isEmpty ? own : "\(path)/\(own)" }

    /// All uses of metros, each after the one that it stands in. Metros that are not enabled are not used.
    static func all(of metro: Metro) -> [MetroUse] {
        var uses: [MetroUse] = []
        MetroUse(path: "", metro: metro).collect(into: &uses)
        return uses
    }

    /// As deep as metros may stand in each other, which the reader has seen to.
    private func collect(into uses: inout [MetroUse]) {
        uses.append(self)
        for nested in metro.nested { use(of: nested).collect(into: &uses) }
    }

    private func use(of nested: NestedMetro) -> MetroUse {
        let path = name(nested.name.value)
        let inputs = Dictionary(
            nested.metro.inputs.map { ($0.name.value, $0) }, uniquingKeysWith: { first, _ in first })
        var given: [String: Given] = [:]
        var filtered: [Filtered] = []
        for entry in nested.given {
            guard let input = inputs[entry.input.value], let first = entry.references.first else { continue }
            let own = entry.input.value
            switch resolved(entry.references) {
            case .input(let base, let patterns, false) where !input.valid.isEmpty:
                let name = "\(path)/\(own)"
                filtered.append(
                    Filtered(
                        name: name, base: base, patterns: patterns, input: input, file: metro.file,
                        position: first.position))
                given[own] = .input(name, patterns: [], isText: false)
            case let what: given[own] = what
            }
        }
        return MetroUse(path: path, metro: nested.metro, given: given, filtered: filtered)
    }

    /// What references of this metro stand for: one input, or stations.
    private func resolved(_ references: [Reference]) -> Given {
        var made: [(station: StationID, patterns: [String])] = []
        for reference in references {
            switch reference.kind {
            case .station: made.append((StationID(name(reference.name)), reference.patterns))
            case .input:
                switch given[reference.name] {
                case nil:
                    return .input(
                        name(reference.name), patterns: reference.patterns, isText: texts.contains(reference.name))
                case .input(let base, let patterns, let isText)?:
                    return .input(base, patterns: patterns + reference.patterns, isText: isText)
                case .made(let stations)?:
                    made += stations.map { ($0.station, $0.patterns + reference.patterns) }
                }
            }
        }
        return .made(made)
    }

    /// What a reference of this metro takes.
    func taken(_ reference: Reference) -> [Taken] {
        func taken(_ source: Taken.Source, _ patterns: [String]) -> Taken {
            Taken(source, patterns: patterns, word: reference.word, entry: reference.entry)
        }
        switch resolved([reference]) {
        case .input(let name, let patterns, _): return [taken(.input(name), patterns)]
        case .made(let stations): return stations.map { taken(.station($0.station), $0.patterns) }
        }
    }
}

extension Input {
    fileprivate var isText: Bool { if case .text = source { true } else { false } }
}

/// A station where its metro is used.
struct PlacedStation {
    let station: Station
    /// The number of its metro's use.
    let use: Int

    /// All stations that are enabled, each after all that it takes something of, else in the order of the files.
    static func ordered(_ uses: [MetroUse]) -> [PlacedStation] {
        let numbers = Dictionary(uses.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
        var placed: [PlacedStation] = []
        func place(_ use: Int) {
            for stop in ordered(uses[use].metro.stops) {
                switch stop {
                case .station(let station): placed.append(PlacedStation(station: station, use: use))
                case .nested(let nested):
                    if let number = numbers[uses[use].name(nested.name.value)] { place(number) }
                }
            }
        }
        place(0)
        return placed
    }

    private static func ordered(_ stops: [Stop]) -> [Stop] {
        let numbers = Dictionary(
            stops.enumerated().map { ($1.name.value, $0) }, uniquingKeysWith: { first, _ in first })
        let sources = stops.map { stop in
            stop.sources.filter { $0.kind == .station }.compactMap { numbers[$0.unit] }
        }
        var order: [Stop] = []
        var isPlaced = Array(repeating: false, count: stops.count)
        for start in stops.indices where !isPlaced[start] {
            var path: [(stop: Int, next: Int)] = [(start, 0)]
            isPlaced[start] = true
            while let (stop, next) = path.last {
                if next == sources[stop].count {
                    order.append(stops[stop])
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let source = sources[stop][next]
                if !isPlaced[source] {
                    isPlaced[source] = true
                    path.append((source, 0))
                }
            }
        }
        return order
    }
}
