internal import Files
package import Metro

extension InputFiles {
    /// A file to be fetched.
    package struct Remote: Hashable, Sendable {
        package let address: WebAddress
        /// The input's whole name.
        package let input: String
        /// Where the metro names it: `metro.yml:4:12`.
        package let place: String
    }

    /// All that the inputs of a metro, and of those in it, name by their addresses, in the order of the files.
    package static func remote(of metro: Metro) -> [Remote] { remote(patterns(of: metro, in: "")) }

    /// Those of them that are wanted when inputs are replaced, and what the replaced ones are given.
    package static func remote(of metro: Metro, replaced: ReplacedInputs) -> [Remote] {
        remote(patterns(of: metro, in: "").filter { replaced.inputs[$0.name] == nil }) + replaced.remote
    }

    private static func remote(_ patterns: [Pattern]) -> [Remote] {
        patterns.compactMap { pattern in
            guard let address = try? WebAddress(pattern.text) else { return nil }
            return Remote(address: address, input: pattern.name, place: pattern.place)
        }
    }

    /// The inputs of a metro, and of those in it, that may be replaced: their patterns, by their whole names.
    package static func replaceable(in metro: Metro) -> [String: [String]] {
        var names: [String: [String]] = [:]
        for use in MetroUse.all(of: metro) {
            for input in use.metro.inputs where use.given[input.name.value] == nil {
                if case .files(let patterns) = input.source {
                    names[use.name(input.name.value)] = patterns.map(\.value)
                } else {
                    names[use.name(input.name.value)] = []
                }
            }
        }
        return names
    }

    /// An archive to be unpacked.
    package struct Archive: Hashable, Sendable {
        /// On this machine.
        package let path: String
        /// As a person knows it.
        package let shown: String
        /// Where the metro names it: `metro.yml:4:12`.
        package let place: String
    }

    /// The archives of the inputs of a metro, and of those in it, once what is fetched is there.
    package static func archives(
        of metro: Metro, in folder: String, replaced: ReplacedInputs, _ brought: Brought
    ) -> [Archive] {
        var unpacking: Set<String> = []
        for use in MetroUse.all(of: metro) {
            for input in use.metro.inputs where input.unpacks { unpacking.insert(use.name(input.name.value)) }
        }
        let own = patterns(of: metro, in: folder).filter { $0.input.unpacks && replaced.inputs[$0.name] == nil }
        return own.flatMap { pattern -> [Archive] in
            if let address = try? WebAddress(pattern.text) {
                return brought.fetched[address.text].map {
                    [Archive(path: $0, shown: address.text, place: pattern.place)]
                } ?? []
            }
            // Whatever is wrong with the pattern was told when the metro was read.
            let found = (try? FolderSearch(pattern.folder).matches(of: pattern.text)) ?? []
            return found.filter { $0.contents == nil }.map {
                Archive(path: $0.location(in: pattern.folder), shown: $0.path, place: pattern.place)
            }
        } + replaced.archives(of: unpacking, brought)
    }

    private struct Pattern {
        let text: String
        let name: String
        let input: Input
        let folder: String
        let place: String
    }

    private static func patterns(of metro: Metro, in folder: String) -> [Pattern] {
        var patterns: [Pattern] = []
        for use in MetroUse.all(of: metro) {
            for input in use.metro.inputs where use.given[input.name.value] == nil {
                guard case .files(let texts) = input.source else { continue }
                for text in texts {
                    let place = Diagnostic(file: use.metro.file, at: text.position, "").place ?? use.metro.file
                    patterns.append(
                        Pattern(
                            text: text.value, name: use.name(input.name.value), input: input,
                            folder: use.path.isEmpty ? folder : use.metro.folder, place: place))
                }
            }
        }
        return patterns
    }

    /// The files in an input's archives. Those of one archive lie as they lie in it; of several, each archive has a folder.
    func contents(of archives: [Found], in folder: String, _ brought: Brought?) -> [Found] {
        var files: [(origin: String, place: String)] = []
        for archive in archives {
            guard let unpacked = brought?.unpacked[archive.location(in: folder)] else { continue }
            let name = File.name(of: archive.elsewhere?.place ?? archive.path)
            let above = archives.count == 1 ? "" : Self.stem(ofArchive: name) + "/"
            for file in unpacked.files { files.append(("\(unpacked.folder)/\(file)", above + file)) }
        }
        let names = Self.names(of: files.map(\.place))
        return zip(files, names).map { file, name in
            Found(
                path: file.place, pattern: file.place,
                elsewhere: Elsewhere(origin: file.origin, place: file.place, name: name))
        }
        .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// `all` of `all.tar.gz`.
    static func stem(ofArchive name: String) -> String {
        let stem = Glob.stem(of: name)
        return stem.ends(with: ".tar") ? String(decoding: stem.utf8.dropLast(4), as: UTF8.self) : stem
    }

    /// The files' names without their endings; where two are alike, the folders below the first in which they differ too:
    /// `mon_s1` of `runs/mon/s1.fq`.
    static func names(of places: [String]) -> [String] {
        let stems = places.map { Glob.stem(of: File.name(of: $0)) }
        if Set(stems).count == stems.count { return stems }
        let folders = places.map { Array($0.pathNames.dropLast()) }
        var common = folders.first ?? []
        for folder in folders.dropFirst() { common = zip(common, folder).prefix { $0 == $1 }.map(\.0) }
        return zip(folders, stems).map { ($0.dropFirst(common.count) + [$1]).joined(separator: "_") }
    }
}

extension ReplacedInputs {
    /// What is to be fetched.
    package var remote: [InputFiles.Remote] {
        names.flatMap { name in
            (inputs[name]?.addresses ?? []).map {
                InputFiles.Remote(address: $0.address, input: name, place: $0.place)
            }
        }
    }

    /// - Parameter unpacking: the inputs that are given archives.
    package func archives(of unpacking: Set<String>, _ brought: InputFiles.Brought) -> [InputFiles.Archive] {
        names.filter(unpacking.contains).flatMap { name -> [InputFiles.Archive] in
            let replacement = inputs[name] ?? Replacement()
            let found = replacement.found.filter { $0.contents == nil }.map {
                InputFiles.Archive(path: $0.location(in: ""), shown: $0.path, place: "--input \(name)")
            }
            return found
                + replacement.addresses.compactMap { file in
                    brought.fetched[file.address.text].map {
                        InputFiles.Archive(path: $0, shown: file.address.text, place: file.place)
                    }
                }
        }
    }
}
