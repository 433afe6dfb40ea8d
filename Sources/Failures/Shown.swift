/// What others wrote (a metro, a host, an archive), made fit to be shown: nothing in it reaches a terminal's controls, or turns
/// the direction of the writing.
package enum Shown {
    /// A piece of it within a message: short, and on one line.
    package static func text(_ text: String, atMost limit: Int = 60) -> String {
        var shown = String.UnicodeScalarView()
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == limit {
                shown.append("…")
                break
            }
            shown.append(scalar == "\n" || scalar == "\t" ? " " : fit(scalar))
        }
        return String(shown)
    }

    /// All of it, on one line unless its own lines are to be kept; what can't be shown becomes `�`.
    package static func whole(_ text: String, keepingLines: Bool = false) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            shown.append(keepingLines && (scalar == "\n" || scalar == "\t") ? scalar : fit(scalar))
        }
        return String(shown)
    }

    /// As a word of a command line that a person can copy.
    package static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: "/._-+,:@%=".utf8.contains(byte)
            }
        }
        if isPlain, !text.isEmpty, text.utf8.first != UInt8(ascii: "-") { return text }
        let path = text.utf8.first == UInt8(ascii: "-") ? "./" + text : text
        return "'" + whole(path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))
            + "'"
    }

    private static func fit(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        if (0x20..<0x7F).contains(scalar.value) { return scalar }
        return switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: "\u{FFFD}"
        default: scalar
        }
    }
}
