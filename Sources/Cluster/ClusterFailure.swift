package import Failures

/// What the cluster did not do, or how it can't be reached.
package struct ClusterFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode
    /// It may go well a little later.
    package let isPassing: Bool

    init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil,
        _ exitCode: ExitCode = .unreachable, isPassing: Bool = false
    ) {
        (self.summary, self.place, self.cause, self.fix) = (summary, place, cause, fix)
        (self.exitCode, self.isPassing) = (exitCode, isPassing)
    }
}
