internal import Glibc

/// Whether a stream is a terminal, and what it may be sent: no colour under `NO_COLOR`, or where it is not a terminal.
package struct Style: Sendable {
    package let isTerminal: Bool
    package let hasColour: Bool

    package init(isTerminal: Bool, hasColour: Bool) { (self.isTerminal, self.hasColour) = (isTerminal, hasColour) }

    package static func of(descriptor: Int32, environment: [String: String]) -> Style {
        let isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
        let refused = !(environment["NO_COLOR"] ?? "").isEmpty
        return Style(isTerminal: isTerminal, hasColour: isTerminal && !refused)
    }

    package enum Colour: Int, Sendable {
        case red = 31
        case green, yellow, blue, magenta, cyan
        case grey = 90
        case brightRed, brightGreen, brightYellow, brightBlue, brightMagenta, brightCyan
    }

    package func paint(_ text: String, _ colour: Colour, bold: Bool = false) -> String {
        hasColour ? "\u{1B}[\(bold ? "1;" : "")\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    package func bold(_ text: String) -> String { hasColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}
