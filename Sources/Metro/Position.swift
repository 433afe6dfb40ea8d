/// A place in a metro file, as editors count: from 1, columns in characters; and how far reaches what stands there.
///
/// Two places are the same where what stands there begins at the same character.
package struct Position: Hashable, Comparable, Sendable {
    private let lineNumber: Int32
    private let firstColumn: Int32
    /// 0: not known.
    private let columnAfter: Int32

    /// - Parameter endColumn: the column after the last character of what stands there, on the same line.
    package init(line: Int, column: Int, endColumn: Int? = nil) {
        lineNumber = Int32(clamping: line)
        firstColumn = Int32(clamping: column)
        columnAfter = endColumn.map { $0 > column ? Int32(clamping: $0) : 0 } ?? 0
    }

    package var line: Int { Int(lineNumber) }
    package var column: Int { Int(firstColumn) }
    /// The column after the last character of what stands there; nil where that is not known.
    package var endColumn: Int? { columnAfter > 0 ? Int(columnAfter) : nil }

    /// The same place, with what stands there so many characters long.
    func reaching(_ characters: Int) -> Position {
        Position(line: line, column: column, endColumn: column + characters)
    }

    package static func == (left: Position, right: Position) -> Bool {
        (left.lineNumber, left.firstColumn) == (right.lineNumber, right.firstColumn)
    }

    package static func < (left: Position, right: Position) -> Bool {
        (left.lineNumber, left.firstColumn) < (right.lineNumber, right.firstColumn)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(lineNumber)
        hasher.combine(firstColumn)
    }
}

/// A value and where the metro says it.
package struct Located<Value: Sendable>: Sendable {
    package let value: Value
    package let position: Position

    package init(_ value: Value, at position: Position) { (self.value, self.position) = (value, position) }
}

extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
