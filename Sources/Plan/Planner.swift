internal import Files
package import Metro

/// A metro and the files of its inputs to a plan: pure.
package enum Planner {
    /// - Throws: what only the files show: items without a partner, two items of one name.
    package static func plan(_ metro: Metro, files: InputFiles) throws(MetroFailure) -> Plan {
        let stations = ordered(metro.stations)
        let environments = Environments(metro)
        let results = results(of: metro)
        let plan = Plan(
            metro: metro.name.value, about: metro.about, environments: environments.list,
            inputs: metro.inputs.map { planned($0, files, environments, stations) }, scripts: files.scripts,
            stations: stations.map { planned($0, environments) }, results: results,
            notes: notes(metro, files, results))
        if plan.knowsAllInputs { try check(plan, metro) }
        return plan
    }

    /// A station after all that it takes something of, else in the order of the file.
    private static func ordered(_ stations: [Station]) -> [Station] {
        let numbers = Dictionary(
            stations.enumerated().map { ($1.name.value, $0) }, uniquingKeysWith: { first, _ in first })
        let sources = stations.map { station in
            (station.takes + station.forEach).filter { $0.kind == .station }.compactMap { numbers[$0.name] }
        }
        var order: [Station] = []
        var isPlaced = Array(repeating: false, count: stations.count)
        for start in stations.indices where !isPlaced[start] {
            var path: [(station: Int, next: Int)] = [(start, 0)]
            isPlaced[start] = true
            while let (station, next) = path.last {
                if next == sources[station].count {
                    order.append(stations[station])
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let source = sources[station][next]
                if !isPlaced[source] {
                    isPlaced[source] = true
                    path.append((source, 0))
                }
            }
        }
        return order
    }

    private static func planned(_ station: Station, _ environments: Environments) -> PlannedStation {
        func taken(_ reference: Reference) -> Taken {
            let source: Taken.Source =
                switch reference.kind {
                case .input: .input(reference.name)
                case .station: .station(StationID(reference.name))
                }
            return Taken(source, pattern: reference.pattern)
        }
        let uses = station.uses
        return PlannedStation(
            id: StationID(station.name.value), line: station.line, environment: environments.of(station),
            takes: station.takes.map(taken), forEach: station.forEach.map(taken), command: station.command.value,
            outputs: station.outputs.map(\.value),
            uses: Resources(cpus: uses.cpus, memory: uses.memory, gpus: uses.gpus, time: uses.time),
            variables: station.variables, turns: station.turns, seed: station.seed, retry: station.retry,
            usesNetwork: station.usesNetwork)
    }

    // MARK: Inputs

    private static func planned(
        _ input: Input, _ files: InputFiles, _ environments: Environments, _ stations: [Station]
    ) -> PlannedInput {
        let name = input.name.value
        let valid = input.valid.isEmpty ? nil : input.valid
        let takers = stations.filter { station in
            (station.takes + station.forEach).contains { $0.kind == .input && $0.name == name }
        }
        let checkedIn = input.valid.passes == nil ? nil : takers.first.map { environments.of($0) }
        switch input.source {
        case .text(let text):
            return PlannedInput(
                name: name, kind: .text, files: [PlannedFile(name: name, path: "/.las/inputs/\(name)/\(name).txt")],
                text: text.value)
        case .image(let pattern):
            let places = Set(takers.map { environments.of($0) }).sorted()
            return PlannedInput(
                name: name, kind: .image, patterns: [pattern.value], files: places.isEmpty ? [] : nil,
                environments: places, valid: valid, checkedIn: checkedIn)
        case .files(let patterns):
            let texts = patterns.map(\.value)
            if files.unknown.contains(name) {
                return PlannedInput(
                    name: name, kind: .files, patterns: texts, files: nil, valid: valid, checkedIn: checkedIn)
            }
            let folder = commonFolder(of: texts.filter { !WebAddress.isMeant(by: $0) })
            let planned = (files.found[name] ?? []).map { file in
                if let elsewhere = file.elsewhere {
                    return PlannedFile(
                        name: ItemName.safe(elsewhere.name), path: "/.las/inputs/\(name)/\(elsewhere.place)",
                        contents: file.contents, origin: elsewhere.origin)
                }
                let inside = file.path.pathNames.dropFirst(folder.count).joined(separator: "/")
                return PlannedFile(
                    name: ItemName.safe(Glob(file.pattern).itemName(of: file.path) ?? Glob.stem(of: inside)),
                    path: "/.las/inputs/\(name)/\(inside)", source: file.path, contents: file.contents)
            }
            return PlannedInput(
                name: name, kind: .files, patterns: texts, files: planned, valid: valid, checkedIn: checkedIn,
                leftOut: files.leftOut[name] ?? [])
        }
    }

    /// The folder that all patterns share before their wildcards: what lies below it keeps its neighbours.
    private static func commonFolder(of patterns: [String]) -> [String] {
        let folders = patterns.map { Glob($0).folder.filter { $0 != "." } }
        guard var common = folders.first else { return [] }
        for folder in folders.dropFirst() { common = zip(common, folder).prefix { $0 == $1 }.map(\.0) }
        return common
    }

    // MARK: Results and notes

    private static func results(of metro: Metro) -> [PlannedResult] {
        if let results = metro.results {
            return results.map { PlannedResult(station: StationID($0.name), pattern: $0.pattern) }
        }
        let taken = Set(metro.stations.flatMap { $0.takes + $0.forEach }.map(\.name))
        return metro.stations.filter { !taken.contains($0.name.value) }
            .map { PlannedResult(station: StationID($0.name.value)) }
    }

    private static func notes(_ metro: Metro, _ files: InputFiles, _ results: [PlannedResult]) -> [String] {
        var notes: [String] = []
        for input in metro.inputs {
            let name = input.name.value
            let leftOut = files.leftOut[name] ?? []
            if !leftOut.isEmpty { notes.append(Plan.note(of: leftOut, name, kept: files.found[name]?.count ?? 0)) }
        }
        let taken = Set(metro.stations.flatMap { $0.takes + $0.forEach }.map(\.name))
        for input in metro.inputs where !taken.contains(input.name.value) {
            notes.append("no station takes the input “\(input.name.value)”")
        }
        // A station that leads to no result works for nothing.
        let stations = Dictionary(metro.stations.map { ($0.name.value, $0) }, uniquingKeysWith: { first, _ in first })
        var useful = Set<String>()
        var waiting = results.map(\.station.name)
        while let name = waiting.popLast() {
            guard useful.insert(name).inserted, let station = stations[name] else { continue }
            waiting += (station.takes + station.forEach).map(\.name)
        }
        for station in metro.stations where !useful.contains(station.name.value) {
            notes.append("what the station “\(station.name.value)” makes leads to no result")
        }
        return notes
    }

    // MARK: What only the files show

    private static func check(_ plan: Plan, _ metro: Metro) throws(MetroFailure) {
        var failures: [PlanFailure] = []
        do throws(PlanFailure) { _ = try TaskGraph(plan, failures: &failures) } catch { failures.append(error) }
        if failures.isEmpty { return }
        let places = Dictionary(
            metro.stations.map { ($0.name.value, $0.forEach.first?.position ?? $0.name.position) },
            uniquingKeysWith: { first, _ in first })
        throw MetroFailure(
            failures.map { failure in
                let position = failure.station.flatMap { places[$0.name] } ?? metro.name.position
                return Diagnostic(file: metro.file, at: position, failure.summary, fix: failure.fix)
            })
    }
}

/// Which environment each station runs in: one for each set of needs.
private struct Environments {
    private(set) var list: [PlannedEnvironment] = []
    private var byNeeds: [Needs: EnvironmentID] = [:]
    private let own: Needs

    init(_ metro: Metro) {
        own = metro.needs
        byNeeds[own] = .main
        var isMainUsed = metro.stations.isEmpty
        for station in metro.stations {
            guard let needs = station.needs, needs != own else {
                isMainUsed = true
                continue
            }
            if byNeeds[needs] != nil { continue }
            let name = station.name.value
            let id = EnvironmentID(name == EnvironmentID.main.name ? "\(name).station" : name)
            byNeeds[needs] = id
            list.append(PlannedEnvironment(id: id, needs: needs))
        }
        list.sort { $0.id < $1.id }
        if isMainUsed { list.insert(PlannedEnvironment(id: .main, needs: own), at: 0) }
    }

    func of(_ station: Station) -> EnvironmentID { byNeeds[station.needs ?? own] ?? .main }
}
