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

    /// By the input's whole name, `reads` or `qc/reads`, sorted by path.
    package var found: [String: [Found]] = [:]
    package var leftOut: [String: [LeftOut]] = [:]
    /// What lies in the workspaces at first, by their whole names, sorted by path.
    package var workspaces: [String: [Found]] = [:]
    /// Inputs whose files become known when the metro is packed: they are fetched, or unpacked, then.
    package var unknown: Set<String> = []
    /// Inputs that are replaced, and what may be written down of what takes their place.
    package var replaced: [String: [String]] = [:]
    /// The files of the folder `files/`, relative to the metro's folder, sorted.
    package var scripts: [String] = []
    /// The same of the metros in it, by where each stands first.
    package var nestedScripts: [String: [String]] = [:]

    package init() {}

    /// What was brought for inputs that lie not in the metro's folder, or not as they are there.
    package struct Brought: Hashable, Sendable {
        /// Fetched files, by their addresses.
        package var fetched: [String: String] = [:]
        /// Folders that archives were unpacked into, by where the archives lie.
        package var unpacked: [String: UnpackedArchive] = [:]

        package init() {}
    }

    /// What was in an archive.
    package struct UnpackedArchive: Hashable, Sendable {
        package let folder: String
        /// Its files, sorted, relative to it.
        package let files: [String]

        package init(folder: String, files: [String]) { (self.folder, self.files) = (folder, files) }
    }

    /// Finds them. All lie inside the folder, links included, else it is an error; so is a pattern that matches nothing.
    ///
    /// - Parameters:
    ///   - replaced: inputs that are not looked for.
    ///   - brought: nil before the metro is packed: what is to be fetched or unpacked is not known then.
    package static func find(
        for metro: Metro, in folder: String, replaced: ReplacedInputs = ReplacedInputs(), brought: Brought? = nil
    ) throws(MetroFailure) -> InputFiles {
        var files = InputFiles()
        var complaints = Complaints()
        let uses = MetroUse.all(of: metro)
        // A file that is used several times is searched, and complained of, once.
        var searched: [ExactText: String] = [:]
        for use in uses {
            let folder = use.path.isEmpty ? folder : use.metro.folder
            for input in use.metro.inputs where use.given[input.name.value] == nil {
                let name = use.name(input.name.value)
                if let replacement = replaced.inputs[name] {
                    complaints += files.take(replacement, for: input, named: name, use, brought)
                } else if let first = searched.updateValue(
                    name, forKey: ExactText("\(use.metro.file)\0\(input.name.value)"))
                {
                    files.copy(first, as: name)
                } else {
                    files.search(input, named: name, use, in: folder, brought, &complaints)
                }
            }
            for workspace in use.metro.workspaces {
                files.search(workspace, named: use.name(workspace.name.value), use, in: folder, &complaints)
            }
            if searched.updateValue(use.path, forKey: ExactText(use.metro.file)) != nil { continue }
            do throws(FolderSearch.Trouble) {
                let scripts = try FolderSearch(folder).scripts()
                if use.path.isEmpty { files.scripts = scripts } else { files.nestedScripts[use.path] = scripts }
            } catch {
                complaints.add(
                    Diagnostic(file: use.metro.file, at: use.metro.name.position, error.message, fix: error.fix))
            }
        }
        complaints += files.filterGiven(uses, in: folder)
        if let failure = complaints.failure { throw failure }
        return files
    }

    private mutating func copy(_ first: String, as name: String) {
        found[name] = found[first]
        leftOut[name] = leftOut[first]
        if unknown.contains(first) { unknown.insert(name) }
    }

    private mutating func search(
        _ input: Input, named name: String, _ use: MetroUse, in folder: String, _ brought: Brought?,
        _ complaints: inout Complaints
    ) {
        guard case .files(let patterns) = input.source else { return }
        var found: [ExactText: Found] = [:]
        for pattern in patterns {
            if let address = try? WebAddress(pattern.value) {
                if let path = brought?.fetched[address.text] {
                    found[ExactText(address.text)] = Found(fetched: address, at: path)
                } else {
                    unknown.insert(name)
                }
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
                let given = use.path.isEmpty ? nil : "or give something to the input “\(name)”, where the metro stands"
                let fix = [error.fix, given].compactMap { $0 }.joined(separator: "; ")
                complaints.add(
                    Diagnostic(
                        file: use.metro.file, at: pattern.position, error.message, fix: fix.isEmpty ? nil : fix))
            }
        }
        complaints += take(Array(found.values), of: input, named: name, use, in: folder, brought)
    }

    /// What the command line gives to an input.
    private mutating func take(
        _ replacement: ReplacedInputs.Replacement, for input: Input, named name: String, _ use: MetroUse,
        _ brought: Brought?
    ) -> [Diagnostic] {
        replaced[name] = replacement.patterns
        var found = replacement.found
        for file in replacement.addresses {
            if let path = brought?.fetched[file.address.text] {
                found.append(Found(fetched: file.address, at: path))
            } else {
                unknown.insert(name)
            }
        }
        if input.unpacks, let folder = found.first(where: { $0.contents != nil }) {
            return [
                Diagnostic(
                    file: use.metro.file, at: input.name.position,
                    "\(Shown.text(folder.path)) is a folder, and “\(name)” is unpacked from archives",
                    fix: "name an archive with --input \(name)=…")
            ]
        }
        return take(found, of: input, named: name, use, in: "", brought)
    }

    private mutating func take(
        _ found: [Found], of input: Input, named name: String, _ use: MetroUse, in folder: String, _ brought: Brought?
    ) -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        if input.unpacks, brought == nil { unknown.insert(name) }
        if unknown.contains(name) { return [] }
        var sorted = found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        if input.unpacks {
            sorted = contents(of: sorted, in: folder, brought)
            if sorted.isEmpty {
                diagnostics.append(
                    Diagnostic(
                        file: use.metro.file, at: input.name.position,
                        "there is no file in the archives of “\(name)”", fix: "name another archive"))
            }
        }
        return diagnostics
            + take(sorted, as: name, input.valid, in: folder, file: use.metro.file, at: input.name.position)
    }

    /// What metros are given of other inputs, as far as it is valid for them.
    private mutating func filterGiven(_ uses: [MetroUse], in folder: String) -> [Diagnostic] {
        var folders: [String: String] = [:]
        var diagnostics: [Diagnostic] = []
        for use in uses {
            for input in use.metro.inputs where use.given[input.name.value] == nil {
                folders[use.name(input.name.value)] = use.path.isEmpty ? folder : use.metro.folder
            }
            for filtered in use.filtered {
                folders[filtered.name] = folders[filtered.base]
                if unknown.contains(filtered.base) { unknown.insert(filtered.name) }
                guard let base = found[filtered.base], !base.isEmpty else { continue }
                let globs = filtered.patterns.map { Glob($0) }
                let given = base.filter { file in globs.allSatisfy { file.matches($0) } }
                if given.isEmpty {
                    diagnostics.append(
                        Diagnostic(
                            file: filtered.file, at: filtered.position,
                            "no file of “\(filtered.base)” is one that “\(Shown.text(filtered.patterns.joined(separator: "” and “")))” selects",
                            fix: "look at what “\(filtered.base)” holds, or change the pattern"))
                    continue
                }
                diagnostics += take(
                    given, as: filtered.name, filtered.input.valid, in: folders[filtered.base] ?? folder,
                    file: filtered.file, at: filtered.position)
            }
        }
        return diagnostics
    }

    /// Records an input's files: those that are valid, and those that are left out.
    private mutating func take(
        _ all: [Found], as name: String, _ valid: Validity, in folder: String, file metro: String,
        at position: Position
    ) -> [Diagnostic] {
        var (kept, leftOut): ([Found], [LeftOut]) = ([], [])
        for file in all {
            if let reason = valid.objection(to: file, in: folder) {
                leftOut.append(LeftOut(path: file.path, reason: reason))
            } else {
                kept.append(file)
            }
        }
        found[name] = kept
        self.leftOut[name] = leftOut
        guard let first = leftOut.first else { return [] }
        let more = leftOut.count > 1 ? ", and \(leftOut.count - 1) more" : ""
        let told = "\(Shown.text(first.path)) \(first.reason)\(more)"
        if kept.isEmpty {
            return [
                Diagnostic(
                    file: metro, at: position, "no file of “\(name)” is valid: \(told)",
                    fix: "change “valid”, or the files")
            ]
        }
        if valid.stops == true {
            return [
                Diagnostic(
                    file: metro, at: position,
                    "\(leftOut.count) of \(all.count) files of “\(name)” \(leftOut.count == 1 ? "is" : "are") not valid: \(told)",
                    fix: "change the files, or take “otherwise: stop” out, so that they are left out")
            ]
        }
        return []
    }
}

extension InputFiles.Found {
    /// Where it lies on this machine.
    func location(in folder: String) -> String { elsewhere?.origin ?? "\(folder)/\(path)" }

    /// Whether a pattern after the input's name selects it, see `PlannedFile`.
    func matches(_ glob: Glob) -> Bool { glob.matchesEnd(of: elsewhere?.place ?? path) }

    init(fetched address: WebAddress, at path: String) {
        self.init(
            path: address.text, pattern: address.text,
            elsewhere: .init(origin: path, place: address.fileName, name: Glob.stem(of: address.fileName)))
    }
}
