package import HostProtocol
package import Plan

/// What las does with each engine that spreads processes over machines: a folder of this module for each of them.
///
/// In between lies a submission, which is data: all that the engine's own tools are given, the same for the same plan and options,
/// to be printed (`las manifest`) as well as submitted (`las deploy`). What runs there are steps (`las-runtime step`), or a whole
/// run; how far they are is told as events of a run, whatever engine it is.
package protocol DistributedEngine {
    associatedtype Submission: CustomStringConvertible, Sendable

    /// Pure.
    /// - Throws: what the engine can't be given: names, sizes, needs that it does not have.
    func prepare(_ plan: Plan) throws(EngineFailure) -> Submission

    /// Hands it to the engine, as one: where a part of it is refused, nothing of it is left there.
    func submit(_ submission: Submission) async throws

    /// Looks on until the run has ended.
    /// - Parameter tell: told of each event, in the order of the run's journal.
    /// - Returns: its last event, `runEnded`.
    func follow(_ submission: Submission, tell: (RunEvent) -> Void) async throws -> RunEvent

    /// Brings the results, whole files.
    func fetch(_ submission: Submission, into folder: String) async throws

    /// Has the engine end all that was submitted; what is done is kept. What has ended already is fine.
    func cancel(_ submission: Submission) async throws
}
