internal import Failures
internal import Files

/// What a station calls one of its outputs: a path in its work folder, `{name}` in it, `/` at the end of a folder.
package struct OutputName: Hashable, Sendable {
    private enum Piece: Hashable, Sendable {
        case literal(String)
        case name
    }

    private let pieces: [Piece]
    package let isFolder: Bool
    /// Placeholders other than `{name}`, and what is uneven in the braces.
    package let mistakes: [CommandTemplate.Mistake]

    /// - Parameter key: where it stands, for messages.
    package init(_ text: String, of key: String = "out") {
        let (elements, braceMistakes) = Braces.elements(of: text)
        var mistakes = braceMistakes
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        func flush() {
            if !literal.isEmpty { pieces.append(.literal(String(decoding: literal, as: UTF8.self))) }
            literal = []
        }
        for element in elements {
            switch element {
            case .byte(let byte, _): literal.append(byte)
            case .placeholder("name", _):
                flush()
                pieces.append(.name)
            case .placeholder(let word, let offset):
                mistakes.append(Self.mistake(word, at: offset, of: key))
            }
        }
        flush()
        // "./index/" and "index//" are "index/".
        if case .literal(var first)? = pieces.first {
            while let rest = first.after("./") { first = rest }
            pieces[0] = .literal(first)
        }
        var isFolder = false
        if case .literal(var last)? = pieces.last {
            while last.ends(with: "/"), pieces.count > 1 || last.utf8.count > 1 {
                last = String(decoding: last.utf8.dropLast(), as: UTF8.self)
                isFolder = true
            }
            pieces[pieces.count - 1] = .literal(last)
        }
        (self.pieces, self.isFolder, self.mistakes) = (pieces, isFolder, mistakes)
    }

    private static func mistake(_ word: String, at offset: Int, of key: String) -> CommandTemplate.Mistake {
        let fix =
            switch (word, key) {
            case ("turn", "out"): "each turn has a folder of its own, so {turn} isn't needed"
            case ("turn", _), ("out", _):
                "it is looked for in the turn's own folder: write its name, as “out” or the command does"
            default: "only “{name}” can stand there; for braces in a file's name double them"
            }
        return .init(
            offset: offset, length: word.utf8.count + 2, message: "“{\(Shown.text(word))}” has no meaning in “\(key)”",
            fix: fix)
    }

    package var usesName: Bool { pieces.contains(.name) }

    /// - Parameter name: the item's name, empty for a station that runs once.
    package func path(for name: String) -> String {
        pieces.map { if case .literal(let text) = $0 { text } else { name } }.joined()
    }
}
