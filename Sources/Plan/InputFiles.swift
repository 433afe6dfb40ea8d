internal import Failures
internal import Files
package import Metro

/// The files that a metro's inputs stand for: all that `Planner` needs to know of the disk.
package struct InputFiles: Hashable, Sendable {
    package struct Found: Hashable, Sendable {
        /// Relative to the metro's folder; an address, or a path in an archive, for what is from there.
        package let path: String
        /// The pattern that it matches.
        package let pattern: String
        /// For a folder the files in it, sorted, relative to it.
        package let contents: [String]?
        /// What does not lie in the metro's folder: where it lies, and what it is called.
        package let elsewhere: Elsewhere?

        package init(path: String, pattern: String, contents: [String]? = nil, elsewhere: Elsewhere? = nil) {
            (self.path, self.pattern, self.contents, self.elsewhere) = (path, pattern, contents, elsewhere)
        }
    }

    /// A file that was fetched or unpacked, or that the command line names.
    package struct Elsewhere: Hashable, Sendable {
        /// On this machine; never part of a plan.
        package let origin: String
        /// Below the input's folder: `a/s1.fq`.
        package let place: String
        /// The item's `{name}`.
        package let name: String

        package init(origin: String, place: String, name: String) {
            (self.origin, self.place, self.name) = (origin, place, name)
        }
    }

    /// By the input's name, sorted by path.
    package var found: [String: [Found]] = [:]
    package var leftOut: [String: [LeftOut]] = [:]
    /// Inputs whose files become known when the metro is packed: they are fetched, or unpacked, then.
    package var unknown: Set<String> = []
    /// The files of the folder `files/`, relative to the metro's folder, sorted.
    package var scripts: [String] = []

    package init() {}

    /// Finds them. All lie inside the folder, links included, else it is an error; so is a pattern that matches nothing.
    package static func find(for metro: Metro, in folder: String) throws(MetroFailure) -> InputFiles {
        var files = InputFiles()
        var diagnostics: [Diagnostic] = []
        for input in metro.inputs {
            guard case .files(let patterns) = input.source else { continue }
            var found: [ExactText: Found] = [:]
            for pattern in patterns {
                if WebAddress.isMeant(by: pattern.value) {
                    files.unknown.insert(input.name.value)
                    continue
                }
                do throws(FolderSearch.Trouble) {
                    for match in try FolderSearch(folder).matches(of: pattern.value) {
                        let path = ExactText(match.path)
                        found[path] = found[path] ?? match
                        if input.unpacks, match.contents != nil {
                            throw FolderSearch.Trouble(
                                message: "\(Shown.text(match.path)) is a folder, and no archive to unpack",
                                fix: "take “unpack” out")
                        }
                    }
                } catch {
                    diagnostics.append(
                        Diagnostic(file: metro.file, at: pattern.position, error.message, fix: error.fix))
                }
            }
            if input.unpacks { files.unknown.insert(input.name.value) }
            if files.unknown.contains(input.name.value) { continue }
            let sorted = found.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            diagnostics += files.take(sorted, of: input, metro, in: folder)
        }
        do throws(FolderSearch.Trouble) { files.scripts = try FolderSearch(folder).scripts() } catch {
            diagnostics.append(Diagnostic(file: metro.file, at: metro.name.position, error.message, fix: error.fix))
        }
        if !diagnostics.isEmpty { throw MetroFailure(diagnostics) }
        return files
    }

    /// Records an input's files: those that are valid, and those that are left out.
    private mutating func take(_ all: [Found], of input: Input, _ metro: Metro, in folder: String) -> [Diagnostic] {
        var (kept, leftOut): ([Found], [LeftOut]) = ([], [])
        for file in all {
            if let reason = input.valid.objection(to: file, in: folder) {
                leftOut.append(LeftOut(path: file.path, reason: reason))
            } else {
                kept.append(file)
            }
        }
        found[input.name.value] = kept
        self.leftOut[input.name.value] = leftOut
        guard let first = leftOut.first else { return [] }
        let more = leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""
        let told = "\(Shown.text(first.path)) \(first.reason)\(more)"
        if kept.isEmpty {
            return [
                Diagnostic(
                    file: metro.file, at: input.name.position, "no file of “\(input.name.value)” is valid: \(told)",
                    fix: "change “valid”, or the files")
            ]
        }
        if input.valid.stops == true {
            return [
                Diagnostic(
                    file: metro.file, at: input.name.position,
                    "\(leftOut.count) of \(all.count) files of “\(input.name.value)” \(leftOut.count == 1 ? "is" : "are") not valid: \(told)",
                    fix: "change the files, or take “otherwise: stop” out, so that they are left out")
            ]
        }
        return []
    }
}

extension InputFiles.Found {
    /// Where it lies on this machine.
    func location(in folder: String) -> String { elsewhere?.origin ?? "\(folder)/\(path)" }
}
