package import Failures

/// What an engine can't be given, or does not do.
package struct EngineFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    package init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil,
        _ exitCode: ExitCode = .usage
    ) {
        (self.summary, self.place, self.cause, self.fix, self.exitCode) = (summary, place, cause, fix, exitCode)
    }
}
