internal import Files
internal import Metro

extension TaskGraph {
    func plannedTask(_ number: Int) -> PlannedTask {
        let task = tasks[number]
        let station = stations[task.station]
        let outputs = station.outputs.map {
            PlannedTask.Output(path: $0.path(for: task.item.name), isFolder: $0.isFolder)
        }
        var each: [[String]] = []
        var whole = Set<String>()
        for case .station(let source) in station.takes.map(\.source) { whole.insert(stations[source].planned.id.name) }
        var reads = whole
        for (binding, take) in zip(task.item.bindings, station.forEach) {
            switch binding {
            case .file(let path): each.append([path])
            case .made(let source, let path):
                let id = stations[source].planned.id
                each.append(["/.las/made/\(id)/\(path)"])
                reads.insert(id.name)
            case .task(let source, let item):
                let made = tasks[(stations[source].tasks?.lowerBound ?? 0) + item]
                let found = Self.selection(
                    of: stations[source].outputs, name: made.item.name, made: made.made, by: take.globs)
                each.append(found.map { "/.las/made/\(made.id)/\($0)" })
                if !whole.contains(stations[source].planned.id.name) { reads.insert(made.id.name) }
            }
        }
        let command = station.template.command { word in
            switch station.vocabulary.meaning(of: word) {
            case .takes(let numbers): numbers.flatMap { station.values[$0] }
            case .each(let source, let value): value < each[source].count ? [each[source][value]] : []
            // A name that begins with a dash must not look like an option.
            case .output(let number):
                [outputs[number].path.begins(with: "-") ? "./" + outputs[number].path : outputs[number].path]
            case .name: [task.item.name]
            case .turn, .seed, nil: []
            }
        }
        let printed = outputs.first.flatMap { station.template.namesOutput || $0.isFolder ? nil : $0.path }
        return PlannedTask(
            id: task.id, station: station.planned.id, environment: station.planned.environment, command: command,
            outputs: outputs, savesPrinted: printed, reads: reads.sorted(), made: task.id.name,
            uses: station.planned.uses, variables: station.planned.variables, scripts: station.planned.scripts,
            checks: station.checks == nil ? nil : station.planned.command)
    }

    /// What to copy to the results, of the tasks that are done; sorted by path.
    package var results: [Result] {
        var found: [ExactText: Result] = [:]
        let numbers = Dictionary(
            stations.enumerated().map { ($1.planned.id, $0) }, uniquingKeysWith: { first, _ in first })
        for result in plan.results {
            guard let number = numbers[result.station] else { continue }
            let station = stations[number]
            let globs = result.patterns.map { Glob($0) }
            for task in tasks[station.tasks ?? 0..<0] where task.status == .done {
                for path in Self.selection(of: station.outputs, name: task.item.name, made: task.made, by: globs) {
                    let isFolder = Self.isFolder(path, in: task.made)
                    let place = ExactText("\(result.station)/\(path)")
                    found[place] =
                        found[place]
                        ?? Result(
                            station: result.station, made: "\(task.id)/\(path)", path: place.string, isFolder: isFolder)
                }
            }
        }
        return found.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
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
