internal import Metro

/// What tasks made that nothing goes on from any more.
extension TaskGraph {
    /// A task that is done, or a turn, whose outputs may go.
    package struct Unneeded: Hashable, Sendable {
        package let task: TaskID
        package let station: StationID
    }

    /// The tasks that are done and whose outputs nothing wants that is still to be done: no other task, no next turn, not the
    /// results; and no `keep` holds them. Each is given once, those first that were done with first.
    ///
    /// What a task needs that failed, or that was skipped for it, is never among them: it may be tried again.
    package mutating func takeUnneeded() -> [Unneeded] {
        defer { unneeded = [] }
        return unneeded
    }

    /// A task is done.
    /// - Parameter isLast: its station is done with it.
    mutating func release(by number: Int, isLast: Bool) {
        let station = stations[tasks[number].station]
        for binding in tasks[number].item.bindings {
            guard let source = source(of: binding) else { continue }
            tasks[source].users -= 1
            look(source)
        }
        if isLast {
            var seen = Set<Int>()
            for take in station.takes {
                guard case .station(let source) = take.source, seen.insert(source).inserted else { continue }
                for task in stations[source].tasks ?? 0..<0 { look(task) }
            }
        }
        releaseTurn(before: number)
        look(number)
    }

    /// A turn is done, so what the one before it made is not compared with or fed any more.
    mutating func releaseTurn(before number: Int) {
        let task = tasks[number]
        let station = stations[task.station].planned
        guard let before = task.turnBefore, !station.keepsMade else { return }
        unneeded.append(Unneeded(task: before, station: station.id))
    }

    private mutating func look(_ number: Int) {
        let task = tasks[number]
        let station = stations[task.station]
        guard task.status == .done, task.users == 0, !task.isReleased, station.checks == nil,
            !station.planned.keepsMade,
            wanted[station.planned.id] == nil, station.eachBy.allSatisfy({ stations[$0].tasks != nil }),
            station.takenBy.allSatisfy(isDone)
        else { return }
        tasks[number].isReleased = true
        unneeded.append(Unneeded(task: task.id, station: station.planned.id))
    }

    private func isDone(_ station: Int) -> Bool {
        stations[station].tasks != nil && stations[station].unfinishedTasks == 0 && !stations[station].isBroken
    }
}
