internal import Failures
internal import Files

/// Reads a metro file, and those of the metros in it, and tells all their mistakes at once.
package enum MetroReader {
    package static func read(path: String) throws(MetroFailure) -> Metro {
        let text: [UInt8]
        do throws(FileFailure) {
            text = try File.read(path, atMost: YAMLReader.sizeLimit)
        } catch {
            let start = Position(line: 1, column: 1)
            let (message, fix) = explained(error)
            throw MetroFailure([Diagnostic(file: path, at: start, message, fix: fix)])
        }
        return try read(text: text, file: path)
    }

    private static func explained(_ failure: FileFailure) -> (message: String, fix: String) {
        switch File.status(failure.path, follow: true) {
        case let status? where status.kind == .folder:
            (
                "this is a folder, and a metro is described in a file",
                "name the file in it, or the folder that holds metro.yml"
            )
        case let status? where status.kind != .file:
            ("this is no file, but a pipe or a device", "a metro is described in a file metro.yml")
        case let status? where status.size > YAMLReader.sizeLimit:
            (
                "the file has \(status.size) bytes, and a metro has at most \(YAMLReader.sizeLimit)",
                "keep data in files of their own and name them under “inputs”"
            )
        default:
            ("\(failure.summary): \(failure.cause ?? "")", failure.fix ?? "a metro is described in a file metro.yml")
        }
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
