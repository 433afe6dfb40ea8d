internal import Digests
internal import Files
internal import Glibc
internal import Layers

/// The loader's table of shared libraries (`/etc/ld.so.cache`) of an environment in which libraries were built: without it
/// those in `/usr/local/lib` are not found. A layer of its own.
struct LibraryCache {
    /// Counts up whenever the same layers would give another table.
    private static let version = 1
    private static let table = "ld.so.cache"

    let lash: LASH
    let architecture: Architecture

    /// - Parameter layers: digests of all layers that lie below.
    func digest(of layers: [Digest]) -> Digest {
        let list = layers.map(\.hex).sorted().joined(separator: "\n")
        return Digest(of: "las: table of shared libraries, \(Self.version)\n\(architecture)\n\(list)\n")
    }

    /// - Parameters:
    ///   - tree: of Debian's packages.
    ///   - built: the layers above it.
    /// - Returns: nil where none of these has a shared library that the loader would look for.
    func layer(of tree: LayeredTree, _ built: [Layer]) throws -> Layer? {
        let libraries = LayeredTree(layers: built).merged().filter { Self.isLibrary($0.path.string) }
        if libraries.isEmpty { return nil }
        let store = LayerStore(lash: lash)
        let digest = digest(of: (tree.layers + built).map(\.digest))
        if let layer = try store.layer(digest) { return layer }
        let lock = try FileLock.take("\(lash.locks)/layer-\(digest)")
        defer { withExtendedLifetime(lock) {} }
        if let layer = try store.layer(digest) { return layer }
        let prepared = try store.prepare(name: "table of shared libraries") { folder in
            try Folder.withTemporary(in: lash.temporary, named: "libraries") { work in
                for name in ["local", "work"] { try Folder.make("\(work)/\(name)") }
                for found in libraries { try copy(found, from: built[found.layer].tree, to: work + "/local") }
                let outcome = try BuildRoot.with(tree, in: lash) { root in
                    try root.run(
                        BuildRoot.Work(
                            commands: "exec ldconfig -X -i -C \(BuildRoot.work)/\(Self.table)", folder: work + "/work",
                            local: work + "/local"))
                }
                guard outcome.end.isSuccess else {
                    throw DepotFailure(
                        "ldconfig can't find out which shared libraries there are", cause: outcome.lastWords, .resources
                    )
                }
                let etc = folder + "/tree/etc"
                try Folder.make(etc)
                try File.copy("\(work)/work/\(Self.table)", to: "\(etc)/\(Self.table)", mode: 0o644)
            }
            return try BuiltTree(root: folder + "/tree", place: "etc").contents().entries
        }
        return try store.publish([(digest, prepared)]).first
    }

    /// Whether it lies where the loader's configuration says: in a `lib` of `/usr/local`, or one for the processor.
    private static func isLibrary(_ path: String) -> Bool {
        let names = path.pathNames
        guard names.starts(with: ["usr", "local", "lib"]), (4...5).contains(names.count), let name = names.last else {
            return false
        }
        return name.ends(with: ".so") || name.utf8.indices.contains { name.utf8[$0...].starts(with: ".so.".utf8) }
    }

    private func copy(_ found: MergedEntry, from tree: String, to local: String) throws {
        guard let inside = found.path.string.after("usr/local/") else { return }
        let path = "\(local)/\(inside)"
        try Folder.make(File.parent(of: path))
        switch found.entry.kind {
        case .file, .hardLink: try File.copy("\(tree)/\(found.path)", to: path, mode: 0o755)
        case .link(let target):
            guard symlink(target, path) == 0 else { throw FileFailure("write", path) }
        case .folder, .removed: break
        }
    }
}
