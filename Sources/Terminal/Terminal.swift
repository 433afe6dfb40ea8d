package import Failures
internal import Files
internal import Glibc
internal import JSON
internal import Metro
internal import Synchronization

/// Where `las` writes: results of a command to standard output, all that is said along the way to standard error.
///
/// One value for the whole program; lines from several tasks never mix, and a progress bar is taken away before a line
/// is written and put back after it.
package final class Terminal: Sendable {
    package let output: Style
    package let messages: Style
    /// Says less: only results, warnings and errors.
    package let isQuiet: Bool
    /// What failed is told as JSON too, a line of standard output, for the program that reads it.
    package let tellsJSON: Bool
    /// What stands below all that was said, and is drawn again after each line.
    private let bar = Mutex<[String]>([])

    package init(environment: [String: String], isQuiet: Bool = false, tellsJSON: Bool = false) {
        output = Style.of(descriptor: 1, environment: environment)
        messages = Style.of(descriptor: 2, environment: environment)
        (self.isQuiet, self.tellsJSON) = (isQuiet, tellsJSON)
    }

    /// A line of the command's result, to standard output.
    package func print(_ text: String) { bar.withLock { _ in write(text + "\n", to: 1) } }

    /// Bytes of the command's result, to standard output, as they are.
    package func print(bytes: [UInt8]) {
        bar.withLock { _ in try? File.writeAll(bytes, to: 1, path: "standard output") }
    }

    /// A line about what is being done.
    package func say(_ text: String) { if !isQuiet { line(text) } }

    package func warn(_ text: String) { line(messages.paint("warning:", .yellow, bold: true) + " " + text) }

    package func fail(_ failure: some Failure) {
        if tellsJSON { print(JSONText.string(of: FailureJSON.object(failure))) }
        let lines =
            if let metro = failure as? MetroFailure {
                DiagnosticText.lines(of: metro, style: messages, columns: messages.isTerminal ? width() : 100)
            } else {
                ErrorText.lines(of: failure, style: messages)
            }
        for text in lines { line(text) }
    }

    /// Shows `text` as the last line of a terminal until the next call; "" takes it away. Nothing where there is none.
    package func showBar(_ text: String) { show(text.isEmpty ? [] : [String(text.prefix(width() - 1))]) }

    /// Shows these as the last lines of a terminal until the next call, as `showBar` does.
    ///
    /// - Parameter lines: none of them wider than the terminal, and all of them not higher.
    package func showBlock(_ lines: [String]) { show(lines) }

    private func show(_ lines: [String]) {
        guard messages.isTerminal, !isQuiet else { return }
        bar.withLock { current in
            // As one: a map that is drawn again line by line flickers.
            write(Self.erasing(current) + lines.joined(separator: "\n"), to: 2)
            current = lines
        }
    }

    private func line(_ text: String) {
        bar.withLock { current in
            write(Self.erasing(current) + text + "\n" + current.joined(separator: "\n"), to: 2)
        }
    }

    /// To the beginning of these last lines, and all below it gone.
    private static func erasing(_ lines: [String]) -> String {
        if lines.isEmpty { return "" }
        return "\r" + (lines.count > 1 ? "\u{1B}[\(lines.count - 1)A\u{1B}[J" : "\u{1B}[K")
    }

    /// How wide the terminal is that results go to; 80 columns where there is none.
    package var columns: Int { Self.columns(of: 1) }

    /// Columns and lines of the terminal that messages go to.
    package var room: (columns: Int, lines: Int) {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20, size.ws_row > 2 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    private func width() -> Int { Self.columns(of: 2) }

    private static func columns(of descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else { return 80 }
        return Int(size.ws_col)
    }

    private func write(_ text: String, to descriptor: Int32) {
        // A closed pipe (`las plan | head`) is no error of ours.
        try? File.writeAll(Array(text.utf8), to: descriptor, path: "the terminal")
    }
}
