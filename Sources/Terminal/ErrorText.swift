package import Failures

/// An error as lines for a person: what, where, why, what to do.
package enum ErrorText {
    package static func lines(of failure: some Failure, style: Style) -> [String] {
        var lines = [style.paint("error:", .red, bold: true) + " " + Shown.whole(failure.summary, keepingLines: true)]
        if let place = failure.place { lines.append("  at:    " + Shown.whole(place)) }
        if let cause = failure.cause { lines.append("  cause: " + indented(Shown.whole(cause, keepingLines: true))) }
        if let fix = failure.fix { lines.append("  fix:   " + indented(Shown.whole(fix, keepingLines: true))) }
        return lines
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n         ")
    }
}
