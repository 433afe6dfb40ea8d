internal import Files
internal import Metro

/// How a plan would go up to a station's first task, if every command made just what its station says: what can be told of a
/// task before anything runs.
///
/// Where only the run shows a name, `NAME` stands for it.
struct Rehearsal {
    /// The station's items by name, as far as they are known before the run.
    private(set) var items: [String]?
    /// They are known once the files of all inputs are.
    private(set) var areItemsKnownWhenPacked = false
    /// nil where what the station takes can't be foreseen.
    private(set) var firstTask: PlannedTask?
    /// What each of the station's `in` stands for in its first task, as paths that the task sees.
    private(set) var values: [[String]] = []
    /// Some of the names are invented.
    private(set) var isGuess = false
    /// Stations whose number of turns only the run shows, and that the task takes of: their first one is taken for the last.
    private(set) var withOpenEnds: [StationID] = []

    private static let mostSteps = 200_000

    /// What stands for a name.
    fileprivate static func unknown(_ number: Int = 0) -> String { number == 0 ? "NAME" : "NAME\(number + 1)" }

    /// A path that a pattern may select.
    fileprivate static func example(of pattern: String, _ number: Int = 0) -> String {
        var text = ""
        var rest = Substring(pattern)
        while let first = rest.popFirst() {
            switch first {
            case "*":
                rest = rest.drop { $0 == "*" }
                text += unknown(number)
            case "?": text += "X"
            case "[" where rest.contains("]"):
                text += String(rest.first ?? "X")
                rest = rest.drop { $0 != "]" }.dropFirst()
            default: text.append(first)
            }
        }
        return text
    }

    init(_ plan: Plan, upTo id: StationID) {
        let part = plan.part(leadingTo: id)
        let assumed = part.assumingInputs
        guard var graph = try? TaskGraph(assumed), let number = graph.stations.indices.last else { return }
        if !part.isChecked(id) {
            let known = graph.items(of: number)
            areItemsKnownWhenPacked = known != nil
            if part.knowsAllInputs { items = known }
        }
        var hasInvented = zip(part.inputs, assumed.inputs).contains { input, assumed in
            input.files == nil && (assumed.files ?? []).contains { $0.path.holds(Self.unknown()) }
        }
        let patterns = part.patternsOfFolders
        var steps = 0
        while steps < Self.mostSteps {
            let tasks = graph.takeReady()
            if let first = tasks.first(where: { $0.station == id }) {
                firstTask = first
                values = graph.stations[number].values
                let isUnknown = items == nil && !graph.stations[number].forEach.isEmpty
                isGuess = isUnknown || (hasInvented && first.names(Self.unknown(), values))
                let until = part.stations.filter { $0.turns?.until.isEmpty == false && $0.id != id }.map(\.id)
                withOpenEnds = until.filter { station in
                    first.reads.contains { $0 == station.name || $0.begins(with: station.name + "/") }
                }
                return
            }
            if tasks.isEmpty { return }
            for task in tasks {
                let files = task.inventedFiles(for: patterns[task.station] ?? [])
                hasInvented = hasInvented || !files.isEmpty
                let made =
                    task.outputs.map { MadeFile(path: $0.path, isFolder: $0.isFolder) }
                    + files.map { MadeFile(path: $0, isFolder: false) }
                do { try graph.finished(task.id, made: made, turn: .init(unmet: nil)) } catch { return }
                steps += 1
            }
        }
    }
}

extension TaskGraph {
    fileprivate func items(of number: Int) -> [String]? {
        stations[number].tasks.map { range in
            range.map { tasks[$0].item }.filter { $0.turn ?? 1 == 1 }.map(\.name)
        }
    }
}

