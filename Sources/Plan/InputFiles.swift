internal import Failures
internal import Files
package import Metro

/// The files that a metro's inputs stand for, found in its folder: all that `Planner` needs to know of the disk.
package struct InputFiles: Hashable, Sendable {
    package struct Found: Hashable, Sendable {
        /// Relative to the metro's folder.
        package let path: String
        /// The pattern that it matches.
        package let pattern: String
        /// For a folder the files in it, sorted, relative to it.
        package let contents: [String]?

        package init(path: String, pattern: String, contents: [String]? = nil) {
            (self.path, self.pattern, self.contents) = (path, pattern, contents)
        }
    }

    /// By the input's name, sorted by path.
    package var found: [String: [Found]] = [:]
    package var leftOut: [String: [LeftOut]] = [:]
    /// The files of the folder `files/`, relative to the metro's folder, sorted.
    package var scripts: [String] = []

    package init() {}

    /// Finds them. All lie inside the folder, links included, else it is an error; so is a pattern that matches nothing.
    package static func find(for metro: Metro, in folder: String) throws(MetroFailure) -> InputFiles {
        var files = InputFiles()
        var diagnostics: [Diagnostic] = []
        for input in metro.inputs {
            guard case .files(let patterns) = input.source else { continue }
            var found: [String: Found] = [:]
            for pattern in patterns {
                do throws(FolderSearch.Trouble) {
                    for match in try FolderSearch(folder).matches(of: pattern.value) {
                        found[match.path] = found[match.path] ?? match
                    }
                } catch {
                    diagnostics.append(
                        Diagnostic(file: metro.file, at: pattern.position, error.message, fix: error.fix))
                }
            }
            let sorted = found.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            var (kept, leftOut): ([Found], [LeftOut]) = ([], [])
            for file in sorted {
                if let reason = input.valid.objection(to: file, in: folder) {
                    leftOut.append(LeftOut(path: file.path, reason: reason))
                } else {
                    kept.append(file)
                }
            }
            if kept.isEmpty, let first = leftOut.first {
                diagnostics.append(
                    Diagnostic(
                        file: metro.file, at: input.name.position,
                        "no file of “\(input.name.value)” is valid: \(Shown.text(first.path)) \(first.reason)"
                            + (leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""),
                        fix: "change “valid”, or the files"))
            }
            files.found[input.name.value] = kept
            files.leftOut[input.name.value] = leftOut
        }
        do throws(FolderSearch.Trouble) { files.scripts = try FolderSearch(folder).scripts() } catch {
            diagnostics.append(Diagnostic(file: metro.file, at: metro.name.position, error.message, fix: error.fix))
        }
        if !diagnostics.isEmpty { throw MetroFailure(diagnostics) }
        return files
    }
}
