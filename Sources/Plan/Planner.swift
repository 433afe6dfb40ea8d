internal import Files
package import Metro

/// A metro and the files of its inputs to a plan: pure.
package enum Planner {
    /// - Throws: what only the files show: items without a partner, two items of one name.
    package static func plan(_ metro: Metro, files: InputFiles) throws(MetroFailure) -> Plan {
        let uses = MetroUse.all(of: metro)
        let environments = Environments(uses)
        let (metros, scripts) = metros(uses, files)
        let placed = PlacedStation.ordered(uses)
        let stations = placed.map { planned($0.station, uses[$0.use], environments, scripts[$0.use]) }
        let inputs = inputs(uses, files, stations, scripts)
        try checkPlaces(inputs, uses)
        let results = metro.offers.map { PlannedResult(station: StationID($0.path), patterns: $0.patterns) }
        let plan = Plan(
            metro: metro.name.value, about: metro.about, environments: environments.list, inputs: inputs,
            scripts: files.scripts, metros: metros, lines: uses.flatMap(lines),
            workspaces: uses.flatMap { workspaces($0, files) },
            stations: stations, results: results, notes: notes(uses, inputs, stations, results))
        if plan.knowsAllInputs { try check(plan, uses, placed) }
        return plan
    }

    private static func planned(
        _ station: Station, _ use: MetroUse, _ environments: Environments, _ scripts: String?
    ) -> PlannedStation {
        let uses = station.uses
        return PlannedStation(
            id: StationID(use.name(station.name.value)), line: use.name(station.line),
            environment: environments.of(station, in: use), takes: station.takes.flatMap(use.taken),
            forEach: station.forEach.flatMap(use.taken), command: station.command.value,
            outputs: station.outputs.map(\.value),
            uses: Resources(cpus: uses.cpus, memory: uses.memory, gpus: uses.gpus, time: uses.time),
            variables: station.variables, scripts: scripts, turns: station.turns, seed: station.seed,
            retry: station.retry, usesNetwork: station.usesNetwork, secrets: station.secrets,
            isWritable: station.isWritable, label: station.label, keepsMade: station.keepsMade,
            workspaces: station.workspaces.map {
                let name = $0.name.value
                let workspace = use.metro.workspaces.first { $0.name.value == name }
                let isShared = workspace?.shared != nil
                let isOpened = $0.isOpened && !(workspace?.isAhead ?? false)
                return WorkspaceMount(
                    use.name(name), word: name, isReadOnly: $0.isReadOnly, isShared: isShared, needs: $0.needs,
                    isOpened: isOpened)
            })
    }

    private static func lines(_ use: MetroUse) -> [PlannedLine] {
        use.metro.lines.filter(\.isEnabled).map { line in
            let stops = line.stops.filter(\.isEnabled).map { use.name($0.name.value) }
            return PlannedLine(name: use.name(line.name.value), stops: stops)
        }
    }

    /// The metros in the outermost one, each file once, and for each use where its scripts lie.
    private static func metros(_ uses: [MetroUse], _ files: InputFiles) -> ([PlannedMetro], [String?]) {
        var metros: [PlannedMetro] = []
        var first: [ExactText: String] = [:]
        let scripts = uses.map { use -> String? in
            if use.path.isEmpty { return nil }
            if let path = first[ExactText(use.metro.file)] { return path }
            first[ExactText(use.metro.file)] = use.path
            metros.append(
                PlannedMetro(
                    path: use.path, name: use.metro.name.value, scripts: files.nestedScripts[use.path] ?? [],
                    origin: use.metro.location))
            return use.path
        }
        return (metros, scripts)
    }

    // MARK: Inputs

    private static func inputs(
        _ uses: [MetroUse], _ files: InputFiles, _ stations: [PlannedStation], _ scripts: [String?]
    ) -> [PlannedInput] {
        // An image's files are looked up in the environment of who takes them, a check runs in that of the first of them.
        var takers: [String: [EnvironmentID]] = [:]
        for station in stations {
            for name in (station.takes + station.forEach).compactMap(\.input) {
                takers[name, default: []].append(station.environment)
            }
        }
        for filtered in uses.flatMap(\.filtered).reversed() {
            takers[filtered.base, default: []] += takers[filtered.name] ?? []
        }
        var inputs: [PlannedInput] = []
        var numbers: [String: Int] = [:]
        for (use, scripts) in zip(uses, scripts) {
            let filtered = Dictionary(
                use.filtered.map { ($0.input.name.value, $0) }, uniquingKeysWith: { first, _ in first })
            for input in use.metro.inputs {
                let name = use.name(input.name.value)
                let planned: PlannedInput
                if let filtered = filtered[input.name.value] {
                    guard let base = numbers[filtered.base] else { continue }
                    planned = Self.planned(filtered, of: inputs[base], files, takers[name] ?? [], scripts)
                } else if use.given[input.name.value] == nil {
                    planned = Self.planned(input, use, files, takers[name] ?? [], scripts)
                } else {
                    continue
                }
                numbers[name] = inputs.count
                inputs.append(planned)
            }
        }
        return inputs
    }

    /// Some of the files of an input of a metro around.
    private static func planned(
        _ filtered: MetroUse.Filtered, of base: PlannedInput, _ files: InputFiles, _ takers: [EnvironmentID],
        _ scripts: String?
    ) -> PlannedInput {
        var kept: [PlannedFile]?
        if base.kind == .files, let all = base.files {
            let valid = files.found[filtered.name].map(Set.init)
            kept = zip(files.found[base.name] ?? [], all).filter { valid?.contains($0.0) ?? true }.map(\.1)
        }
        return PlannedInput(
            name: filtered.name, kind: base.kind, patterns: base.patterns, files: kept,
            base: PlannedInput.Base(input: base.name, patterns: filtered.patterns), valid: filtered.input.valid,
            checkedIn: filtered.input.valid.passes == nil ? nil : takers.first, scripts: scripts,
            leftOut: files.leftOut[filtered.name] ?? [])
    }

    private static func planned(
        _ input: Input, _ use: MetroUse, _ files: InputFiles, _ takers: [EnvironmentID], _ scripts: String?
    ) -> PlannedInput {
        let own = input.name.value
        let name = use.name(own)
        let valid = input.valid.isEmpty ? nil : input.valid
        let checkedIn = input.valid.passes == nil ? nil : takers.first
        if let patterns = files.replaced[name] {
            let planned = (files.found[name] ?? []).compactMap { PlannedFile(elsewhere: $0, of: name) }
            return PlannedInput(
                name: name, kind: .files, patterns: patterns, files: files.unknown.contains(name) ? nil : planned,
                unpacks: input.unpacks, valid: valid, checkedIn: checkedIn, scripts: scripts,
                leftOut: files.leftOut[name] ?? [])
        }
        switch input.source {
        case .text(let text):
            return PlannedInput(
                name: name, kind: .text, files: [PlannedFile(name: own, path: "/.las/inputs/\(name)/\(own).txt")],
                text: text.value)
        case .image(let pattern):
            return PlannedInput(
                name: name, kind: .image, patterns: [pattern.value], files: takers.isEmpty ? [] : nil,
                environments: Set(takers).sorted(), valid: valid, checkedIn: checkedIn, scripts: scripts)
        case .files(let patterns):
            let texts = patterns.map(\.value)
            if files.unknown.contains(name) {
                return PlannedInput(
                    name: name, kind: .files, patterns: texts, files: nil, unpacks: input.unpacks, valid: valid,
                    checkedIn: checkedIn,
                    scripts: scripts)
            }
            return PlannedInput(
                name: name, kind: .files, patterns: texts,
                files: planned(files.found[name] ?? [], of: name, patterns: texts, use), unpacks: input.unpacks,
                valid: valid, checkedIn: checkedIn, scripts: scripts, leftOut: files.leftOut[name] ?? [])
        }
    }

    private static func planned(
        _ found: [InputFiles.Found], of name: String, patterns: [String], _ use: MetroUse
    ) -> [PlannedFile] {
        let folder = commonFolder(of: patterns.filter { !WebAddress.isMeant(by: $0) })
        return found.map { file in
            if let planned = PlannedFile(elsewhere: file, of: name) { return planned }
            let inside = file.path.pathNames.dropFirst(folder.count).joined(separator: "/")
            return PlannedFile(
                name: ItemName.safe(Glob(file.pattern).itemName(of: file.path) ?? Glob.stem(of: inside)),
                path: "/.las/inputs/\(name)/\(inside)", source: file.path, contents: file.contents,
                origin: use.path.isEmpty ? nil : "\(use.metro.folder)/\(file.path)")
        }
    }

    /// The folder that all patterns share before their wildcards: what lies below it keeps its neighbours.
    static func commonFolder(of patterns: [String]) -> [String] {
        let folders = patterns.map { Glob($0).folder.filter { $0 != "." } }
        guard var common = folders.first else { return [] }
        for folder in folders.dropFirst() { common = zip(common, folder).prefix { $0 == $1 }.map(\.0) }
        return common
    }

    // MARK: What only the files show

    private static func check(_ plan: Plan, _ uses: [MetroUse], _ placed: [PlacedStation]) throws(MetroFailure) {
        var failures: [PlanFailure] = []
        do throws(PlanFailure) { _ = try TaskGraph(plan, failures: &failures) } catch { failures.append(error) }
        if failures.isEmpty { return }
        let places = Dictionary(
            placed.map { (uses[$0.use].name($0.station.name.value), $0) }, uniquingKeysWith: { first, _ in first })
        throw MetroFailure(
            failures.map { failure in
                let placed = failure.station.flatMap { places[$0.name] }
                let metro = uses[placed?.use ?? 0].metro
                let station = placed?.station
                let position = station?.forEach.first?.position ?? station?.name.position ?? metro.name.position
                return Diagnostic(file: metro.file, at: position, failure.summary, fix: failure.fix)
            })
    }
}
