internal import Digests
internal import Failures
internal import Files
internal import Metro

/// Stations that run in turns.
///
/// Where all turns are kept, each turn of each item is a task from the beginning. Where only the last one is, an item is one
/// task that comes back under the next turn's name until its last turn has ended: the rest of the graph sees that one.
extension TaskGraph {
    /// What `until` found after a turn.
    package struct TurnEnd: Hashable, Sendable {
        /// What does not hold, as a person says it: "loss was 0.42, not below 0.1"; nil when all does.
        package let unmet: String?

        package init(unmet: String?) { self.unmet = unmet }
    }

    /// What the first output of a turn takes the place of in the next.
    enum Feed: Sendable {
        /// Entries of `in`, by their numbers.
        case takes([Int])
        /// The item of one of `for_each`, by its number.
        case each(Int)
    }

    /// A requirement of `until`, with what it names made ready.
    struct Condition: Sendable {
        let requirement: Requirement
        let file: OutputName?
        let command: CommandTemplate?
    }

    /// What a station's turns hand on and ask for; refuses what a plan of ours never says.
    static func turns(
        of planned: PlannedStation, _ vocabulary: Vocabulary
    ) throws(PlanFailure) -> (feed: Feed?, until: [Condition]) {
        guard let turns = planned.turns else { return (nil, []) }
        guard (1...Turns.largestCount).contains(turns.count) else { throw wrong("the turns of “\(planned.id)”") }
        var feed: Feed?
        if let word = turns.feed {
            switch vocabulary.meaning(of: word) {
            case .takes(let numbers): feed = .takes(numbers)
            case .each(let number, value: 0): feed = .each(number)
            default: throw wrong("what “\(planned.id)” feeds")
            }
        }
        let until = turns.until.map { requirement in
            switch requirement {
            case .fileExists(let name):
                Condition(requirement: requirement, file: OutputName(name, of: "file_exists"), command: nil)
            case .value(let name, _):
                Condition(requirement: requirement, file: OutputName(name, of: "value_in"), command: nil)
            case .passes(let command):
                Condition(requirement: requirement, file: nil, command: CommandTemplate(command))
            case .outputContains, .outputLacks, .unchanged:
                Condition(requirement: requirement, file: nil, command: nil)
            }
        }
        for condition in until {
            let words = condition.command?.placeholders.map(\.word) ?? []
            guard condition.file?.mistakes.isEmpty ?? true, condition.command?.mistakes.isEmpty ?? true,
                words.allSatisfy({ vocabulary.meaning(of: $0) != nil }),
                condition.file.map({ RelativePath($0.path(for: "x")) != nil }) ?? true
            else { throw wrong("what “\(planned.id)” asks for after a turn") }
        }
        return (feed, until)
    }

    /// A task for each turn, where all are kept.
    static func turned(_ items: [Item], of station: StationState) throws(PlanFailure) -> [Item] {
        guard let turns = station.planned.turns, !turns.keepsLast else { return items }
        guard items.count <= mostTasks / turns.count else {
            throw PlanFailure(
                "the station “\(station.planned.id)” would have \(items.count) times \(turns.count) tasks, and a million is the most",
                fix: "repeat it less often, or let a command do several turns", station: station.planned.id)
        }
        return items.flatMap { item in
            (1...turns.count).map { Item(name: item.name, bindings: item.bindings, turn: $0) }
        }
    }

    private static let mostTasks = 1_000_000

    /// - Parameter turn: nil for a station without turns.
    func taskID(of station: Int, item: Item, turn: Int?) -> TaskID {
        var name = stations[station].planned.id.name
        if !item.name.isEmpty { name += "/" + item.name }
        if let turn { name += "/\(turn)" }
        return TaskID(name)
    }

    /// Makes the next turn ready, where one follows.
    ///
    /// - Throws: when there may be no further one, and what `until` asks for does not hold.
    mutating func goesOn(_ number: Int, _ end: TurnEnd?) throws(PlanFailure) -> Bool {
        let task = tasks[number]
        guard let turns = stations[task.station].planned.turns, turns.keepsLast, let turn = task.turn else {
            return false
        }
        if !turns.until.isEmpty {
            let unmet: String
            switch end {
            case .some(let end):
                guard let text = end.unmet else { return false }
                unmet = text
            case nil: unmet = "what “until” asks for was not looked at"
            }
            if turn == turns.count {
                throw PlanFailure(
                    "\(unmet), after \(Amounts.count(turns.count, "turn"))",
                    fix: "allow more turns with “at_most”, or ask for less", exitCode: .stationsFailed)
            }
        } else if turn == turns.count {
            return false
        }
        running -= 1
        releaseTurn(before: number)
        taskNumbers[task.id] = nil
        tasks[number].turnBefore = task.id
        tasks[number].turn = turn + 1
        tasks[number].id = taskID(of: task.station, item: task.item, turn: turn + 1)
        tasks[number].status = .waiting
        taskNumbers[tasks[number].id] = number
        stations[task.station].furtherTurns += 1
        ready.add(number, of: task.station)
        return true
    }

    /// What the task gets in the place of what is fed: the path of the turn before's first output; nil in the first turn.
    func fed(_ number: Int) -> String? {
        let task = tasks[number]
        guard stations[task.station].feed != nil, let before = task.turnBefore,
            let output = stations[task.station].outputs.first
        else { return nil }
        return "/.las/made/\(before)/\(output.path(for: task.item.name))"
    }

    /// How many tasks a station has, as far as that is known.
    func taskCount(of station: StationState) -> Int? {
        guard let tasks = station.tasks?.count, let turns = station.planned.turns, turns.keepsLast else {
            return station.tasks?.count
        }
        return turns.until.isEmpty ? tasks * turns.count : tasks + station.furtherTurns
    }

    /// A positive number of 31 bits that is always the same for this task of this metro.
    static func seed(of task: TaskID, _ seed: Seed) -> Int {
        let digest = Digest(of: "las seed \(seed.base.map { "\($0)" } ?? "-") \(task.name)")
        return max(1, digest.bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) } & 0x7FFF_FFFF)
    }
}

extension TaskGraph.Item {
    /// What it is called where others run for each of its tasks: `s1`, or in turns that are all kept `3`, `s1_3`.
    var nameForOthers: String {
        guard let turn else { return name }
        return name.isEmpty ? "\(turn)" : ItemName.safe("\(name)_\(turn)")
    }
}
