internal import Files
package import Metro

/// An input of the metro and the files that it stands for.
package struct PlannedInput: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
        /// Files that are packed with the metro: of its folder, from an address, of an archive.
        case files
        /// Files that a need brought, where they lie in the environment's image.
        case image
        /// Text that stands in the metro itself.
        case text
    }

    package let name: String
    package let kind: Kind
    /// Paths and globs as the metro says them: relative to its folder, addresses, or absolute in the image.
    package let patterns: [String]
    /// Sorted; nil for one whose files become known when the metro is packed: those of an image, what is fetched or
    /// unpacked.
    package internal(set) var files: [PlannedFile]?
    package let text: String?
    /// Whether its files are those of archives; nil for no.
    package let unpacks: Bool?
    /// Where an `image` input is looked up: the environments of the stations that take it.
    package let environments: [EnvironmentID]
    /// The input of a metro around whose files these are some of, as they lie there; nil for one with files of its own.
    package let base: Base?
    /// What its files must be; nil for one that takes all.
    package let valid: Validity?
    /// Where the command runs that its files must pass: in the environment of the first station that takes them. nil when
    /// there is no such command, or no such station.
    package let checkedIn: EnvironmentID?
    /// Which metro's folder `files/` that command sees, one of `Plan.metros`; nil for the outermost metro's.
    package let scripts: String?
    /// What `valid` left out.
    package internal(set) var leftOut: [LeftOut]

    package struct Base: Hashable, Sendable, Codable {
        package let input: String
        /// What is given of it.
        package let patterns: [String]

        package init(input: String, patterns: [String] = []) { (self.input, self.patterns) = (input, patterns) }
    }

    package init(
        name: String, kind: Kind, patterns: [String] = [], files: [PlannedFile]?, text: String? = nil,
        unpacks: Bool = false, environments: [EnvironmentID] = [], base: Base? = nil, valid: Validity? = nil,
        checkedIn: EnvironmentID? = nil,
        scripts: String? = nil, leftOut: [LeftOut] = []
    ) {
        (self.name, self.kind, self.patterns, self.files, self.text) = (name, kind, patterns, files, text)
        self.unpacks = unpacks ? true : nil
        (self.environments, self.base, self.valid) = (environments, base, valid)
        (self.checkedIn, self.scripts, self.leftOut) = (checkedIn, scripts, leftOut)
    }
}

/// One file, or folder, of an input.
package struct PlannedFile: Hashable, Sendable, Codable {
    /// The item's `{name}`.
    package let name: String
    /// Where a task sees it: `/.las/inputs/reads/s1.fq`, or its path in the image.
    package let path: String
    /// Where it lies, relative to the metro's folder; nil for what does not lie there.
    package let source: String?
    /// For a folder the files in it, sorted, relative to it; nil for a file.
    package let contents: [String]?
    /// Where on the packing machine it lies when that is not the metro's folder: no plan that is written down has it.
    package private(set) var origin: String?

    package init(
        name: String, path: String, source: String? = nil, contents: [String]? = nil, origin: String? = nil
    ) {
        (self.name, self.path, self.source, self.contents, self.origin) = (name, path, source, contents, origin)
    }

    /// One that does not lie in a metro's folder; nil for one that does.
    init?(elsewhere file: InputFiles.Found, of input: String) {
        guard let elsewhere = file.elsewhere else { return nil }
        self.init(
            name: ItemName.safe(elsewhere.name), path: "/.las/inputs/\(input)/\(elsewhere.place)",
            contents: file.contents, origin: elsewhere.origin)
    }

    private enum CodingKeys: String, CodingKey { case name, path, source, contents }

    /// It, or all that is in it, for the metro image.
    func packed(from source: String) -> [PackedFile] {
        let path = String(path.dropFirst("/.las/".count))
        guard let contents else { return [PackedFile(content: .file(source), path: path)] }
        return contents.map { PackedFile(content: .file("\(source)/\($0)"), path: "\(path)/\($0)") }
    }
}

/// A file that matched an input's pattern and is not valid: its path as the input says it, and why.
package struct LeftOut: Hashable, Sendable, Codable {
    package let path: String
    /// "is not larger than 0".
    package let reason: String

    package init(path: String, reason: String) { (self.path, self.reason) = (path, reason) }
}

/// A file for the packer: what it holds and where it lies in the metro image.
package struct PackedFile: Hashable, Sendable {
    package enum Content: Hashable, Sendable {
        /// A path relative to the metro's folder, or an absolute one; a link is followed.
        case file(String)
        case text(String)
    }

    package let content: Content
    /// Relative to the root of the metro image, which is mounted at `/.las`: `inputs/reads/s1.fq`, `files/bin/tool`.
    package let path: String

    package init(content: Content, path: String) { (self.content, self.path) = (content, path) }
}

extension Plan {
    /// Every file that is packed into the metro image besides `plan.json`, sorted by path.
    package var packedFiles: [PackedFile] {
        var packed = scripts.map { PackedFile(content: .file($0), path: $0) }
        for metro in metros {
            guard let origin = metro.origin else { continue }
            packed.append(PackedFile(content: .file(origin), path: metro.place + "/metro.yml"))
            packed += metro.scripts.map {
                PackedFile(content: .file(File.parent(of: origin) + "/" + $0), path: "\(metro.place)/\($0)")
            }
        }
        for workspace in workspaces { packed += workspace.packedFiles }
        for input in inputs where input.kind != .image && input.base == nil {
            for file in input.files ?? [] {
                let path = String(file.path.dropFirst("/.las/".count))
                if let text = input.text {
                    packed.append(PackedFile(content: .text(text), path: path))
                } else if let source = file.origin ?? file.source {
                    packed += file.packed(from: source)
                }
            }
        }
        let sorted = packed.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        // What two patterns of an input select is packed once.
        return zip(sorted, [nil] + sorted.map(Optional.some)).compactMap { file, before in
            before.map { ExactText($0.path) == ExactText(file.path) && $0.content == file.content } ?? false
                ? nil : file
        }
    }
}

extension Plan {
    /// Folders of the metro image that are there even if nothing lies in them: `/.las/files` is one for every station.
    package var packedFolders: [String] {
        ["files"] + metros.map { $0.place + "/files" } + (workspaces.isEmpty ? [] : ["workspaces"])
    }
}
