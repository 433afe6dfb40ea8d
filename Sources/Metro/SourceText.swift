/// A text of the metro that can tell where each of its characters stands in the file.
package struct SourceText: Hashable, Sendable {
    package let value: String
    /// Where pieces of the text begin: the offset in UTF-8 bytes, and the place. At least one, sorted.
    private let pieces: [Piece]

    struct Piece: Hashable, Sendable {
        let offset: Int
        let position: Position
        /// Whether the characters after `position` stand in the file as they stand in the text.
        let isVerbatim: Bool
    }

    /// Written without quotes.
    let isPlain: Bool
    /// A ` #` has ended it.
    let isCut: Bool
    /// What follows it then, from the `#` on, where that does not look like a comment: no blank comes after the sign.
    package let cutOff: String?

    init(_ value: String, pieces: [Piece], isPlain: Bool = false, cutBy comment: String? = nil) {
        (self.value, self.pieces, self.isPlain, isCut) = (value, pieces, isPlain, comment != nil)
        let sign = comment?.utf8.dropFirst().first
        cutOff = sign == nil || sign.map { " \t#\r".utf8.contains($0) } == true || value.isEmpty ? nil : comment
    }

    package var position: Position { pieces[0].position }

    /// - Parameters:
    ///   - offset: in UTF-8 bytes of `value`.
    ///   - length: of what stands there, in such bytes.
    package func position(at offset: Int, length: Int = 1) -> Position {
        var (low, high) = (0, pieces.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if pieces[middle].offset <= offset { low = middle } else { high = middle - 1 }
        }
        let piece = pieces[low]
        guard piece.isVerbatim else { return piece.position }
        func characters(_ bytes: Int) -> Int {
            value.utf8.dropFirst(piece.offset).prefix(max(0, bytes)).count { $0 & 0b1100_0000 != 0b1000_0000 }
        }
        let column = piece.position.column + characters(offset - piece.offset)
        let end = piece.position.column + characters(offset - piece.offset + length)
        return Position(
            line: piece.position.line, column: column, endColumn: min(end, piece.position.endColumn ?? end))
    }

    func position(of placeholder: CommandTemplate.Placeholder) -> Position {
        position(at: placeholder.offset, length: placeholder.length)
    }
}
