/// What went wrong, in the words that a person reads: every module's error type is one of these.
///
/// `las` prints it as `error: SUMMARY`, then the place, the cause and the fix, each on a line of its own,
/// and ends with `exitCode`.
package protocol Failure: Error, Sendable, CustomStringConvertible {
    /// One sentence without a full stop: what could not be done, to what.
    var summary: String { get }
    /// `file:line:column`, a host, an address: where; nil when the summary says it all.
    var place: String? { get }
    /// Why: the system's or the library's own text.
    var cause: String? { get }
    /// What the person can do about it.
    var fix: String? { get }
    var exitCode: ExitCode { get }
}

extension Failure {
    package var place: String? { nil }
    package var cause: String? { nil }
    package var fix: String? { nil }

    package var description: String {
        var text = summary
        if let place { text = "\(place): \(text)" }
        if let cause { text += ": \(cause)" }
        if let fix { text += " (\(fix))" }
        return text
    }
}
