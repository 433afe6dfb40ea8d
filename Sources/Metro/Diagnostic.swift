package import Failures

/// One mistake in a metro.
package struct Diagnostic: Failure, Hashable {
    /// The metro's path, as it was given.
    package let file: String
    package let line: Int
    package let column: Int
    /// What is wrong, in plain words, without a full stop.
    package let message: String
    package let fix: String?

    package init(file: String, at position: Position, _ message: String, fix: String? = nil) {
        (self.file, line, column) = (file, position.line, position.column)
        (self.message, self.fix) = (message, fix)
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
