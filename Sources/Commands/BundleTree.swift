internal import Bundle
internal import Digests
internal import Files
internal import Layers
internal import Parts
internal import Terminal
internal import Unpacking

/// A bundle as a tree that can be written in another format. Its environment is one layer: which needs brought what, the image
/// does not tell any more.
enum BundleTree {
    /// Its environments, each with the metro.
    ///
    /// - Parameters:
    ///   - bundle: verified.
    ///   - folder: empty, and there as long as the tree is used.
    ///   - conductor: the program that goes into images; the bundle does not have it.
    static func exported(
        _ bundle: BundleFile, conductor: String, into folder: String, _ terminal: Terminal
    ) throws -> [ExportedTree] {
        let environments = bundle.parts.filter { $0.part.kind == .environment }
        let files = folder + "/metro"
        let roots = environments.indices.map { "\(folder)/root-\($0)" }
        for (placed, place) in zip(environments + [bundle.metro], roots + [files]) {
            try Folder.make(place)
            try Stage.during(terminal, "unpacking \(placed.part.words)") { stage in
                try ImageReader(bundle.path, offset: placed.offset).unpack(into: place) {
                    stage.update(done: $0, of: $1)
                }
            }
        }
        var metro = MetroImage()
        for entry in try entries(below: files) {
            switch entry.kind {
            case .folder: metro.addFolder(entry.path)
            case .file: try metro.add(entry.path, fileAt: "\(files)/\(entry.path)")
            default: throw UsageFailure("the metro's image holds what no metro's image has: \(entry.path)")
            }
        }
        let runtime = try bundle.reader(of: bundle.runtime).read(at: 0, count: Int(bundle.runtime.part.size))
        metro.add(try Packing.path("las-runtime"), bytes: runtime, isProgram: true)
        try metro.add(try Packing.path("las-conductor"), fileAt: conductor)
        return try zip(environments, roots).map { environment, root in
            // Not every file system can hold them, so they are not read from where the files lie now.
            let listing = try ImageListing(try ImageReader(bundle.path, offset: environment.offset))
            let attributes = Dictionary(
                listing.entries.filter { !$0.attributes.isEmpty }.map { (ExactText($0.path), $0.attributes) },
                uniquingKeysWith: { first, _ in first })
            let layer = Layer(
                digest: environment.part.digest, name: environment.part.words, tree: root,
                entries: try entries(below: root, attributes))
            return ExportedTree(
                environment: LayeredTree(layers: [layer]), metro: metro, name: bundle.metro.part.name,
                environmentName: environments.count > 1 ? environment.part.name : nil)
        }
    }

    private static func entries(
        below root: String, _ attributes: [ExactText: [FileAttribute]] = [:]
    ) throws -> [LayerEntry] {
        var entries: [LayerEntry] = []
        // Files with several names have one inode.
        var names: [UInt64: RelativePath] = [:]
        func walk(_ below: String) throws {
            for name in try Folder.names(in: below.isEmpty ? root : "\(root)/\(below)") {
                let text = below.isEmpty ? name : "\(below)/\(name)"
                guard let path = RelativePath(text), let status = File.status("\(root)/\(text)") else { continue }
                var kind = LayerEntry.Kind.folder
                switch status.kind {
                case .folder: break
                case .link: kind = .link(target: File.target(of: "\(root)/\(text)") ?? "")
                case .file:
                    kind = names[status.inode].map { .hardLink(to: $0) } ?? .file(size: status.size)
                    names[status.inode] = names[status.inode] ?? path
                case .other: continue
                }
                entries.append(
                    LayerEntry(
                        path: path, kind: kind, mode: UInt16(truncatingIfNeeded: status.mode & 0o777),
                        modified: status.modified, attributes: attributes[ExactText(text)] ?? []))
                if status.kind == .folder { try walk(text) }
            }
        }
        try walk("")
        return entries.sorted { $0.path < $1.path }
    }
}
