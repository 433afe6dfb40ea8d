internal import Failures
internal import Files
internal import Metro

extension TaskGraph {
    /// What stations' `for_each` come to when a station ends, by number, before it is recorded.
    typealias Expansion = [Int: [Item]]

    /// - Parameter assuming: items that are not recorded yet.
    /// - Returns: one item for each task; nil when they are not known yet.
    func knownItems(
        of number: Int, assuming expansion: Expansion, ended: (station: Int, made: [MadeFile])? = nil
    ) throws(PlanFailure) -> [Item]? {
        let station = stations[number]
        guard station.planned.runsForEach else { return try Self.turned([Item(name: "", bindings: [])], of: station) }
        if let files = station.checks { return Self.checkItems(of: files, station.forEach[0].name) }
        var lists: [[(name: String, binding: Binding, shown: String)]] = []
        for take in station.forEach {
            guard let list = try choices(of: take, for: station, assuming: expansion, ended: ended) else { return nil }
            lists.append(list)
        }
        return try Self.turned(try paired(lists, for: station), of: station)
    }

    /// What there is for each of one source: the items' names and what they are.
    private func choices(
        of take: Take, for station: StationState, assuming expansion: Expansion,
        ended: (station: Int, made: [MadeFile])?
    ) throws(PlanFailure) -> [(name: String, binding: Binding, shown: String)]? {
        var list: [(name: String, binding: Binding, shown: String)]
        switch take.source {
        case .input(let files):
            list = files.map { ($0.name, .file($0.path), $0.shown) }
        case .checked(let source):
            guard let passed = stations[source].passed else { return nil }
            list = take.selection(of: passed).map { ($0.name, .file($0.path), $0.shown) }
        case .station(let source) where stations[source].planned.makesMany:
            if let items = expansion[source] {
                list = items.enumerated().map {
                    ($1.nameForOthers, .task(source, $0), "\(take.name)/\($1.nameForOthers)")
                }
            } else if let range = stations[source].tasks {
                list = range.map {
                    (tasks[$0].item.nameForOthers, .task(source, $0 - range.lowerBound), tasks[$0].id.name)
                }
            } else {
                return nil
            }
        case .station(let source):
            let outputs = stations[source].outputs
            let made: [MadeFile]
            if let ended, ended.station == source {
                made = ended.made
            } else if !outputs.contains(where: \.isFolder) {
                made = []
            } else if let range = stations[source].tasks, tasks[range.lowerBound].status == .done {
                made = tasks[range.lowerBound].made
            } else {
                return nil
            }
            let chosen =
                take.globs.isEmpty
                ? Self.everyFile(outputs, made)
                : Self.selection(of: outputs, name: "", made: made, by: take.globs)
                    .filter { !Self.isFolder($0, in: made) }
            list = chosen.map { path in
                let name =
                    // What is said nearest to the command comes first.
                    take.globs.reversed().lazy.compactMap { Self.itemName(of: path, by: $0, outputs) }.first
                    ?? Glob.stem(of: File.name(of: path))
                return (ItemName.safe(name), .made(source, path), "\(take.name)/\(path)")
            }
        }
        if list.isEmpty {
            throw PlanFailure(
                "“for_each: \(Shown.text(take.shown))” of the station “\(station.planned.id)” matches nothing",
                fix: "look at what “\(take.name)” holds, or change the pattern", station: station.planned.id)
        }
        return list
    }

    private static func itemName(of path: String, by glob: Glob, _ outputs: [OutputName]) -> String? {
        if let name = glob.itemName(of: path) { return name }
        for output in outputs where output.isFolder {
            let folder = output.path(for: "") + "/"
            if let inside = path.after(folder), let name = glob.itemName(of: inside) { return name }
        }
        return nil
    }

    /// Goes through all lists together by name, and refuses two items of one name and one without a partner.
    private func paired(
        _ lists: [[(name: String, binding: Binding, shown: String)]], for station: StationState
    ) throws(PlanFailure) -> [Item] {
        let id = station.planned.id
        var tables: [[String: Int]] = []
        for list in lists {
            var table: [String: Int] = [:]
            table.reserveCapacity(list.count)
            for (number, item) in list.enumerated() {
                guard let first = table.updateValue(number, forKey: item.name) else { continue }
                throw PlanFailure(
                    "two items of the station “\(id)” have the name “\(Shown.text(item.name))”: "
                        + "\(Shown.text(list[first].shown)) and \(Shown.text(item.shown))",
                    fix: "a “*” in the pattern for each part that tells them apart makes that part of the name",
                    station: id)
            }
            tables.append(table)
        }
        let names = station.forEach.map(\.word)
        for other in lists.indices.dropFirst() {
            if let alone = lists[0].first(where: { tables[other][$0.name] == nil }) {
                throw Self.noPartner(alone.shown, alone.name, in: names[other], id)
            }
            if let alone = lists[other].first(where: { tables[0][$0.name] == nil }) {
                throw Self.noPartner(alone.shown, alone.name, in: names[0], id)
            }
        }
        var items: [Item] = []
        items.reserveCapacity(lists[0].count)
        for item in lists[0] {
            let bindings = lists.indices.map { $0 == 0 ? item.binding : lists[$0][tables[$0][item.name] ?? 0].binding }
            items.append(Item(name: item.name, bindings: bindings))
        }
        try checkOutputs(of: station, items)
        return items
    }

