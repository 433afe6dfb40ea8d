internal import Failures
internal import Files
internal import Metro

extension TaskGraph {
    /// - Parameters:
    ///   - made: everything below the task's folder, the contents of folders included, sorted.
    ///   - turn: what `until` found, where the station has it.
    /// - Throws: when what depends on it can't be planned: nothing matches a `for_each`, two items have one name; when what
    ///   `until` asks for does not hold after the last turn that may be. The task then counts as running still: the caller tells `failed` of it.
    package mutating func finished(
        _ id: TaskID, made: [MadeFile], turn: TurnEnd? = nil
    ) throws(PlanFailure) {
        guard let number = taskNumbers[id], tasks[number].status == .handedOut else { return }
        let made = made.sorted()
        try checkOutputs(made, of: number)
        if try goesOn(number, turn) { return }
        let station = tasks[number].station
        let isLast = stations[station].unfinishedTasks == 1 && !stations[station].isBroken
        try checkMade(made, by: number)
        let values = isLast ? try wholeValues(of: station, last: number, made: made) : [:]
        let expansion = try expansion(after: station, made: made)
        try end(number, made: made, values: values, expansion: expansion, isLast: isLast)
    }

    /// Records that a task is done, and what becomes known by that.
    mutating func end(
        _ number: Int, made: [MadeFile], values: [Int: [(Int, [String])]], expansion: Expansion, isLast: Bool
    ) throws(PlanFailure) {
        let station = tasks[number].station
        running -= 1
        tasks[number].status = .done
        tasks[number].made = made
        stations[station].unfinishedTasks -= 1
        for dependent in tasks[number].dependents {
            tasks[dependent].waitsFor -= 1
            makeReady(dependent)
        }
        for next in expansion.keys.sorted() { try begin(next, with: expansion[next] ?? []) }
        release(by: number, isLast: isLast)
        guard isLast else { return }
        for next in stations[station].takenBy {
            for (position, list) in values[next] ?? [] { stations[next].values[position] = list }
            stations[next].waitsFor -= 1
            if stations[next].waitsFor == 0 { for task in stations[next].tasks ?? 0..<0 { makeReady(task) } }
        }
    }

    private mutating func makeReady(_ task: Int) {
        let state = tasks[task]
        if state.status == .waiting, state.waitsFor == 0, stations[state.station].waitsFor == 0 {
            ready.add(task, of: state.station)
        }
    }

    private func checkOutputs(_ made: [MadeFile], of number: Int) throws(PlanFailure) {
        let task = tasks[number]
        let outputs = stations[task.station].outputs
        for output in outputs {
            let file = MadeFile(path: output.path(for: task.item.name), isFolder: output.isFolder)
            guard Self.contains(made, file) else {
                throw PlanFailure(
                    "\(task.id) did not make “\(Shown.text(file.path))”",
                    fix: "the command must write it as {out}, or “out” must name what it writes",
                    exitCode: .stationsFailed)
            }
        }
    }

    /// That each task which goes on from this one finds in what it made what it names.
    private func checkMade(_ made: [MadeFile], by number: Int) throws(PlanFailure) {
        let task = tasks[number]
        let outputs = stations[task.station].outputs
        for dependent in task.dependents {
            let next = stations[tasks[dependent].station]
            for (position, take) in next.forEach.enumerated() {
                guard case .station(task.station) = take.source, stations[task.station].planned.makesMany else {
                    continue
                }
                let found = Self.selection(of: outputs, name: task.item.name, made: made, by: take.globs).count
                if found < next.valuesNeeded[position] {
                    throw PlanFailure(
                        "\(task.id) made \(found == 0 ? "nothing" : "only \(found)") of “\(take.globs.isEmpty ? take.name : take.globs.map(\.text).joined(separator: "/"))”, "
                            + "which “\(next.planned.id)” takes", fix: "change the pattern, or what the command makes",
                        exitCode: .stationsFailed)
                }
            }
        }
    }

    private static func contains(_ made: [MadeFile], _ file: MadeFile) -> Bool {
        var (low, high) = (0, made.count)
        while low < high {
            let middle = (low + high) / 2
            if made[middle] < file { low = middle + 1 } else { high = middle }
        }
        return low < made.count && ExactText(made[low].path) == ExactText(file.path)
            && made[low].isFolder == file.isFolder
    }

