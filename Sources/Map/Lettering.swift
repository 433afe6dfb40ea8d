internal import Failures

/// How much room texts take, and how long ones go on in further lines.
enum Lettering {
    /// Points that a text takes in a picture, in a widespread typeface without serifs: an `m` takes more than a column.
    static func points(_ text: String, size: Int = 13) -> Int {
        let points = text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar {
            case "m", "w", "M", "W", "…", "×", "≤", "⚑", "↻", "@", "%": sum + 13
            case "A"..."Z": sum + 10
            case "i", "j", "l", "f", "t", "r", "I", ".", "/", "-", " ": sum + 6
            default: sum + (scalar.value < 0x2E80 ? 8 : 17)
            }
        }
        return (points * size + 12) / 13
    }

    /// A text in lines no wider than asked, broken at spaces, after `-`, `_` and `/`, between letters of East Asia, and within a
    /// word that is wider. What is more than so many lines is cut, with `…`.
    static func lines(_ text: String, width: Int, atMost most: Int, measure: (String) -> Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for piece in pieces(text) {
            let joined = line + piece
            if line.isEmpty || measure(trimmed(joined)) <= width {
                line = line.isEmpty ? String(piece.drop { $0 == " " }) : joined
            } else {
                lines.append(trimmed(line))
                line = String(piece.drop { $0 == " " })
            }
            while measure(trimmed(line)) > width, line.count > 1 {
                var first = line
                while first.count > 1, measure(first) > width { first.removeLast() }
                lines.append(first)
                line = String(line.dropFirst(first.count))
            }
        }
        if !trimmed(line).isEmpty { lines.append(trimmed(line)) }
        guard lines.count > most else { return lines }
        lines = Array(lines.prefix(most))
        while !lines[most - 1].isEmpty, measure(lines[most - 1] + "…") > width { lines[most - 1].removeLast() }
        lines[most - 1] += "…"
        return lines
    }

    /// Where a line may end after each of them.
    private static func pieces(_ text: String) -> [String] {
        var pieces = [""]
        for character in text {
            let isWide = Shown.width(of: String(character)) > 1
            // No line begins with a full stop.
            let ends = "、。，．！？：；）」』】".contains(character)
            if character == " " || (isWide && !ends) { pieces.append("") }
            pieces[pieces.count - 1].append(character)
            if "-_/".contains(character) { pieces.append("") }
        }
        return pieces.filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }
}
