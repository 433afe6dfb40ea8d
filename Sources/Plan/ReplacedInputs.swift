internal import Failures
internal import Files
internal import Metro

/// Files that the command line gives to inputs in the place of those that the metro names: `--input reads=/data/*.fq`.
package struct ReplacedInputs: Hashable, Sendable {
    /// What was given once.
    package struct Value: Hashable, Sendable {
        package let input: String
        /// As it was typed, for messages.
        package let typed: String
        /// An absolute path or pattern, or an address.
        package let pattern: String

        package init(input: String, typed: String, pattern: String) {
            (self.input, self.typed, self.pattern) = (input, typed, pattern)
        }

        /// How a message names it.
        var place: String { "--input \(Shown.text("\(input)=\(typed)", atMost: 200))" }
    }

    /// What an input stands for.
    struct Replacement: Hashable, Sendable {
        /// On this machine, in the order in which they were given.
        var found: [InputFiles.Found] = []
        var addresses: [Address] = []
        /// What may be written down of it: patterns and names without the folders of this machine.
        var patterns: [String] = []
    }

    struct Address: Hashable, Sendable {
        let address: WebAddress
        let place: String
    }

    private(set) var inputs: [String: Replacement] = [:]

    package init() {}

    /// A file of this machine, with a place below the input's folder and a name of its own.
    package struct File: Hashable, Sendable {
        /// An absolute path.
        package let origin: String
        package let place: String
        /// The item's `{name}`.
        package let name: String

        package init(origin: String, place: String, name: String) {
            (self.origin, self.place, self.name) = (origin, place, name)
        }
    }

    /// One input that stands for these files.
    ///
    /// - Throws: for what is not there, or no file and no folder.
    package init(_ input: String, files: [File]) throws(PlanFailure) {
        var replacement = Replacement(patterns: ["*"])
        do throws(FolderSearch.Trouble) {
            let search = FolderSearch.ofMachine()
            for file in files {
                for match in try search.matches(of: Glob.escaped(file.origin)) {
                    replacement.found.append(
                        InputFiles.Found(
                            path: file.place, pattern: file.place, contents: match.contents,
                            elsewhere: .init(origin: file.origin, place: file.place, name: file.name)))
                }
            }
        } catch {
            throw PlanFailure(error.message, fix: error.fix)
        }
        inputs[input] = replacement
    }

    package var isEmpty: Bool { inputs.isEmpty }
    package var names: [String] { inputs.keys.sorted() }

    /// - Parameter known: the patterns of each input that may be replaced, by its whole name.
    /// - Throws: for an input that is not there, for what is not there, and for two files of one name.
    package static func find(_ values: [Value], known: [String: [String]]) throws(PlanFailure) -> ReplacedInputs {
        var replaced = ReplacedInputs()
        var places: [ExactText: String] = [:]
        for value in values {
            guard let patterns = known[value.input] else { throw unknown(value, known.keys.sorted()) }
            var replacement = replaced.inputs[value.input] ?? Replacement()
            for file in try replacement.add(value, patterns) {
                let place = ExactText("\(value.input)/\(file)")
                guard let first = places.updateValue(value.place, forKey: place), first != value.place else { continue }
                throw PlanFailure(
                    "the input “\(value.input)” is given two files of the name “\(Shown.text(file))”",
                    cause: "\(first), \(value.place)",
                    fix: "name both by one pattern, as in --input \(value.input)='FOLDER/*/\(Shown.text(file))'")
            }
            replaced.inputs[value.input] = replacement
        }
        return replaced
    }

    private static func unknown(_ value: Value, _ names: [String]) -> PlanFailure {
        let nearest = Suggestion.nearest(to: value.input, among: names)
        let list = names.prefix(10).map { Shown.text($0, atMost: 40) }.joined(separator: ", ")
        return PlanFailure(
            "the metro has no input “\(Shown.text(value.input))” that could be replaced", place: value.place,
            fix: nearest.map { "did you mean “\($0)”?" }
                ?? (names.isEmpty ? "it has no inputs" : "it has \(list)\(names.count > 10 ? ", …" : "")"))
    }
}

extension ReplacedInputs.Replacement {
    /// - Parameter own: the input's own patterns, of which a file may have its name.
    /// - Returns: where its files will lie, below the input's folder.
    fileprivate mutating func add(_ value: ReplacedInputs.Value, _ own: [String]) throws(PlanFailure) -> [String] {
        if WebAddress.isMeant(by: value.pattern) {
            let address: WebAddress
            do throws(WebAddress.Mistake) { address = try WebAddress(value.pattern) } catch {
                throw PlanFailure(error.message, place: value.place, fix: error.fix)
            }
            addresses.append(.init(address: address, place: value.place))
            patterns.append(address.fileName)
            return [address.fileName]
        }
        // What is there by that very name is meant, whatever signs are in it.
        let pattern = File.exists(value.pattern) ? Glob.escaped(value.pattern) : value.pattern
        let matches: [InputFiles.Found]
        do throws(FolderSearch.Trouble) { matches = try FolderSearch.ofMachine().matches(of: pattern) } catch {
            throw PlanFailure(error.message, place: value.place, fix: error.fix)
        }
        let glob = Glob(pattern)
        let above = glob.folder.count
        let globs = own.filter { !WebAddress.isMeant(by: $0) }.compactMap { $0.pathNames.last.map { Glob($0) } }
            .filter { $0.names == [nil] }
        var places: [String] = []
        for match in matches {
            let place = match.path.pathNames.dropFirst(above).joined(separator: "/")
            // A file that is named alone is called as its input's own pattern would call it.
            let named = glob.names.contains(nil) ? nil : globs.lazy.compactMap { $0.itemName(of: place) }.first
            let name = named ?? glob.itemName(of: match.path) ?? Glob.stem(of: place)
            found.append(
                InputFiles.Found(
                    path: place, pattern: place, contents: match.contents,
                    elsewhere: .init(origin: "/" + match.path, place: place, name: name)))
            places.append(place)
        }
        let shown = value.pattern.pathNames.dropFirst(above).joined(separator: "/")
        patterns.append(shown)
        return places
    }
}
