package import Failures

/// A text that is not JSON, or JSON that is not what was expected.
package struct JSONFailure: Failure, Equatable {
    package let summary: String
    package let place: String?
    package let exitCode = ExitCode.integrity

    package init(_ summary: String, place: String? = nil) {
        self.summary = summary
        self.place = place
    }
}
