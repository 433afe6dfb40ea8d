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

    package init(_ plan: Plan) throws(PlanFailure) {}

    /// The tasks that may start now and were not handed out before, in the order of the plan.
    package mutating func takeReady() -> [PlannedTask] { [] }

    /// - Parameter made: everything below the task's folder, the contents of folders included, sorted.
    /// - Throws: when what depends on it can't be planned: nothing matches a `for_each`, two items have one name. The task
    ///   then counts as running still: the caller tells `failed` of it.
    package mutating func finished(_ id: TaskID, made: [MadeFile]) throws(PlanFailure) {}

    /// - Returns: what can't run any more, in the order of the plan.
    package mutating func failed(_ id: TaskID) -> [Skipped] { [] }

    /// How many tasks each station has, as far as that is known by now.
    package var knownTasks: [StationID: Int] { [:] }

    /// Nothing is ready or running, so nothing can become so.
    package var isFinished: Bool { true }

    /// What to copy to the results, of the tasks that are done; sorted by path.
    package var results: [Result] { [] }
}
