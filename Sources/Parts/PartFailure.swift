package import Failures
package import Files

/// A part or a bundle that is not what it must be, or a file of one that the system refused.
package struct PartFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    /// Something that was changed, cut short, or was never a part.
    /// - Parameter what: what is wrong: "extent 3 of the environment “base” (bytes 4096 to 8191) was changed".
    package static func damaged(_ what: String, in path: String, cause: String? = nil) -> PartFailure {
        PartFailure(
            summary: what, place: path, cause: cause, fix: "fetch or pack it again", exitCode: .integrity)
    }

    /// A format of a later las.
    static func newer(_ what: String, version: UInt32, in path: String) -> PartFailure {
        PartFailure(
            summary: "\(what) has version \(version) of its format, which this las does not know yet", place: path,
            cause: nil, fix: "use a newer las for it", exitCode: .integrity)
    }

    /// In the words of the file's failure.
    package init(_ failure: FileFailure) {
        (summary, place, cause) = (failure.summary, failure.place, failure.cause)
        (fix, exitCode) = (failure.fix, failure.exitCode)
    }

    private init(summary: String, place: String?, cause: String?, fix: String?, exitCode: ExitCode) {
        (self.summary, self.place, self.cause) = (summary, place, cause)
        (self.fix, self.exitCode) = (fix, exitCode)
    }
}
