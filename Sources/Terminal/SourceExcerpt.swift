internal import Failures

/// One line of a file with marks below it, cut to what fits: `^^^^` for what is wrong, `----` for what has to do with it.
///
/// Columns count characters (Unicode scalars), as the metro's places do; what is drawn counts the cells of a terminal.
struct SourceExcerpt {
    /// What is marked: columns from 1, the end being the column after the last; nil for the word that stands there.
    struct Mark {
        let column: Int
        let endColumn: Int?
        let sign: Character
        var label = ""
    }

    private struct Cell {
        let text: String
        let width: Int
        /// The character that it shows, for finding words.
        let scalar: Unicode.Scalar
    }

    private let cells: [Cell]

    /// A line that is longer is cut before it is looked at: nothing is marked so far out.
    private static let longest = 100_000

    init(_ line: some StringProtocol) {
        cells = line.unicodeScalars.prefix(Self.longest).map { scalar in
            if scalar == "\t" { return Cell(text: "    ", width: 4, scalar: scalar) }
            let text = Shown.whole(String(scalar))
            return Cell(text: text, width: Shown.width(of: text), scalar: scalar)
        }
    }

    /// - Parameter columns: how wide it may be.
    /// - Returns: the line as it is shown, and for each mark its row.
    func lines(_ marks: [Mark], columns: Int) -> (line: String, rows: [(indent: Int, mark: String)]) {
        let ranges = marks.map { range(of: $0) }
        let first = ranges.map(\.lowerBound).min() ?? 0
        var start = 0
        if width(0..<cells.count) > columns {
            // What is marked stands in the window, with some of what comes before it.
            var before = max(10, columns * 2 / 5)
            start = min(first, cells.count)
            while start > 0, before > cells[start - 1].width {
                start -= 1
                before -= cells[start].width
            }
            if width(0..<min(first, cells.count)) < columns / 2 { start = 0 }
        }
        // A mark without the character that it stands on would stand on the sign of the cut.
        while start < cells.count, start > 0, cells[start].width == 0 { start += 1 }
        let cutBefore = start > 0
        var room = columns - (cutBefore ? 1 : 0)
        var end = start
        while end < cells.count, room >= cells[end].width + (end + 1 < cells.count ? 1 : 0) {
            room -= cells[end].width
            end += 1
        }
        let text = cells[start..<end].map(\.text).joined()
        let line = (cutBefore ? "…" : "") + text + (end < cells.count ? "…" : "")
        let rows = zip(marks, ranges).map { mark, range in
            let from = min(max(range.lowerBound, start), end)
            let to = min(max(range.upperBound, from), end)
            let length = max(1, width(from..<min(to, cells.count)))
            return (width(start..<from) + (cutBefore ? 1 : 0), String(repeating: mark.sign, count: length))
        }
        return (line, rows)
    }

    private func width(_ range: Range<Int>) -> Int { cells[range].reduce(0) { $0 + $1.width } }

    private func range(of mark: Mark) -> Range<Int> {
        var from = max(0, min(mark.column - 1, cells.count))
        var to = from + 1
        if let end = mark.endColumn {
            to = max(to, min(end - 1, cells.count))
        } else {
            while to < cells.count, Self.isWordPart(cells[from].scalar), Self.isWordPart(cells[to].scalar) { to += 1 }
        }
        // Marks on a letter belong to it.
        while from > 0, from < cells.count, cells[from].width == 0 { from -= 1 }
        while to < cells.count, cells[to].width == 0 { to += 1 }
        return from..<to
    }

    private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_-".unicodeScalars.contains(scalar)
            || scalar.properties.generalCategory == .nonspacingMark
    }
}
