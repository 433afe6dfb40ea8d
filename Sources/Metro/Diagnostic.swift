package import Failures

/// One mistake in a metro.
package struct Diagnostic: Failure, Hashable {
    /// The metro's path, as it was given.
    package let file: String
    package let line: Int
    package let column: Int
    /// The column after the last character of what is wrong; nil where it is not known, or on a later line.
    package let endColumn: Int?
    /// What is wrong, in plain words, without a full stop.
    package let message: String
    package let fix: String?
    /// Another place in the same file that has to do with it.
    package let beside: Label?

    /// A place and what there is to say of it: “first given here”.
    package struct Label: Hashable, Sendable {
        package let position: Position
        package let text: String

        package init(_ text: String, at position: Position) { (self.text, self.position) = (text, position) }
    }

    package init(file: String, at position: Position, _ message: String, fix: String? = nil, beside: Label? = nil) {
        (self.file, line, column, endColumn) = (file, position.line, position.column, position.endColumn)
        (self.message, self.fix, self.beside) = (message, fix, beside)
    }

    package var summary: String { message }
    package var place: String? { "\(file):\(line):\(column)" }
    package var exitCode: ExitCode { .usage }
}

/// All mistakes of a metro at once, in the order of the file.
package struct MetroFailure: Failure, Hashable {
    package let diagnostics: [Diagnostic]
    /// How many more there were than are told.
    package let more: Int

    package init(_ diagnostics: [Diagnostic], more: Int = 0) { (self.diagnostics, self.more) = (diagnostics, more) }

    package var summary: String {
        switch diagnostics.count + more {
        case 1: "the metro has a mistake"
        case let count: "the metro has \(count) mistakes"
        }
    }

    package var cause: String? {
        let lines = diagnostics.map(\.description) + (more > 0 ? ["… and \(more) more"] : [])
        return lines.joined(separator: "\n")
    }

    package var exitCode: ExitCode { .usage }
}
