internal import Failures
internal import Files

/// Reads a metro file and tells all its mistakes at once.
package enum MetroReader {
    package static func read(path: String) throws(MetroFailure) -> Metro {
        let text: [UInt8]
        do {
            text = try File.read(path, atMost: YAMLReader.sizeLimit)
        } catch {
            let start = Position(line: 1, column: 1)
            throw MetroFailure([
                Diagnostic(file: path, at: start, "\(error)", fix: "a metro is described in a file metro.yml")
            ])
        }
        return try read(text: text, file: path)
    }

    package static func read(text: String, file: String) throws(MetroFailure) -> Metro {
        try read(text: Array(text.utf8), file: file)
    }

    /// - Parameter file: the path to name in messages.
    package static func read(text: [UInt8], file: String) throws(MetroFailure) -> Metro {
        var diagnostics = Diagnostics(file: file)
        let root = YAMLReader.read(text, diagnostics: &diagnostics)
        guard let root else { throw diagnostics.failure ?? MetroFailure([]) }
        var reading = MetroReading(diagnostics: diagnostics)
        let draft = reading.metro(root)
        var check = MetroCheck(draft, file: file, diagnostics: reading.diagnostics)
        let metro = check.metro()
        if let failure = check.diagnostics.failure { throw failure }
        return metro
    }
}
