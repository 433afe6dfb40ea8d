package import Failures

/// What goes wrong with a workspace.
package struct WorkspaceFailure: Failure {
    package let summary: String
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    package init(_ summary: String, cause: String? = nil, fix: String? = nil, exitCode: ExitCode = .resources) {
        (self.summary, self.cause, self.fix, self.exitCode) = (summary, cause, fix, exitCode)
    }
}
