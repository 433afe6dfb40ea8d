package import Failures
internal import Glibc

/// A file operation that the system refused.
package struct FileFailure: Failure {
    /// What could not be done: "read", "write", "make the folder".
    package let action: String
    package let path: String
    package let code: Int32

    package init(_ action: String, _ path: String, code: Int32) {
        (self.action, self.path, self.code) = (action, path, code)
    }

    /// With the system's last error.
    package init(_ action: String, _ path: String) { self.init(action, path, code: errno) }

    /// Where a file is expected, and something else is there.
    package static func notAFile(_ action: String, _ path: String) -> FileFailure {
        FileFailure(action, path, code: File.status(path, follow: true)?.kind == .folder ? EISDIR : EINVAL)
    }

    package var summary: String { "can't \(action) \(path)" }
    package var cause: String? { String(cString: strerror(code)) }
    package var fix: String? {
        switch code {
        case ENOSPC, EDQUOT: "free some space on that disk, or set LASH to a folder on another one"
        case EACCES, EPERM, EROFS: "check who owns it: this user may not do that there"
        default: nil
        }
    }
    package var exitCode: ExitCode {
        switch code {
        case ENOENT, ENOTDIR, EISDIR: .usage
        default: .resources
        }
    }
    package var isMissing: Bool { code == ENOENT || code == ENOTDIR }
}
