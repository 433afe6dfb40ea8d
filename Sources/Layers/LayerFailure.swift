package import Failures

/// A layer in LASH's store that is not as it was written.
package struct LayerFailure: Failure {
    package let summary: String
    package let place: String?
    package let fix: String?

    package init(_ summary: String, place: String? = nil, fix: String? = nil) {
        (self.summary, self.place, self.fix) = (summary, place, fix)
    }

    package var exitCode: ExitCode { .integrity }
}