    private static func noPartner(_ shown: String, _ name: String, in other: String, _ id: StationID) -> PlanFailure {
        PlanFailure(
            "\(Shown.text(shown)) has no partner of the name “\(Shown.text(name))” in “\(other)”, which “\(id)” goes through with it",
            fix: "each needs the same names: “for_each: [left, right]” pairs by {name}", station: id)
    }

    private func checkOutputs(of station: StationState, _ items: [Item]) throws(PlanFailure) {
        for item in items {
            for output in station.outputs where RelativePath(output.path(for: item.name)) == nil {
                throw PlanFailure(
                    "“\(Shown.text(output.path(for: item.name)))” can't be the name of an output of “\(station.planned.id)”",
                    fix: "an output lies in the task's own folder, and each name in its path has at most 255 bytes",
                    station: station.planned.id)
            }
        }
        try checkPlaces(of: station, items)
    }

    /// The task that made what an item is of; nil for a file of an input.
    func source(of binding: Binding) -> Int? {
        switch binding {
        case .file: nil
        case .made(let station, _): stations[station].tasks?.lowerBound ?? 0
        case .task(let station, let item): (stations[station].tasks?.lowerBound ?? 0) + item
        }
    }

    /// Records a station's tasks; those that wait for nothing are ready.
    mutating func begin(_ number: Int, with items: [Item]) throws(PlanFailure) {
        if !stations[number].planned.runsForEach { try checkOutputs(of: stations[number], items) }
        let first = tasks.count
        stations[number].tasks = first..<(first + items.count)
        stations[number].unfinishedTasks = items.count
        let turns = stations[number].planned.turns
        for item in items {
            let task = tasks.count
            let turn = item.turn ?? (turns == nil ? nil : 1)
            var state = TaskState(
                station: number, item: item, id: taskID(of: number, item: item, turn: turn), turn: turn)
            if let turn = item.turn, turn > 1, turns?.isOneByOne ?? false {
                state.waitsFor += 1
                tasks[task - 1].dependents.append(task)
            }
            for binding in item.bindings {
                guard let source = self.source(of: binding) else { continue }
                tasks[source].users += 1
                if tasks[source].status == .done { continue }
                state.waitsFor += 1
                tasks[source].dependents.append(task)
            }
            taskNumbers[state.id] = task
            tasks.append(state)
            if state.waitsFor == 0, stations[number].waitsFor == 0 { ready.add(task, of: number) }
        }
    }
}

extension TaskGraph {
    /// What patterns select together of what a task made: outputs by their path, what lies in a folder by its path there
    /// too; without a pattern the outputs. Paths relative to the task's folder.
    static func selection(of outputs: [OutputName], name: String, made: [MadeFile], by globs: [Glob]) -> [String] {
        if globs.isEmpty { return outputs.map { $0.path(for: name) } }
        var selected: [String] = []
        for output in outputs {
            let path = output.path(for: name)
            if globs.allSatisfy({ $0.matches(path) }) { selected.append(path) }
            guard output.isFolder else { continue }
            for inside in contents(of: path, in: made) {
                let below = inside.path.after(path + "/") ?? inside.path
                if globs.allSatisfy({ $0.matches(below) || $0.matches(inside.path) }) { selected.append(inside.path) }
            }
        }
        return selected
    }

    /// The outputs that are files, and the files in those that are folders.
    static func everyFile(_ outputs: [OutputName], _ made: [MadeFile]) -> [String] {
        outputs.flatMap { output in
            let path = output.path(for: "")
            return output.isFolder ? contents(of: path, in: made).filter { !$0.isFolder }.map(\.path) : [path]
        }
    }

    /// What lies below a folder, of a sorted list.
    private static func contents(of folder: String, in made: [MadeFile]) -> ArraySlice<MadeFile> {
        let prefix = Array((folder + "/").utf8)
        var (low, high) = (0, made.count)
        while low < high {
            let middle = (low + high) / 2
            if made[middle].path.utf8.lexicographicallyPrecedes(prefix) { low = middle + 1 } else { high = middle }
        }
        var end = low
        while end < made.count, made[end].path.utf8.starts(with: prefix) { end += 1 }
        return made[low..<end]
    }
}
