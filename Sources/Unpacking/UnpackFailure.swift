package import Failures
internal import Files

/// An image that could not be read, or not be unpacked.
package struct UnpackFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    /// Something that no image of ours has.
    static func damaged(_ what: String, in path: String) -> UnpackFailure {
        UnpackFailure(
            summary: "the image is damaged", place: path, cause: what, fix: "fetch or pack it again",
            exitCode: .integrity)
    }

    static func missing(_ path: RelativePath, in image: String) -> UnpackFailure {
        UnpackFailure(
            summary: "there is no file \(path) in the image", place: image, cause: nil, fix: nil, exitCode: .integrity)
    }

    static func noMemory(_ path: String) -> UnpackFailure {
        UnpackFailure(
            summary: "there is not enough memory to unpack the image", place: path, cause: nil, fix: nil,
            exitCode: .resources)
    }

    init(_ failure: FileFailure) {
        (summary, place, cause) = (failure.summary, failure.place, failure.cause)
        (fix, exitCode) = (failure.fix, failure.exitCode)
    }

    private init(summary: String, place: String?, cause: String?, fix: String?, exitCode: ExitCode) {
        (self.summary, self.place, self.cause) = (summary, place, cause)
        (self.fix, self.exitCode) = (fix, exitCode)
    }
}
