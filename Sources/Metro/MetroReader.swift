internal import Failures
internal import Files

/// Reads a metro file, and those of the metros in it, and tells all their mistakes at once.
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

    /// - Parameter file: the path to name in messages; metros in it are looked for beside it.
    package static func read(text: [UInt8], file: String) throws(MetroFailure) -> Metro {
        var files = MetroFiles()
        let metro = files.read(text, shown: file, real: File.real(file) ?? file, location: file)
        if let failure = files.failure { throw failure }
        guard let metro else { throw MetroFailure([]) }
        return metro
    }
}
