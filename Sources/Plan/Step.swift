/// What one process of an engine runs: an item of a station, with those of its turns that follow one another. Turns side by
/// side are steps of their own.
package struct StepID: Hashable, Sendable, CustomStringConvertible {
    package let station: StationID
    /// From 0, in the order of the station's items.
    package let number: Int

    package init(_ station: StationID, _ number: Int) { (self.station, self.number) = (station, number) }

    package var description: String { "\(station) \(number)" }
}

/// How a task ended, as its record tells.
package struct TaskEnd: Hashable, Sendable {
    package let task: TaskID
    package var succeeded = true
    package var made: [MadeFile] = []
    /// Of a turn with `until`: what does not hold after it.
    package var unmet: String?
    /// Of a look at a file of an input: why that is not valid.
    package var objection: String?

    package init(
        _ task: TaskID, succeeded: Bool = true, made: [MadeFile] = [], unmet: String? = nil, objection: String? = nil
    ) {
        (self.task, self.succeeded, self.made, self.unmet, self.objection) = (task, succeeded, made, unmet, objection)
    }
}

/// The steps of a station, as far as they are known.
package struct StationSteps: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// Not known to be able to start yet.
        case waiting
        /// All that it takes is there.
        case ready
        case done, failed, skipped
    }

    /// A station whose steps come first.
    package struct Wait: Hashable, Sendable {
        package let station: StationID
        /// Step N takes something of that one's step N, and of no other.
        package let isMatched: Bool

        package init(_ station: StationID, isMatched: Bool) { (self.station, self.isMatched) = (station, isMatched) }
    }

    package let station: StationID
    /// One for each step; nil where nobody can know how many there are before another station has run.
    package let states: [State]?
    /// It can't run, since something failed that it takes.
    package let isSkipped: Bool
    package let waits: [Wait]
    /// The stations that must have ended for the number of steps to be known; empty where it is.
    package let knownAfter: [StationID]
    /// Of one step, `time` for one task of it.
    package let uses: Resources
    /// How often a task of it is tried, at most.
    package let attempts: Int
    /// The tasks that a step runs one after another, at most.
    package let turns: Int

    /// The numbers of the steps in a state, sorted.
    package func numbers(_ state: State) -> [Int] { (states ?? []).indices.filter { states?[$0] == state } }
}
