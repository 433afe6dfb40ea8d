internal import Failures
internal import Files
package import Metro

/// The mistakes of a metro as the best compilers tell them: place, message, the line with a caret, the fix.
package enum DiagnosticText {
    package static func lines(of failure: MetroFailure, style: Style) -> [String] {
        var lines: [String] = []
        var sources: [String: [Substring]] = [:]
        for diagnostic in failure.diagnostics {
            let place = "\(Shown.whole(diagnostic.file)):\(diagnostic.line):\(diagnostic.column):"
            lines.append(
                style.bold(place) + " " + style.paint("error:", .red, bold: true) + " "
                    + Shown.whole(diagnostic.message))
            if sources[diagnostic.file] == nil { sources[diagnostic.file] = read(diagnostic.file) }
            if let source = sources[diagnostic.file], diagnostic.line >= 1, diagnostic.line <= source.count {
                lines += excerpt(String(source[diagnostic.line - 1]), column: diagnostic.column, style: style)
            }
            if let fix = diagnostic.fix { lines.append("    fix: " + Shown.whole(fix, keepingLines: true)) }
        }
        if failure.more > 0 { lines.append("… and \(failure.more) more") }
        return lines
    }

    /// The line, cut to what a terminal shows, and below it the caret.
    private static func excerpt(_ line: String, column: Int, style: Style) -> [String] {
        let characters = Array(Shown.whole(line.replacingTabs()))
        let caret = max(0, min(column - 1, characters.count))
        let start = max(0, caret - 60)
        let shown = String(characters[start..<min(characters.count, start + 100)])
        return [
            "    " + shown,
            "    " + String(repeating: " ", count: caret - start) + style.paint("^", .green, bold: true),
        ]
    }

    private static func read(_ file: String) -> [Substring] {
        guard let bytes = try? File.read(file, atMost: 4 << 20) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }
}

extension String {
    /// A tab as one space, so that the caret stands below its column.
    fileprivate func replacingTabs() -> String { String(map { $0 == "\t" ? " " : $0 }) }
}