extension Plan {
    /// The station and all that lead to it; it stands last.
    fileprivate func part(leadingTo id: StationID) -> Plan {
        let sources = Dictionary(
            stations.map { ($0.id, ($0.takes + $0.forEach).compactMap(\.station)) },
            uniquingKeysWith: { first, _ in first })
        var leading: Set<StationID> = [id]
        var waiting = [id]
        while let next = waiting.popLast() {
            for source in sources[next] ?? [] where leading.insert(source).inserted { waiting.append(source) }
        }
        let kept = stations.filter { leading.contains($0.id) && $0.id != id } + stations.filter { $0.id == id }
        var names = Set(kept.flatMap { $0.takes + $0.forEach }.compactMap(\.input))
        for input in inputs.reversed() where names.contains(input.name) {
            if let base = input.base { names.insert(base.input) }
        }
        return Plan(
            metro: metro, environments: environments, inputs: inputs.filter { names.contains($0.name) },
            metros: metros, stations: kept, results: [])
    }

    /// Whether a command looks in the run at what the station goes through.
    fileprivate func isChecked(_ id: StationID) -> Bool {
        let names = Set((stations.first { $0.id == id }?.forEach ?? []).compactMap(\.input))
        return inputs.contains { names.contains($0.name) && $0.valid?.passes != nil }
    }

    /// With files for the inputs that have none yet, and with all of them valid.
    fileprivate var assumingInputs: Plan {
        var plan = self
        plan.inputs = inputs.map { input in
            let files = input.files ?? input.patterns.enumerated().map { PlannedFile(assumed: $1, $0, of: input) }
            return PlannedInput(
                name: input.name, kind: input.kind, patterns: input.patterns, files: files, text: input.text,
                environments: input.environments, base: input.base, valid: input.valid, scripts: input.scripts)
        }
        return plan
    }
}

extension PlannedFile {
    /// A file that the input's pattern of that number would select.
    fileprivate init(assumed pattern: String, _ number: Int, of input: PlannedInput) {
        let path = Rehearsal.example(of: (try? WebAddress(pattern))?.fileName ?? pattern, number)
        let stem = Glob.stem(of: File.name(of: path))
        let isUnpacked = input.unpacks == true
        let inside = isUnpacked ? Rehearsal.unknown(number) : File.name(of: path)
        self.init(
            name: isUnpacked || path != pattern || !ItemName.isSafe(stem) ? Rehearsal.unknown(number) : stem,
            path: input.kind == .image ? path : "/.las/inputs/\(input.name)/\(inside)")
    }
}

extension Plan {
    /// By which patterns others select among what each station made; nil for one that goes through all of it.
    fileprivate var patternsOfFolders: [StationID: Set<String?>] {
        var patterns: [StationID: Set<String?>] = [:]
        for station in stations {
            for taken in station.takes + station.forEach {
                guard let id = taken.station else { continue }
                if let pattern = taken.patterns.last {
                    patterns[id, default: []].insert(pattern)
                } else if station.forEach.contains(taken) {
                    patterns[id, default: []].insert(nil)
                }
            }
        }
        return patterns
    }
}

extension PlannedTask {
    /// Files in a folder that it makes, one for each pattern by which others select what lies there.
    fileprivate func inventedFiles(for patterns: Set<String?>) -> [String] {
        guard let folder = outputs.first(where: \.isFolder)?.path else { return [] }
        return patterns.compactMap { pattern -> String? in
            guard let pattern else { return "\(folder)/\(Rehearsal.unknown())" }
            let glob = Glob(pattern)
            if outputs.contains(where: { glob.matches($0.path) }) { return nil }
            let file = Rehearsal.example(of: pattern)
            return file.begins(with: folder + "/") ? file : "\(folder)/\(file)"
        }.sorted()
    }

    /// Whether a text stands in its command, or in what it takes.
    fileprivate func names(_ name: String, _ values: [[String]]) -> Bool {
        let text =
            switch command {
            case .shell(let text): text
            case .direct(let words): words.joined(separator: " ")
            }
        return text.holds(name) || values.contains { $0.contains { $0.holds(name) } }
    }
}
