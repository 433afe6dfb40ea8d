package import Failures

/// A secret that is not there, or can't be opened.
package struct SecretFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    package init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil,
        exitCode: ExitCode = .usage
    ) {
        (self.summary, self.place, self.cause, self.fix, self.exitCode) = (summary, place, cause, fix, exitCode)
    }
}
