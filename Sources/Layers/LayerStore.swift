package import Digests
package import Files
internal import Glibc

/// The layers in LASH: `layers/DIGEST/tree`, `layers/DIGEST/entries` and `layers/DIGEST/digests`, there whole or not at all.
package struct LayerStore: Sendable {
    package let lash: LASH

    package init(lash: LASH) { self.lash = lash }

    package func folder(of digest: Digest) -> String { lash.layers + "/" + digest.hex }

    /// - Returns: nil when the store does not have it, or has it only in part because the machine stopped soon after it
    ///   was made, or its list of entries is damaged; what is left of it is then removed.
    package func layer(_ digest: Digest) throws -> Layer? {
        let folder = folder(of: digest)
        guard File.status(folder)?.kind == .folder else { return nil }
        if let mark = try? File.read(folder + Self.unsynced, atMost: 4096), !MachineStart.isThis(mark) {
            try remove(digest)
            return nil
        }
        let place = folder + "/entries"
        guard let text = try? File.read(place), Self.isListed(text, in: folder),
            let (name, entries) = try? LayerEntries.parse(text, place: place)
        else {
            try remove(digest)
            return nil
        }
        return Layer(digest: digest, name: name, tree: folder + "/tree", entries: entries)
    }

    /// Whether the list of entries has the digest that stands first in `digests`, where that is there.
    private static func isListed(_ entries: [UInt8], in folder: String) -> Bool {
        let line = Digest(of: entries).hex + "  entries\n"
        guard let descriptor = try? File.open("\(folder)/\(LayerDigests.name)", O_RDONLY | O_CLOEXEC, action: "read")
        else { return true }
        defer { close(descriptor) }
        var first = [UInt8](repeating: 0, count: line.utf8.count)
        return pread(descriptor, &first, first.count, 0) == first.count && first.elementsEqual(line.utf8)
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
            try File.create(folder + "/entries", LayerEntries.text(of: entries, name: name))
            try File.create("\(folder)/\(LayerDigests.name)", LayerDigests(of: folder, entries: entries).text)
            return PreparedLayer(folder: folder, name: name, entries: entries)
        } catch {
            try? Folder.remove(folder)
            throw error
        }
    }

    /// Gives prepared layers their final names.
    ///
    /// They are whole for every process of this machine at once, and after a power failure only once `settle` has been
    /// called: a mark in them says so until then.
    /// Where another process was first, its layer stays: the digest says that both are the same.
    package func publish(_ prepared: [(digest: Digest, layer: PreparedLayer)]) throws -> [Layer] {
        guard !prepared.isEmpty else { return [] }
        var layers: [Layer] = []
        // What has its name already stays.
        defer { for (_, layer) in prepared[layers.count...] { layer.discard() } }
        try Folder.make(lash.layers)
        for (digest, layer) in prepared {
            let final = folder(of: digest)
            try File.create(layer.folder + Self.unsynced, MachineStart.mark)
            let isFirst = Glibc.rename(layer.folder, final) == 0
            if !isFirst {
                guard errno == EEXIST || errno == ENOTEMPTY else {
                    throw FileFailure("rename \(layer.folder) to", final)
                }
                try Folder.remove(layer.folder)
            }
            layers.append(
                Layer(
                    digest: digest, name: layer.name, tree: final + "/tree", entries: layer.entries, isFresh: isFirst))
        }
        return layers
    }

    /// Sees to it that published layers last: one sync for all of them, which takes as long as the disk is busy.
    package func settle(_ layers: [Digest]) throws {
        let unsettled = layers.map { folder(of: $0) + Self.unsynced }.filter(File.exists)
        if unsettled.isEmpty { return }
        try Folder.syncDisk(of: lash.layers)
        for mark in unsettled { File.remove(mark) }
    }

    private static let unsynced = "/unsynced"
}

/// A layer in a temporary folder, complete but not yet in the store.
package struct PreparedLayer: Sendable {
    package let folder: String
    package let name: String
    package let entries: [LayerEntry]

    package func discard() { try? Folder.remove(folder) }
}
