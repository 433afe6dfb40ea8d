internal import Files

extension TaskGraph.StationState {
    /// The words of its commands that stand for what it takes.
    var wordsTaken: [String] {
        let placeholders = template.placeholders + until.flatMap { $0.command?.placeholders ?? [] }
        return placeholders.map(\.word).filter { word in
            switch vocabulary.meaning(of: word) {
            case .takes, .each: true
            default: false
            }
        }
    }
}

extension TaskGraph {
    /// Whether a task that somebody else tells of is one of this plan: whatever it runs is what the plan says, in the environment and
    /// with the rights that the plan says. Which files it takes can't be known here: they must be paths, which commands see as
    /// paths only.
    package func hasTask(_ task: PlannedTask) -> Bool {
        guard let number = stations.firstIndex(where: { $0.planned.id == task.station }) else { return false }
        let station = stations[number]
        guard var name = task.id.name.after(station.planned.id.name) else { return false }
        if let turns = station.planned.turns {
            guard let turn = task.turn, (1...turns.count).contains(turn), name.ends(with: "/\(turn)") else {
                return false
            }
            name = String(name.dropLast("/\(turn)".count))
        }
        if !name.isEmpty {
            guard station.planned.runsForEach, let item = name.after("/"), ItemName.isSafe(item) else { return false }
            name = item
        }
        let item = Item(name: name, bindings: [])
        let words = task.words ?? [:]
        guard (task.turn == nil) == (station.planned.turns == nil),
            taskID(of: number, item: item, turn: task.turn) == task.id,
            words.values.allSatisfy({ $0.allSatisfy(Self.isPath) })
        else { return false }
        var same = plannedTask(
            of: station, id: task.id, name: name, turn: task.turn, reads: task.reads, { words[$0] ?? [] })
        (same.turnBefore, same.inputs, same.words) = (task.turnBefore, task.inputs, task.words)
        return same == task
    }

    /// An absolute path without a way up.
    private static func isPath(_ text: String) -> Bool {
        text.begins(with: "/") && !text.utf8.contains(0)
            && !text.utf8.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("..".utf8) }
    }
}
