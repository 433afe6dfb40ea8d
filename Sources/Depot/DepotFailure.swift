package import Failures

/// What went wrong between the names of packages and the layers made of them.
package struct DepotFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    package init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil, _ exitCode: ExitCode
    ) {
        (self.summary, self.place, self.cause, self.fix, self.exitCode) = (summary, place, cause, fix, exitCode)
    }
}

extension String {
    /// Text from elsewhere, fit to be shown on a terminal: control characters become `?`.
    var printable: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.value < 32 && $0 != "\n" || 127...159 ~= $0.value ? "?" : $0 }))
    }
}
