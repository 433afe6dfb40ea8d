internal import Failures

/// The words at a stop, in lines: which line begins there, its name, how often it runs.
package struct MapLabel: Hashable, Sendable {
    package enum Role: Hashable, Sendable {
        case name
        /// The name of the line that begins at the stop.
        case line(Int)
    }

    package struct Text: Hashable, Sendable {
        package let text: String
        package let role: Role
        /// As `MapLabel.width`.
        package let width: Int
    }

    package let texts: [Text]
    /// In columns of a terminal; what a picture's letters need more is in it.
    package let width: Int

    package var height: Int { texts.count }

    /// Names are cut into pieces of about so many letters.
    private static let narrow = 13
    private static let most = 4

    init(_ stop: MapGraph.Stop, beginning line: (number: Int, name: String)?) {
        var texts: [Text] = []
        if let line {
            // A frame around it takes a column on each side.
            texts = Self.pieces(of: Shown.text(line.name, atMost: 100)).map {
                Text(text: $0, role: .line(line.number), width: Self.width(of: $0) + 2)
            }
        }
        var names = Self.pieces(of: Shown.text(stop.id, atMost: 100))
        let notes = [stop.often, stop.isKept ? Self.kept : ""].filter { !$0.isEmpty }
        for note in notes {
            if let last = names.last, Shown.width(of: last) + 1 + Shown.width(of: note) <= Self.narrow + 3 {
                names[names.count - 1] += " " + note
            } else {
                names.append(note)
            }
        }
        texts += names.map { Text(text: $0, role: .name, width: Self.width(of: $0)) }
        self.texts = texts
        width = texts.map(\.width).max() ?? 0
    }

    /// Marks what is among the results.
    static let kept = "⚑"

    /// A text in lines, broken after `-`, `_`, `.` and `/`.
    private static func pieces(of text: String) -> [String] {
        var words = [""]
        for character in text {
            words[words.count - 1].append(character)
            if "-_./".contains(character) || Shown.width(of: words[words.count - 1]) >= narrow + 3 { words.append("") }
        }
        var lines = [""]
        for word in words where !word.isEmpty {
            if lines[lines.count - 1].isEmpty || Shown.width(of: lines[lines.count - 1] + word) <= narrow {
                lines[lines.count - 1] += word
            } else {
                lines.append(word)
            }
        }
        if lines.count > most { lines = lines.prefix(most - 1) + [lines[most - 1].prefix(narrow) + "…"] }
        return lines
    }

    /// A picture's letters are of different widths; a column is eight points wide.
    private static func width(of text: String) -> Int {
        max(Shown.width(of: text), (Lettering.points(text) + 7) / 8)
    }
}
