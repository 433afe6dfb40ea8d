/// A place in a metro file, as editors count: from 1, columns in characters.
package struct Position: Hashable, Comparable, Sendable {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) { (self.line, self.column) = (line, column) }

    package static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
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
