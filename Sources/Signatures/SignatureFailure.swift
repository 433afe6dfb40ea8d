package import Failures

/// A key that is no key, or a bundle that is not signed as it must be.
package struct SignatureFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    package init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil,
        exitCode: ExitCode = .integrity
    ) {
        (self.summary, self.place, self.cause, self.fix) = (summary, place, cause, fix)
        self.exitCode = exitCode
    }

    static let noSodium = SignatureFailure("libsodium can't be used on this machine", exitCode: .resources)
}
