package import Failures
internal import Glibc

/// A run that can't begin or go on. What a single task does wrong is not one of these: it is told by the run's events.
package struct ExecutionFailure: Failure, Hashable {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    package init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil,
        exitCode: ExitCode = .resources
    ) {
        (self.summary, self.place, self.cause, self.fix, self.exitCode) = (summary, place, cause, fix, exitCode)
    }

    package init(_ failure: any Failure) {
        self.init(
            failure.summary, place: failure.place, cause: failure.cause, fix: failure.fix, exitCode: failure.exitCode)
    }

    init(_ error: any Error) {
        if let failure = error as? any Failure { self.init(failure) } else { self.init("\(error)") }
    }

    /// As a part of a longer sentence.
    var words: String { cause.map { "\(summary) (\($0))" } ?? summary }

    /// With the system's own words for an error number.
    static func system(_ summary: String, code: Int32 = errno, fix: String? = nil) -> ExecutionFailure {
        ExecutionFailure(summary, cause: String(cString: strerror(code)), fix: fix)
    }
}
