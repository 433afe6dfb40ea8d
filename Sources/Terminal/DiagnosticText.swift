internal import Failures
internal import Files
package import Metro

/// The mistakes of a metro as the best compilers tell them: place, message, the line with what is wrong underlined, the fix.
package enum DiagnosticText {
    /// - Parameter columns: how wide the lines of the file may be shown.
    package static func lines(of failure: MetroFailure, style: Style, columns: Int = 100) -> [String] {
        var lines: [String] = []
        let sources = sources(of: failure)
        for (number, diagnostic) in failure.diagnostics.enumerated() {
            if number > 0 { lines.append("") }
            let place = "\(Shown.whole(diagnostic.file)):\(diagnostic.line):\(diagnostic.column):"
            lines.append(
                style.bold(place) + " " + style.paint("error:", .red, bold: true) + " "
                    + style.bold(Shown.whole(diagnostic.message)))
            lines += excerpt(of: diagnostic, sources[diagnostic.file] ?? [:], style: style, columns: columns)
            if let fix = diagnostic.fix {
                let parts = Shown.whole(fix, keepingLines: true).split(
                    separator: "\n", omittingEmptySubsequences: false)
                lines.append(
                    "    " + style.paint("fix:", .green, bold: true) + " " + parts.joined(separator: "\n         "))
            }
        }
        if failure.more > 0 { lines += ["", "… and \(failure.more) more"] }
        return lines
    }

    /// The line of the mistake, and that of its label, each with its number before it and a mark below it.
    private static func excerpt(
        of diagnostic: Diagnostic, _ source: [Int: String], style: Style, columns: Int
    ) -> [String] {
        var marks: [(line: Int, mark: SourceExcerpt.Mark)] = [
            (
                diagnostic.line,
                .init(column: diagnostic.column, endColumn: diagnostic.endColumn, sign: "^")
            )
        ]
        if let beside = diagnostic.beside {
            let place = beside.position
            marks.append(
                (
                    place.line,
                    .init(column: place.column, endColumn: place.endColumn, sign: "-", label: Shown.whole(beside.text))
                ))
        }
        let numbers = Set(marks.map(\.line)).sorted().filter { source[$0] != nil }
        guard let last = numbers.last else { return [] }
        let gutter = max(4, String(last).count + 1)
        func bar(_ number: String, _ text: String) -> String {
            let left = String(repeating: " ", count: gutter - number.count) + number + " |"
            return style.paint(left, .blue, bold: true) + (text.isEmpty ? "" : " " + text)
        }
        var lines: [String] = []
        for (index, number) in numbers.enumerated() {
            if index > 0, numbers[index - 1] + 1 < number {
                lines.append(style.paint(String(repeating: " ", count: gutter) + " …", .blue, bold: true))
            }
            let here = marks.filter { $0.line == number }.map(\.mark)
            let (line, rows) = SourceExcerpt(source[number] ?? "").lines(here, columns: max(20, columns - gutter - 3))
            lines.append(bar(String(number), line))
            for (mark, row) in zip(here, rows) {
                let sign = row.mark + (mark.label.isEmpty ? "" : " " + mark.label)
                let isWrong = mark.sign == "^"
                lines.append(
                    bar(
                        "",
                        String(repeating: " ", count: row.indent)
                            + style.paint(sign, isWrong ? .red : .blue, bold: true)))
            }
        }
        return lines
    }

    // MARK: The files

    /// The lines that are shown, by file and number. What can't be read, or is no text, is not shown.
    private static func sources(of failure: MetroFailure) -> [String: [Int: String]] {
        var wanted: [String: Set<Int>] = [:]
        for diagnostic in failure.diagnostics {
            wanted[diagnostic.file, default: []].insert(diagnostic.line)
            if let line = diagnostic.beside?.position.line { wanted[diagnostic.file, default: []].insert(line) }
        }
        return wanted.reduce(into: [:]) { $0[$1.key] = lines($1.value, of: $1.key) }
    }

    private static func lines(_ numbers: Set<Int>, of file: String) -> [Int: String] {
        guard File.status(file, follow: true)?.kind == .file, let bytes = try? File.read(file, atMost: 16 << 20),
            let last = numbers.max()
        else { return [:] }
        var lines: [Int: String] = [:]
        var (number, start) = (1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)
        while number <= last {
            let end = bytes[start...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? bytes.count
            let line = bytes[start..<min(end, start + 400_000)]
            // UTF-16 and what is no text at all would only look odd.
            if numbers.contains(number), !line.contains(0) { lines[number] = String(decoding: line, as: UTF8.self) }
            if end == bytes.count { break }
            let isPair =
                bytes[end] == UInt8(ascii: "\r") && end + 1 < bytes.count && bytes[end + 1] == UInt8(ascii: "\n")
            (number, start) = (number + 1, end + (isPair ? 2 : 1))
        }
        return lines
    }
}
