package import Digests
package import Files
internal import Glibc

/// The layers in LASH: `layers/DIGEST/tree` and `layers/DIGEST/entries`, there whole or not at all.
package struct LayerStore: Sendable {
    package let lash: LASH

    package init(lash: LASH) { self.lash = lash }

    package func folder(of digest: Digest) -> String { lash.layers + "/" + digest.hex }

    /// - Returns: nil when the store does not have it.
    package func layer(_ digest: Digest) throws -> Layer? {
        let folder = folder(of: digest)
        guard File.status(folder)?.kind == .folder else { return nil }
        let place = folder + "/entries"
        let (name, entries) = try LayerEntries.parse(try File.read(place), place: place)
        return Layer(digest: digest, name: name, tree: folder + "/tree", entries: entries)
    }

    /// Lends a fresh folder that `make` fills: `tree` is there already, other things may lie beside it.
    ///
    /// - Returns: the finished folder, to be given to `publish`; `discard` it when something else fails first.
    package func prepare(
        name: String, _ make: (_ folder: String) throws -> [LayerEntry]
    ) throws -> PreparedLayer {
        let folder = try Folder.makeTemporary(in: lash.temporary, named: "layer")
        do {
            try Folder.make(folder + "/tree")
            let entries = try make(folder).sorted { $0.path < $1.path }
            try File.write(LayerEntries.text(of: entries, name: name), to: folder + "/entries")
            return PreparedLayer(folder: folder, name: name, entries: entries)
        } catch {
            try? Folder.remove(folder)
            throw error
        }
    }

    /// Gives prepared layers their final names, after all that they hold is on the disk.
    ///
    /// Where another process was first, its layer stays: the digest says that both are the same.
    package func publish(_ prepared: [(digest: Digest, layer: PreparedLayer)]) throws -> [Layer] {
        guard !prepared.isEmpty else { return [] }
        try Folder.make(lash.layers)
        try Folder.syncDisk(of: lash.temporary)
        var layers: [Layer] = []
        for (digest, layer) in prepared {
            let final = folder(of: digest)
            if Glibc.rename(layer.folder, final) != 0 {
                guard errno == EEXIST || errno == ENOTEMPTY else {
                    throw FileFailure("rename \(layer.folder) to", final)
                }
                try Folder.remove(layer.folder)
            }
            layers.append(Layer(digest: digest, name: layer.name, tree: final + "/tree", entries: layer.entries))
        }
        Folder.sync(lash.layers)
        return layers
    }
}

/// A layer in a temporary folder, complete but not yet in the store.
package struct PreparedLayer: Sendable {
    package let folder: String
    package let name: String
    package let entries: [LayerEntry]

    package func discard() { try? Folder.remove(folder) }
}
