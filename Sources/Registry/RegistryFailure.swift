package import Failures

/// What goes wrong between this machine and a registry.
package struct RegistryFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode
    /// Whether the same may go well a moment later.
    private(set) var mayPass: Bool

    /// The same, when it was tried again often enough.
    var final: RegistryFailure {
        var final = self
        final.mayPass = false
        return final
    }

    init(
        _ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil, _ exitCode: ExitCode,
        mayPass: Bool = false
    ) {
        (self.summary, self.place, self.exitCode, self.mayPass) = (summary, place, exitCode, mayPass)
        self.cause = cause.map { String(Shown.whole($0).prefix(500)) }
        self.fix = fix
    }
}
