package import Failures
internal import Glibc

/// A sandbox that could not be started: what was being done, and what the system said.
package struct SandboxFailure: Failure, Hashable {
    package enum Stage: Hashable, Sendable {
        /// The plan itself makes no sense.
        case plan
        case clone, group, descriptors, userMap, mounts, root, pivot, hostName, limit, workFolder, privileges, filter
        case step(SandboxPlan.Step)
        case program
    }

    package let stage: Stage
    package let summary: String
    /// The system's error number; 0 where the plan is at fault.
    package let code: Int32

    init(_ stage: Stage, _ summary: String, code: Int32 = 0) {
        (self.stage, self.summary, self.code) = (stage, summary, code)
    }

    package var cause: String? { code == 0 ? nil : String(cString: strerror(code)) }

    package var fix: String? {
        switch (stage, code) {
        case (.clone, EPERM), (.clone, ENOSPC), (.clone, EUSERS), (.userMap, EPERM), (.userMap, EACCES):
            "this machine does not let the user make user namespaces: ask who runs it, or run as root"
        default: nil
        }
    }

    package var exitCode: ExitCode {
        switch stage {
        case .plan, .program: .usage
        default: .resources
        }
    }
}
