/// What others wrote, made fit for a message: short, on one line, without anything that a terminal would obey.
package enum Shown {
    package static func text(_ text: String, atMost limit: Int = 60) -> String {
        var shown = String.UnicodeScalarView()
        var count = 0
        for scalar in text.unicodeScalars {
            if count == limit {
                shown.append("…")
                break
            }
            count += 1
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                shown.append(scalar == "\n" || scalar == "\t" ? " " : "\u{FFFD}")
            default: shown.append(scalar)
            }
        }
        return String(shown)
    }
}
