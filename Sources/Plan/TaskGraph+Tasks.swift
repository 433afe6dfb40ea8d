internal import Files
internal import Metro

extension TaskGraph {
    func plannedTask(_ number: Int) -> PlannedTask {
        let task = tasks[number]
        let station = stations[task.station]
        let taken = taken(by: number)
        func values(_ word: String) -> [String] {
            switch station.vocabulary.meaning(of: word) {
            case .takes(let numbers): numbers.flatMap { taken.whole[$0] }
            case .each(let source, let value): value < taken.each[source].count ? [taken.each[source][value]] : []
            default: []
            }
        }
        var planned = plannedTask(
            of: station, id: task.id, name: task.item.name, turn: task.turn, reads: taken.reads.sorted(), values)
        planned.turnBefore = task.turnBefore?.name
        planned.inputs = taken.inputs.sorted().map(\.string)
        if tellsWords {
            planned.words = Dictionary(
                station.wordsTaken.map { ($0, values($0)) }, uniquingKeysWith: { first, _ in first })
        }
        return planned
    }

    /// - Parameters:
    ///   - name: the item's.
    ///   - values: what a word stands for that is taken, whole or each.
    func plannedTask(
        of station: StationState, id: TaskID, name: String, turn: Int?, reads: [String],
        _ taken: (_ word: String) -> [String]
    ) -> PlannedTask {
        let outputs = station.outputs.map {
            PlannedTask.Output(path: $0.path(for: name), isFolder: $0.isFolder)
        }
        func values(_ word: String) -> [String] {
            switch station.vocabulary.meaning(of: word) {
            case .takes, .each: taken(word)
            // A name that begins with a dash must not look like an option.
            case .output(let number):
                [outputs[number].path.begins(with: "-") ? "./" + outputs[number].path : outputs[number].path]
            case .name: [name]
            case .turn: turn.map { ["\($0)"] } ?? []
            case .seed: station.planned.seed.map { ["\(Self.seed(of: id, $0))"] } ?? []
            case .workspace(let number): [station.planned.workspaces[number].place]
            case nil: []
            }
        }
        let printed = outputs.first.flatMap { station.template.namesOutput || $0.isFolder ? nil : $0.path }
        var planned = PlannedTask(
            id: id, station: station.planned.id, environment: station.planned.environment,
            command: station.template.command(values), outputs: outputs, savesPrinted: printed,
            reads: reads, made: id.name, uses: station.planned.uses,
            variables: station.planned.variables, scripts: station.planned.scripts,
            checks: station.checks == nil ? nil : station.planned.command)
        planned.turn = turn
        planned.until = station.until.map { $0.planned(for: name, values) }
        planned.seed = station.planned.seed.map { Self.seed(of: id, $0) }
        planned.retry = station.planned.retry
        planned.usesNetwork = station.planned.usesNetwork
        planned.secrets = station.planned.secrets
        planned.isWritable = station.planned.isWritable
        planned.workspaces = station.planned.workspaces.map { mount in
            mount.needing(mount.needs?.map { OutputName($0).path(for: Glob.escaped(name)) })
        }
        planned.label = station.planned.label
        return planned
    }

    /// What a task takes: the values of each of its `in` and of each of its `for_each`, the folders below `made` that
    /// they lie in, and the places among the inputs.
    private func taken(
        by number: Int
    ) -> (whole: [[String]], each: [[String]], reads: Set<String>, inputs: Set<ExactText>) {
        let task = tasks[number]
        let station = stations[task.station]
        let fed = fed(number)
        var whole = station.values
        var fedEntries: [Int] = []
        if let fed, case .takes(let numbers) = station.feed {
            fedEntries = numbers
            for entry in numbers { whole[entry] = entry == numbers.first ? [fed] : [] }
        }
        var stationsTaken = Set<String>()
        var inputs: Set<ExactText> = []
        for (entry, take) in station.takes.enumerated() where !fedEntries.contains(entry) {
            switch take.source {
            case .station(let source): stationsTaken.insert(stations[source].planned.id.name)
            case .input, .checked: if let place = inputPlaces[take.name] { inputs.insert(ExactText(place)) }
            }
        }
        var reads = stationsTaken
        if fed != nil, let before = task.turnBefore { reads.insert(before.name) }
        var each: [[String]] = []
        for (position, (binding, take)) in zip(task.item.bindings, station.forEach).enumerated() {
            var made: TaskState?
            switch binding {
            case .file(let path): each.append([path])
            case .made(let source, let path):
                let task = tasks[stations[source].tasks?.lowerBound ?? 0]
                each.append(["/.las/made/\(task.id)/\(path)"])
                made = task
            case .task(let source, let item):
                let task = tasks[(stations[source].tasks?.lowerBound ?? 0) + item]
                let found = Self.selection(
                    of: stations[source].outputs, name: task.item.name, made: task.made, by: take.globs)
                each.append(found.map { "/.las/made/\(task.id)/\($0)" })
                made = task
            }
            var isLeft = true
            if let fed, case .each(position) = station.feed {
                each[position] = [fed] + each[position].dropFirst()
                isLeft = each[position].count > 1 && station.valuesNeeded[position] > 1
            }
            if isLeft, case .file(let path) = binding, path.begins(with: "/.las/inputs/") {
                inputs.insert(ExactText(path))
            }
            if isLeft, let made, !stationsTaken.contains(stations[made.station].planned.id.name) {
                reads.insert(made.id.name)
            }
        }
        return (whole, each, reads, inputs)
    }

    /// What to copy to the results, of the tasks that are done; sorted by path.
    package var results: [Result] {
        var found: [Result] = []
        let numbers = Dictionary(
            stations.enumerated().map { ($1.planned.id, $0) }, uniquingKeysWith: { first, _ in first })
        for result in plan.results {
            guard let number = numbers[result.station] else { continue }
            let station = stations[number]
            let globs = result.patterns.map { Glob($0) }
            let keepsTurns = station.planned.turns.map { !$0.keepsLast } ?? false
            for task in tasks[station.tasks ?? 0..<0] where task.status == .done {
                for path in Self.selection(of: station.outputs, name: task.item.name, made: task.made, by: globs) {
                    let isFolder = Self.isFolder(path, in: task.made)
                    found.append(
                        Result(
                            station: result.station, made: "\(task.id)/\(path)",
                            path: "\(keepsTurns ? task.id.name : result.station.name)/\(path)", isFolder: isFolder))
                }
            }
        }
        // What two patterns select stands there once.
        found.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        var last: ExactText?
        found.removeAll { result in
            defer { last = ExactText(result.path) }
            return ExactText(result.path) == last
        }
        return found
    }

    static func isFolder(_ path: String, in made: [MadeFile]) -> Bool {
        var (low, high) = (0, made.count)
        while low < high {
            let middle = (low + high) / 2
            if made[middle].path.utf8.lexicographicallyPrecedes(path.utf8) { low = middle + 1 } else { high = middle }
        }
        return low < made.count && ExactText(made[low].path) == ExactText(path) && made[low].isFolder
    }
}

extension TaskGraph.Condition {
    func planned(for name: String, _ values: (String) -> [String]) -> PlannedTask.Condition {
        guard let file else {
            return PlannedTask.Condition(requirement: requirement, command: command?.command(values))
        }
        let path = file.path(for: name)
        return PlannedTask.Condition(
            requirement: {
                if case .value(_, let bound) = requirement { return .value(in: path, bound) }
                return .fileExists(path)
            }())
    }
}
