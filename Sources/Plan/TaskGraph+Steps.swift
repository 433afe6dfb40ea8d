internal import Files
internal import Metro

/// The graph for engines that run each step by a process of its own, with nothing but the records of those before.
extension TaskGraph {
    /// How many tasks of a station follow one another as one step.
    private func width(_ station: Int) -> Int {
        guard let turns = stations[station].planned.turns, turns.isOneByOne, !turns.keepsLast else { return 1 }
        return turns.count
    }

    private func stepCount(_ station: Int) -> Int? { stations[station].tasks.map { $0.count / width(station) } }

    private func range(_ station: Int, _ step: Int) -> Range<Int>? {
        guard let tasks = stations[station].tasks, (0..<tasks.count / width(station)).contains(step) else { return nil }
        let first = tasks.lowerBound + step * width(station)
        return first..<(first + width(station))
    }

    private func number(of station: StationID) -> Int? { stations.firstIndex { $0.planned.id == station } }

    private func isDone(_ station: Int, _ step: Int) -> Bool {
        range(station, step)?.allSatisfy { tasks[$0].status == .done } ?? false
    }

    private func isDone(_ station: Int) -> Bool {
        stations[station].tasks != nil && stations[station].unfinishedTasks == 0
    }

    // MARK: Ends

    /// Hands out all that may start, without making up commands.
    package mutating func handOut() {
        running += ready.count
        for number in ready.take({ _ in .max }) { tasks[number].status = .handedOut }
    }

    /// The next task of a step that may start, handed out; nil where none may, or all are done.
    package mutating func next(of step: StepID) -> PlannedTask? {
        handOut()
        return number(of: step.station).flatMap { range($0, step.number) }?.first { tasks[$0].status == .handedOut }
            .map(plannedTask)
    }

    /// The steps that a task may be told of now, with the next task of each: a station's, in their order.
    package mutating func open(of station: StationID) -> [(step: Int, task: TaskID)] {
        handOut()
        guard let number = number(of: station), let count = stepCount(number) else { return [] }
        return (0..<count).compactMap { step in
            range(number, step)?.first { tasks[$0].status == .handedOut }.map { (step, tasks[$0].id) }
        }
    }

    /// Whether a task was handed out and has not ended.
    package func isOpen(_ task: TaskID) -> Bool { taskNumbers[task].map { tasks[$0].status == .handedOut } ?? false }

    /// Whether a step records each of its tasks: it has several, one after another.
    package func hasTurns(_ step: StepID) -> Bool {
        number(of: step.station).map { width($0) > 1 || stations[$0].planned.turns?.keepsLast == true } ?? false
    }

    /// Takes what is recorded of a task that was handed out.
    ///
    /// - Returns: what to tell the person.
    /// - Throws: as `finished` and `checked` do.
    @discardableResult
    package mutating func take(_ end: TaskEnd) throws(PlanFailure) -> String? {
        guard end.succeeded else {
            _ = failed(end.task)
            return nil
        }
        guard let number = taskNumbers[end.task] else { return nil }
        let station = stations[tasks[number].station]
        if station.checks != nil { return try checked(end.task, objection: end.objection) }
        try finished(end.task, made: end.made, turn: station.until.isEmpty ? nil : TurnEnd(unmet: end.unmet))
        return nil
    }

    // MARK: One step

    private enum Goal {
        /// The station's items.
        case known(Int)
        case ended(Int)
        case step(Int, Int)
    }

    /// Brings the graph to where a step may start, by the records of what it takes, directly or through others, and of no
    /// more than that.
    ///
    /// - Parameter ends: what is recorded of a step, all its tasks.
    /// - Throws: also where something failed that it takes.
    package mutating func bring(_ step: StepID, ends: (StepID) throws -> [TaskEnd]) throws {
        guard let station = number(of: step.station) else {
            throw PlanFailure("the metro has no station “\(step.station)”")
        }
        var goals = [Goal.step(station, step.number)]
        while let goal = goals.last {
            let missing = missing(for: goal)
            if !missing.isEmpty {
                goals += missing.reversed()
                continue
            }
            goals.removeLast()
            if case .known(let number) = goal, stations[number].tasks == nil {
                throw PlanFailure(
                    "what \(stations[number].planned.id) runs for can't be known", exitCode: .stationsFailed)
            }
            guard case .step(let station, let number) = goal else { continue }
            let step = StepID(stations[station].planned.id, number)
            guard range(station, number) != nil else {
                throw PlanFailure(
                    "\(step.station) has \(stepCount(station) ?? 0) steps, counted from 0, and no \(number)")
            }
            if goals.isEmpty || isDone(station, number) { continue }
            handOut()
            for end in try ends(step) {
                try take(end)
                handOut()
            }
            if !isDone(station, number) {
                throw PlanFailure("\(step) is not done, and others take it", exitCode: .stationsFailed)
            }
        }
    }

