package import Failures

/// An error as lines for a person: what, where, why, what to do.
package enum ErrorText {
    package static func lines(of failure: some Failure, style: Style) -> [String] {
        var lines = [style.paint("error:", .red, bold: true) + " " + printable(failure.summary, keepingLines: true)]
        if let place = failure.place { lines.append("  at:    " + printable(place)) }
        if let cause = failure.cause { lines.append("  cause: " + indented(printable(cause, keepingLines: true))) }
        if let fix = failure.fix { lines.append("  fix:   " + indented(printable(fix, keepingLines: true))) }
        return lines
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n         ")
    }
}
