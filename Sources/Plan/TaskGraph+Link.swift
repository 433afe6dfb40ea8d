internal import Failures
internal import Files
internal import Metro

extension TaskGraph {
    /// Turns the plan's names into numbers, and refuses what a plan of ours never says: it may come from anywhere.
    mutating func link() throws(PlanFailure) {
        guard plan.version <= Plan.currentVersion else {
            throw PlanFailure(
                "this metro was packed by a newer las", cause: "its plan has version \(plan.version)",
                fix: "use a las that knows version \(plan.version) of the plan", exitCode: .integrity)
        }
        var inputs: [String: [PlannedFile]] = [:]
        for input in plan.inputs {
            guard let files = input.files else {
                throw PlanFailure(
                    "the files of the input “\(Shown.text(input.name))” are not known yet", fix: "pack the metro first")
            }
            for file in files where !ItemName.isSafe(file.name) {
                throw Self.wrong("an item's name, “\(Shown.text(file.name))”")
            }
            inputs[input.name] = files
        }
        let environments = Set(plan.environments.map(\.id))
        let metros = Set(plan.metros.map(\.path).filter { StationID($0).isSafe })
        let checks = try addChecks(inputs, in: environments, metros)
        let workspaces = try workspaceNames()
        var numbers: [StationID: Int] = [:]
        for station in plan.stations {
            if let mount = station.workspaces.first(where: { !workspaces.contains($0.name) }) {
                throw Self.wrong("a workspace's name, “\(Shown.text(mount.name))”")
            }
            guard station.id.isSafe, numbers[station.id] == nil else {
                throw Self.wrong("a station's name, “\(Shown.text(station.id.name))”")
            }
            if let scripts = station.scripts, !metros.contains(scripts) {
                throw Self.wrong("a metro's name, “\(Shown.text(scripts))”")
            }
            guard environments.contains(station.environment) else {
                throw Self.wrong("an environment's name, “\(Shown.text(station.environment.name))”")
            }
            let takes = try station.takes.map { (taken) throws(PlanFailure) in
                try Self.take(taken, inputs, checks, numbers, of: station.id)
            }
            let forEach = try station.forEach.map { (taken) throws(PlanFailure) in
                try Self.take(taken, inputs, checks, numbers)
            }
            numbers[station.id] = stations.count
            try add(station, takes: takes, forEach: forEach)
        }
        // One that lies in another's folder would be mistaken for an item of it.
        for id in numbers.keys where id.isBelow(where: { numbers[$0] != nil }) {
            throw Self.wrong("a station's name, “\(Shown.text(id.name))”")
        }
        for result in plan.results where numbers[result.station] == nil {
            throw Self.wrong("a result's name, “\(Shown.text(result.station.name))”")
        }
    }

    static func wrong(_ what: String) -> PlanFailure {
        PlanFailure("the plan is damaged: it has \(what), where it can't be", exitCode: .integrity)
    }

    /// - Parameter station: that takes it whole.
    private static func take(
        _ taken: Taken, _ inputs: [String: [PlannedFile]], _ checks: [String: InputCheck],
        _ stations: [StationID: Int], of station: StationID? = nil
    ) throws(PlanFailure) -> Take {
        let globs = taken.patterns.map { Glob($0) }
        if let name = taken.input, let check = checks[name] {
            return Take(
                source: .checked(check.station), globs: globs, among: check.among, name: name, word: taken.word,
                entry: taken.entry)
        }
        if let name = taken.input, let files = inputs[name] {
            let selected = globs.isEmpty ? files : files.filter { file in globs.allSatisfy { file.matches($0) } }
            if let station, selected.isEmpty, !files.isEmpty {
                throw PlanFailure(
                    "“in: \(Shown.text(taken.description))” of the station “\(station)” matches nothing",
                    fix: "look at what “\(name)” holds, or change the pattern", station: station)
            }
            return Take(source: .input(selected), globs: [], name: name, word: taken.word, entry: taken.entry)
        }
        if let id = taken.station, let number = stations[id] {
            return Take(
                source: .station(number), globs: globs, name: id.name, word: taken.word, entry: taken.entry)
        }
        throw wrong("“\(Shown.text(taken.name))”")
    }

    private mutating func add(_ planned: PlannedStation, takes: [Take], forEach: [Take]) throws(PlanFailure) {
        let template = CommandTemplate(planned.command)
        let outputs = planned.outputs.map { OutputName($0) }
        let vocabulary = Vocabulary(
            takes: takes.map { ($0.word, $0.entry) }, forEach: forEach.map { ($0.word, Int.max) },
            outputs: outputs.count, hasTurns: planned.turns != nil, hasSeed: planned.seed != nil,
            workspaces: planned.workspaces.map(\.word))
        guard template.mistakes.isEmpty, outputs.allSatisfy(\.mistakes.isEmpty), !outputs.isEmpty,
            planned.workspaces.allSatisfy({ $0.needs?.allSatisfy { OutputName($0).mistakes.isEmpty } ?? true }),
            template.placeholders.allSatisfy({ vocabulary.meaning(of: $0.word) != nil })
        else { throw Self.wrong("the command of “\(planned.id)”") }
        let (feed, until) = try Self.turns(of: planned, vocabulary)
        var needed = Array(repeating: 1, count: forEach.count)
        for placeholder in template.placeholders + until.flatMap({ $0.command?.placeholders ?? [] }) {
            guard case .each(let source, let value)? = vocabulary.meaning(of: placeholder.word) else { continue }
            needed[source] = max(needed[source], value + 1)
        }
        for (take, count) in zip(forEach, needed) where count > 1 {
            if case .station(let source) = take.source, stations[source].planned.makesMany { continue }
            throw Self.wrong("a second value of “\(take.name)”")
        }
        let number = stations.count
        var state = StationState(
            planned: planned, template: template, outputs: outputs, takes: takes, forEach: forEach,
            vocabulary: vocabulary,
            valuesNeeded: needed, feed: feed, until: until, values: Array(repeating: [], count: takes.count))
        var whole = Set<Int>()
        for (position, take) in takes.enumerated() {
            switch take.source {
            case .input(let files): state.values[position] = files.map(\.path)
            case .station(let source), .checked(let source):
                if whole.insert(source).inserted { stations[source].takenBy.append(number) }
            }
        }
        state.waitsFor = whole.count
        var each = Set<Int>()
        for take in forEach {
            switch take.source {
            case .input: break
            case .station(let source), .checked(let source):
                if each.insert(source).inserted { stations[source].eachBy.append(number) }
            }
        }
        stations.append(state)
    }
}

extension PlannedFile {
    /// Whether a pattern after the input's name selects it: by its name or the end of its path.
    func matches(_ glob: Glob) -> Bool { glob.matchesEnd(of: path) }
}

extension Glob {
    func matchesEnd(of path: String) -> Bool {
        matches(path.pathNames.suffix(max(1, depth)).joined(separator: "/"))
    }
}
