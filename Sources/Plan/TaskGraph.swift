internal import Files
internal import Metro

/// The tasks of a plan: which may start now, what becomes known as stations end, what can't run any more.
///
/// A value without effects: whoever runs tasks asks `takeReady()`, runs what it gets in any order and at any speed, and tells
/// `finished` or `failed` for each. All together it takes time linear in tasks and dependencies.
package struct TaskGraph: Sendable {
    /// Something that can't run because of what failed: one task, or a whole station when `task` is nil.
    package struct Skipped: Hashable, Sendable {
        package let station: StationID
        package let task: TaskID?
        /// The task that failed.
        package let because: TaskID
    }

    /// A file or folder to copy to the results.
    package struct Result: Hashable, Sendable {
        package let station: StationID
        /// Below the run's `made`: `call/s1/s1.vcf.gz`.
        package let made: String
        /// Below the results: `call/s1.vcf.gz`.
        package let path: String
        package let isFolder: Bool
    }

    /// What a station takes, with names turned into numbers.
    struct Take: Sendable {
        enum Source: Sendable {
            case input([PlannedFile])
            /// An input whose files are checked by the tasks of this station.
            case checked(Int)
            case station(Int)
        }

        let source: Source
        /// All of them select; none take everything.
        let globs: [Glob]
        /// Of an input that is checked only these files, by their paths; nil for all.
        var among: Set<ExactText>?
        /// What it is.
        let name: String
        /// What stands for it in the command.
        let word: String
        let entry: Int

        /// For messages.
        var shown: String { ([name] + globs.map(\.text)).joined(separator: "/") }
    }

    struct StationState: Sendable {
        let planned: PlannedStation
        let template: CommandTemplate
        let outputs: [OutputName]
        let takes: [Take]
        let forEach: [Take]
        let vocabulary: Vocabulary
        /// How many values of an item the command names, for each of `forEach`.
        let valuesNeeded: [Int]
        var feed: Feed?
        var until: [Condition] = []
        /// Its tasks, once they are known.
        var tasks: Range<Int>?
        /// How many of the stations that it takes whole are not done.
        var waitsFor = 0
        var unfinishedTasks = 0
        /// Turns after the first ones that were begun, where only the last one is kept.
        var furtherTurns = 0
        var isSkipped = false
        /// A task of it failed or was skipped.
        var isBroken = false
        /// Stations that take this one whole, and those that run for each of what it made.
        var takenBy: [Int] = []
        var eachBy: [Int] = []
        /// What each of `takes` stands for, filled in as stations end.
        var values: [[String]]
        /// For a station that checks an input: all its files, one for each task; nil for a station of the metro.
        var checks: [PlannedFile]?
        /// The check of the input that this one's files are of, which goes first.
        var checkedBefore: Int?
        /// Those of them that are valid, once all are checked.
        var passed: [PlannedFile]?
    }

    /// What one of a station's `for_each` is for one item.
    enum Binding: Sendable {
        /// A file of an input.
        case file(String)
        /// Something that a station which ran once made, relative to its folder.
        case made(Int, String)
        /// A task of a station, by its number there.
        case task(Int, Int)
    }

    struct Item: Sendable {
        let name: String
        let bindings: [Binding]
        /// Where all turns are kept.
        var turn: Int?
    }

    enum Status: Sendable { case waiting, handedOut, done, failed, skipped }

    struct TaskState: Sendable {
        let station: Int
        let item: Item
        /// With the number of its turn.
        var id: TaskID
        var turn: Int?
        /// The turn before, where only the last one is kept.
        var turnBefore: TaskID?
        var status = Status.waiting
        /// How many tasks of its own item are not done.
        var waitsFor = 0
        var dependents: [Int] = []
        /// How many tasks whose item it is, or a part of it, are not done.
        var users = 0
        /// It was told that nothing needs what it made.
        var isReleased = false
        var made: [MadeFile] = []
        /// Why the file that it checks is not valid.
        var objection: String?
    }

    let plan: Plan
    /// What the results select of each station: for each of them patterns that must all match.
    let wanted: [StationID: [[Glob]]]
    /// Where the files of each input lie that are packed.
    let inputPlaces: [String: String]
    var stations: [StationState] = []
    var tasks: [TaskState] = []
    var taskNumbers: [TaskID: Int] = [:]
    var ready = ReadyTasks()
    var running = 0
    /// What was told by nobody yet.
    var unneeded: [Unneeded] = []
    /// Whether tasks say what the words of their commands stand for.
    package var tellsWords = false

    package init(_ plan: Plan) throws(PlanFailure) {
        var failures: [PlanFailure] = []
        self = try TaskGraph(plan, failures: &failures)
        if let first = failures.first { throw first }
    }

    /// - Parameter failures: what is wrong with single stations.
    init(_ plan: Plan, failures: inout [PlanFailure]) throws(PlanFailure) {
        self.plan = plan
        wanted = Dictionary(grouping: plan.results, by: \.station).mapValues { $0.map { $0.patterns.map { Glob($0) } } }
        inputPlaces = plan.inputPlaces
        try link()
        for station in stations.indices {
            do throws(PlanFailure) {
                if let items = try knownItems(of: station, assuming: [:]) { try begin(station, with: items) }
            } catch {
                failures.append(error)
            }
        }
    }

    /// The tasks that may start now and were not handed out before, in the order of the plan.
    /// - Parameter room: how many of a station are wanted, at most: of a hundred thousand not all need to be made up at once.
    package mutating func takeReady(atMost room: (StationID) -> Int = { _ in .max }) -> [PlannedTask] {
        let numbers = ready.take { room(stations[$0].planned.id) }
        running += numbers.count
        for number in numbers { tasks[number].status = .handedOut }
        return numbers.map(plannedTask)
    }

    /// The stations that have tasks, those first that check inputs.
    package var stationIDs: [StationID] { stations.map(\.planned.id) }

    /// How many tasks each station has, as far as that is known by now.
    package var knownTasks: [StationID: Int] {
        var known: [StationID: Int] = [:]
        for station in stations { known[station.planned.id] = taskCount(of: station) }
        return known
    }

    /// Whether some may start that were not handed out.
    package var hasReady: Bool { !ready.isEmpty }

    /// Nothing is ready or running, so nothing can become so.
    package var isFinished: Bool { running == 0 && ready.isEmpty }
}