    /// What the station, now that its last task ends, is for each station that takes it whole: by the number of the station
    /// and of its `in`.
    private func wholeValues(
        of number: Int, last: Int, made: [MadeFile]
    ) throws(PlanFailure) -> [Int: [(Int, [String])]] {
        let station = stations[number]
        var values: [Int: [(Int, [String])]] = [:]
        for next in station.takenBy where !stations[next].isSkipped {
            for (position, take) in stations[next].takes.enumerated() {
                guard case .station(number) = take.source else { continue }
                var list: [String] = []
                for task in station.tasks ?? 0..<0 {
                    let files = task == last ? made : tasks[task].made
                    let found = Self.selection(
                        of: station.outputs, name: tasks[task].item.name, made: files, by: take.globs)
                    list += found.map { "/.las/made/\(tasks[task].id.name)/\($0)" }
                }
                if list.isEmpty {
                    throw PlanFailure(
                        "“in: \(Shown.text(take.shown))” of the station “\(stations[next].planned.id)” "
                            + "matches nothing that “\(take.name)” made",
                        fix: "change the pattern, or what the command makes",
                        exitCode: .stationsFailed)
                }
                values[next, default: []].append((position, list))
            }
        }
        return values
    }

    /// The items that become known when a station that ran once has ended, in all stations that go on from there.
    private func expansion(after number: Int, made: [MadeFile]) throws(PlanFailure) -> Expansion {
        guard !stations[number].planned.makesMany else { return [:] }
        return try expanded(stations[number].eachBy, ended: (number, made))
    }

    /// - Parameter first: stations whose items may be known now.
    func expanded(
        _ first: [Int], ended: (station: Int, made: [MadeFile])? = nil
    ) throws(PlanFailure) -> Expansion {
        var expansion: Expansion = [:]
        var waiting = first
        // One whose other source is not expanded yet comes back with that one.
        while let next = waiting.popLast() {
            guard stations[next].tasks == nil, !stations[next].isSkipped, expansion[next] == nil,
                let items = try knownItems(of: next, assuming: expansion, ended: ended)
            else { continue }
            expansion[next] = items
            waiting += stations[next].eachBy
        }
        return expansion
    }

    /// The tasks of a station that are known and not done.
    package func unfinished(of station: StationID) -> [TaskID] {
        guard let state = stations.first(where: { $0.planned.id == station }) else { return [] }
        return (state.tasks ?? 0..<0).filter { tasks[$0].status != .done }.map { tasks[$0].id }
    }

    // MARK: Failures

    /// - Returns: what can't run any more, in the order of the plan.
    package mutating func failed(_ id: TaskID) -> [Skipped] {
        guard let number = taskNumbers[id], tasks[number].status == .handedOut else { return [] }
        running -= 1
        tasks[number].status = .failed
        var skipped: [(station: Int, task: Int?)] = []
        var brokenTasks = [number]
        var skippedStations: [Int] = []
        while true {
            if let task = brokenTasks.popLast() {
                for dependent in tasks[task].dependents where tasks[dependent].status == .waiting {
                    tasks[dependent].status = .skipped
                    skipped.append((tasks[dependent].station, dependent))
                    brokenTasks.append(dependent)
                }
                let station = tasks[task].station
                if !stations[station].isBroken {
                    stations[station].isBroken = true
                    skippedStations += stations[station].takenBy
                }
                if !stations[station].planned.makesMany || stations[station].checks != nil {
                    skippedStations += stations[station].eachBy
                }
            } else if let station = skippedStations.popLast() {
                if stations[station].isSkipped { continue }
                stations[station].isSkipped = true
                stations[station].isBroken = true
                skipped.append((station, nil))
                for task in stations[station].tasks ?? 0..<0 where tasks[task].status == .waiting {
                    tasks[task].status = .skipped
                }
                skippedStations += stations[station].takenBy + stations[station].eachBy
            } else {
                break
            }
        }
        // A station that is skipped whole speaks for its tasks.
        return skipped.filter { $0.task == nil || !stations[$0.station].isSkipped }
            .sorted { ($0.station, $0.task ?? -1) < ($1.station, $1.task ?? -1) }
            .map { Skipped(station: stations[$0.station].planned.id, task: $0.task.map { tasks[$0].id }, because: id) }
    }
}
