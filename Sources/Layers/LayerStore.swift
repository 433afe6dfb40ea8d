package import Digests
package import Files
internal import Glibc

/// The layers in LASH: `layers/DIGEST/tree` and `layers/DIGEST/entries`, there whole or not at all.
package struct LayerStore: Sendable {
    package let lash: LASH

    package init(lash: LASH) { self.lash = lash }

    package func folder(of digest: Digest) -> String { lash.layers + "/" + digest.hex }

    /// - Returns: nil when the store does not have it, or has it only in part because the machine stopped soon after it
    ///   was made; what is left of it is then removed.
    package func layer(_ digest: Digest) throws -> Layer? {
        let folder = folder(of: digest)
        guard File.status(folder)?.kind == .folder else { return nil }
        if let mark = try? File.read(folder + Self.unsynced, atMost: 4096), !Start.isThis(mark) {
            let away = try Folder.makeTemporary(in: lash.temporary, named: "layer")
            guard Glibc.rename(folder, away) == 0 else { throw FileFailure("rename \(folder) to", away) }
            try Folder.remove(away)
            return nil
        }
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
            try File.create(folder + "/entries", LayerEntries.text(of: entries, name: name))
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
        try Folder.make(lash.layers)
        var layers: [Layer] = []
        for (digest, layer) in prepared {
            let final = folder(of: digest)
            try File.create(layer.folder + Self.unsynced, Start.mark)
            if Glibc.rename(layer.folder, final) != 0 {
                guard errno == EEXIST || errno == ENOTEMPTY else {
                    throw FileFailure("rename \(layer.folder) to", final)
                }
                try Folder.remove(layer.folder)
            }
            layers.append(Layer(digest: digest, name: layer.name, tree: final + "/tree", entries: layer.entries))
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

/// The time since this machine was started: within it, whatever was written can be read.
private enum Start {
    /// The machine's name and its kernel's number for this start.
    static let mark: [UInt8] = {
        var information = utsname()
        uname(&information)
        let name = withUnsafeBytes(of: information.nodename) { Array($0.prefix { $0 != 0 }) }
        return name + [UInt8(ascii: " ")] + ((try? File.read("/proc/sys/kernel/random/boot_id")) ?? [])
    }()

    /// Other machines that share this LASH look after their own: what they wrote was on the server when they closed it.
    static func isThis(_ other: [UInt8]) -> Bool {
        let blank = UInt8(ascii: " ")
        return other == mark || !other.prefix { $0 != blank }.elementsEqual(mark.prefix { $0 != blank })
    }
}

/// A layer in a temporary folder, complete but not yet in the store.
package struct PreparedLayer: Sendable {
    package let folder: String
    package let name: String
    package let entries: [LayerEntry]

    package func discard() { try? Folder.remove(folder) }
}
