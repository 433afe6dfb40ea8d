package import Failures

/// An image or a bundle that could not be made.
package struct BundleFailure: Failure {
    package let summary: String
    package let place: String?
    package let cause: String?
    package let fix: String?
    package let exitCode: ExitCode

    init(_ summary: String, place: String? = nil, cause: String? = nil, fix: String? = nil, exitCode: ExitCode = .usage)
    {
        (self.summary, self.place, self.cause, self.fix) = (summary, place, cause, fix)
        self.exitCode = exitCode
    }

    /// A file that is not as its layer says.
    static func changed(_ path: String) -> BundleFailure {
        BundleFailure(
            "a file changed while it was packed", place: path, fix: "pack again when nothing writes to it")
    }

    /// - Parameter code: an `SQFS_ERROR`, or 0 where the library only said that there is no memory.
    static func squashfs(_ action: String, _ code: Int32) -> BundleFailure {
        let words =
            switch code {
            case 0, -1: "there is not enough memory"
            case -2: "reading or writing failed"
            case -3: "compressing failed"
            case -7: "a number is too large for the format"
            default: "error \(code)"
            }
        return BundleFailure("can't \(action) of the image", cause: "libsquashfs: \(words)", exitCode: .resources)
    }
}
