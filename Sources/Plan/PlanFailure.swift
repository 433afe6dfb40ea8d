package import Failures

/// A plan that can't be carried out.
package struct PlanFailure: Failure, Equatable {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode
    /// The station that it is about.
    package let station: StationID?

    package init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil, exitCode: ExitCode = .usage,
        station: StationID? = nil
    ) {
        (self.summary, self.place, self.cause, self.fix, self.exitCode) = (summary, place, cause, fix, exitCode)
        self.station = station
    }
}
