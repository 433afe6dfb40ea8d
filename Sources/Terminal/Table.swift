/// Rows in columns as wide as their widest text, two spaces between them.
package enum Table {
    package static func lines(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, text) in row.enumerated() {
                line += text
                if column + 1 < row.count { line += String(repeating: " ", count: widths[column] - text.count + 2) }
            }
            return line
        }
    }
}
