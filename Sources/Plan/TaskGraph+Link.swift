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
        let checks = try addChecks(inputs, in: environments)
        var numbers: [StationID: Int] = [:]
        for station in plan.stations {
            guard ItemName.isSafe(station.id.name), numbers[station.id] == nil else {
                throw Self.wrong("a station's name, “\(Shown.text(station.id.name))”")
            }
            guard environments.contains(station.environment) else {
                throw Self.wrong("an environment's name, “\(Shown.text(station.environment.name))”")
            }
            let takes = try station.takes.map { (taken) throws(PlanFailure) in
                try Self.take(taken, inputs, checks, numbers)
            }
            let forEach = try station.forEach.map { (taken) throws(PlanFailure) in
                try Self.take(taken, inputs, checks, numbers)
            }
            numbers[station.id] = stations.count
            try add(station, takes: takes, forEach: forEach)
        }
        for result in plan.results where numbers[result.station] == nil {
            throw Self.wrong("a result's name, “\(Shown.text(result.station.name))”")
        }
    }

    static func wrong(_ what: String) -> PlanFailure {
        PlanFailure("the plan is damaged: it has \(what), where it can't be", exitCode: .integrity)
    }

    private static func take(
        _ taken: Taken, _ inputs: [String: [PlannedFile]], _ checks: [String: Int], _ stations: [StationID: Int]
    ) throws(PlanFailure) -> Take {
        let glob = taken.pattern.map { Glob($0) }
        if let name = taken.input, let check = checks[name] {
            return Take(source: .checked(check), glob: glob, name: name)
        }
        if let name = taken.input, let files = inputs[name] {
            return Take(
                source: .input(glob.map { glob in files.filter { $0.matches(glob) } } ?? files), glob: nil, name: name)
        }
        if let id = taken.station, let number = stations[id] {
            return Take(source: .station(number), glob: glob, name: id.name)
        }
        throw wrong("“\(Shown.text(taken.name))”")
    }

    private mutating func add(_ planned: PlannedStation, takes: [Take], forEach: [Take]) throws(PlanFailure) {
        let template = CommandTemplate(planned.command)
        let outputs = planned.outputs.map { OutputName($0) }
        let vocabulary = Vocabulary(
            takes: takes.map(\.name), forEach: forEach.map { ($0.name, Int.max) }, outputs: outputs.count)
        guard template.mistakes.isEmpty, outputs.allSatisfy(\.mistakes.isEmpty), !outputs.isEmpty,
            template.placeholders.allSatisfy({ vocabulary.meaning(of: $0.word) != nil })
        else { throw Self.wrong("the command of “\(planned.id)”") }
        var needed = Array(repeating: 1, count: forEach.count)
        for placeholder in template.placeholders {
            guard case .each(let source, let value)? = vocabulary.meaning(of: placeholder.word) else { continue }
            needed[source] = max(needed[source], value + 1)
        }
        for (take, count) in zip(forEach, needed) where count > 1 {
            if case .station(let source) = take.source, stations[source].planned.runsForEach { continue }
            throw Self.wrong("a second value of “\(take.name)”")
        }
        let number = stations.count
        var state = StationState(
            planned: planned, template: template, outputs: outputs, takes: takes, forEach: forEach,
            vocabulary: vocabulary,
            valuesNeeded: needed, values: Array(repeating: [], count: takes.count))
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
    func matches(_ glob: Glob) -> Bool {
        let names = path.pathNames
        let count = glob.depth
        return glob.matches(names.suffix(max(1, count)).joined(separator: "/"))
    }
}