    /// What has to be done before; empty where nothing has.
    private func missing(for goal: Goal) -> [Goal] {
        switch goal {
        case .known(let number):
            if stations[number].tasks != nil { return [] }
            return stations[number].forEach.compactMap { take in
                switch take.source {
                case .input: return nil
                case .checked(let source): return stations[source].passed == nil ? .ended(source) : nil
                case .station(let source) where stations[source].planned.makesMany:
                    return stations[source].tasks == nil ? .known(source) : nil
                case .station(let source):
                    return isDone(source) ? nil : .step(source, 0)
                }
            }
        case .ended(let number):
            guard let count = stepCount(number) else { return [.known(number)] }
            return isDone(number) ? [] : (0..<count).filter { !isDone(number, $0) }.map { .step(number, $0) }
        case .step(let number, let step):
            guard stations[number].tasks != nil else { return [.known(number)] }
            var goals: [Goal] = []
            if stations[number].waitsFor > 0 { goals = whole(number).filter { !isDone($0) }.map { .ended($0) } }
            for task in range(number, step) ?? 0..<0 where tasks[task].status == .waiting {
                for case (let source, let step)? in tasks[task].item.bindings.map(source) where !isDone(source, step) {
                    goals.append(.step(source, step))
                }
            }
            return goals
        }
    }

    /// The stations that one takes whole.
    private func whole(_ number: Int) -> [Int] {
        var whole: [Int] = []
        for take in stations[number].takes {
            switch take.source {
            case .input: break
            case .checked(let source), .station(let source): if !whole.contains(source) { whole.append(source) }
            }
        }
        if let before = stations[number].checkedBefore, !whole.contains(before) { whole.append(before) }
        return whole
    }

    private func source(_ binding: Binding) -> (station: Int, step: Int)? {
        switch binding {
        case .file: nil
        case .made(let source, _): (source, 0)
        case .task(let source, let item): (source, item / width(source))
        }
    }

    // MARK: All steps

    /// All stations in the order of the plan, those first that check inputs. What may start is handed out.
    package mutating func allSteps() -> [StationSteps] {
        handOut()
        return stations.indices.map { number in
            let station = stations[number]
            let turns = station.planned.turns
            return StationSteps(
                station: station.planned.id,
                states: stepCount(number).map { count in (0..<count).map { state(number, $0) } },
                isSkipped: station.isSkipped, waits: waits(of: number), knownAfter: knownAfter(number),
                uses: station.planned.uses, attempts: station.planned.retry + 1,
                turns: turns?.isOneByOne == true ? turns?.count ?? 1 : 1)
        }
    }

    private func knownAfter(_ number: Int) -> [StationID] {
        var after: [StationID] = []
        var goals = missing(for: .known(number))
        while let goal = goals.popLast() {
            switch goal {
            case .known(let source): goals += missing(for: .known(source))
            case .ended(let source), .step(let source, _):
                let id = stations[source].planned.id
                if !after.contains(id) { after.append(id) }
            }
        }
        return after
    }

    private func state(_ station: Int, _ step: Int) -> StationSteps.State {
        let all = tasks[range(station, step) ?? 0..<0].map(\.status)
        if all.contains(.failed) { return .failed }
        if stations[station].isSkipped && all.contains(.waiting) || all.contains(.skipped) { return .skipped }
        if all.allSatisfy({ $0 == .done }) { return .done }
        return all.contains(.handedOut) ? .ready : .waiting
    }

    private func waits(of number: Int) -> [StationSteps.Wait] {
        let whole = whole(number)
        var waits = whole.map { StationSteps.Wait(stations[$0].planned.id, isMatched: false) }
        let turns = stations[number].planned.turns
        var seen = Set(whole)
        for (position, take) in stations[number].forEach.enumerated() {
            switch take.source {
            case .input: continue
            case .checked(let source):
                if seen.insert(source).inserted { waits.append(.init(stations[source].planned.id, isMatched: false)) }
            case .station(let source):
                guard seen.insert(source).inserted else { continue }
                // Others are paired by name, in whatever order theirs is.
                let isMatched =
                    position == 0 && stations[source].planned.makesMany && width(source) == 1
                    && turns?.isOneByOne ?? true
                waits.append(.init(stations[source].planned.id, isMatched: isMatched))
            }
        }
        return waits
    }
}
