internal import Digests
package import Files
internal import JSON
package import Layers
package import Parts
internal import Threads

/// Makes images and puts them into LASH's store of parts.
package struct ImageWriter: Sendable {
    package let lash: LASH
    package let options: ImageOptions

    /// Changed whenever the same input gives other bytes.
    static let version = 3

    package init(_ lash: LASH, options: ImageOptions = ImageOptions()) { (self.lash, self.options) = (lash, options) }

    /// The image of a root file system, made only if the store does not have it yet.
    ///
    /// - Parameters:
    ///   - name: the `EnvironmentID`.
    ///   - progress: told how many bytes of the files are done, of all; from any thread, one at a time.
    package func environment(
        _ tree: LayeredTree, named name: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws -> Part {
        let key = key(of: tree)
        if let known = known(key) {
            return Part(kind: .environment, name: name, size: known.size, digest: known.digest)
        }
        let groups = tree.layers.map(ImageTree.files)
        // Names are put in order while blocks are compressed: neither needs the other.
        let (image, blocks) = try Workers.both(
            { try ImageTree(tree, groups: groups, mountPoints: Self.mountPoints) },
            { try self.blocks(of: tree.layers, groups, progress: progress) })
        let part = try compose(image, blocks, name: name)
        try Folder.make(lash.made)
        try File.put(JSONText.encode(Made(digest: part.digest, size: part.size), indented: true), at: record(of: key))
        return part
    }

    /// The blocks of every layer, from the store where it has them, else made and put there.
    func blocks(
        of layers: [Layer], _ groups: [[ImageFile]],
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) throws -> [LayerBlocks] {
        let store = BlockStore(lash, options)
        let known = try Workers.each(Array(layers.indices), on: options.threads) {
            store.blocks(of: layers[$0].imageDigest, fileCount: groups[$0].count)
        }
        let missing = layers.indices.filter { known[$0] == nil }
        try LayerStore(lash: lash).check(missing.map { layers[$0] })
        let new = missing.map { groups[$0] }
        let digests = try Workers.each(missing, on: options.threads) { layers[$0].fileDigests }
        let total = ImageTree(groups: groups, entries: []).size
        let done = Monitor(total - ImageTree(groups: new, entries: []).size)
        let made = try Folder.withTemporary(in: lash.temporary, named: "blocks") { folder in
            let target = BlockStore.Target(store, layers: missing.map { layers[$0].imageDigest }, folder: folder)
            return try DataWriter(options: options).write(new, digests: digests, to: target) { count in
                progress(
                    done.change {
                        $0 += count
                        return $0
                    }, total)
            }.made
        }
        var blocks = known
        for (layer, made) in zip(missing, made) { blocks[layer] = made }
        return blocks.compactMap { $0 }
    }

    /// An image of blocks that the store has: only its head and its tables are written.
    private func compose(_ image: ImageTree, _ blocks: [LayerBlocks], name: String) throws -> Part {
        let laid = try layOut(image, blocks)
        let part = Part(kind: .environment, name: name, size: laid.extents.size, digest: laid.extents.digest)
        try PartStore(lash).adopt(part, extents: laid.extents, pieces: laid.pieces, own: laid.own)
        return part
    }

    /// Where the blocks of an image's groups come to lie, and the head and the tables that say so.
    func layOut(
        _ image: ImageTree, _ blocks: [LayerBlocks]
    ) throws -> (pieces: PartPieces, extents: ExtentList, own: [UInt8]) {
        var start = Self.headSize
        var groups: [(start: Int64, layout: GroupLayout)] = []
        var pieces = [PartPieces.Piece(file: nil, offset: 0, length: Self.headSize)]
        var extents: [Extent] = []
        for blocks in blocks {
            groups.append((start, blocks.layout))
            start += blocks.layout.size
            if blocks.layout.size > 0 {
                pieces.append(.init(file: blocks.file, offset: 0, length: blocks.layout.size))
                extents += blocks.extents
            }
        }
        var (head, tables) = try MetadataWriter(options: options, tree: image, groups: groups).write(at: start)
        tables += [UInt8](repeating: 0, count: Int(BundleIndex.aligned(Int64(tables.count))) - tables.count)
        pieces.append(.init(file: nil, offset: Self.headSize, length: Int64(tables.count)))
        for offset in stride(from: 0, to: tables.count, by: Self.tableExtent) {
            let extent = tables[offset..<min(offset + Self.tableExtent, tables.count)]
            extents.append(Extent(length: Int64(extent.count), digest: Digest(of: extent)))
        }
        let list = try ExtentList([Extent(length: Self.headSize, digest: Digest(of: head))] + extents)
        return (PartPieces(pieces), list, head + tables)
    }

    static let headSize: Int64 = 4096
    private static let tableExtent = 256 << 10

    /// What the runtime mounts something on.
    static let mountPoints: [(path: RelativePath, mode: UInt16)] = [
        (".las", 0o755), ("dev", 0o755), ("proc", 0o755), ("sys", 0o755), ("task", 0o755), ("tmp", 0o1777),
    ].compactMap { name, mode in RelativePath(name).map { ($0, mode) } }

    /// Writes an image as one file, and gives it to the store.
    func write(
        _ tree: ImageTree, kind: Part.Kind, name: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) throws -> Part {
        try Folder.withTemporary(in: lash.temporary, named: "image") { folder in
            let path = folder + "/image"
            let extents = try write(tree, to: path, progress: progress)
            let part = Part(kind: kind, name: name, size: extents.size, digest: extents.digest)
            try PartStore(lash).adopt(part, extents: extents, fileAt: path)
            return part
        }
    }

    /// - Returns: the image's extents: its blocks in groups, never of two layers.
    func write(
        _ tree: ImageTree, to path: String, progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) throws -> ExtentList {
        let total = tree.size
        let done = Monitor(Int64(0))
        let target = WholeImage(try BlockOutput(path, from: Self.headSize))
        let written = try DataWriter(options: options).write(tree.groups, to: target) { count in
            progress(
                done.change {
                    $0 += count
                    return $0
                }, total)
        }
        let output = written.output
        let (head, tables) = try MetadataWriter(options: options, tree: tree, groups: written.groups)
            .write(at: output.position)
        try tables.withUnsafeBytes { tables in
            for offset in stride(from: 0, to: tables.count, by: Self.tableExtent) {
                try output.append(UnsafeRawBufferPointer(rebasing: tables[offset...].prefix(Self.tableExtent)))
            }
        }
        try output.align()
        try output.write(head, at: 0)
        try output.sync()
        return try ExtentList([Extent(length: Self.headSize, digest: Digest(of: head))] + output.extents)
    }

    /// All groups in one file.
    private struct WholeImage: GroupTarget {
        let output: BlockOutput
        private(set) var groups: [(start: Int64, layout: GroupLayout)] = []

        init(_ output: BlockOutput) { self.output = output }

        func begin(_ group: Int) -> BlockOutput { output }

        mutating func end(_ group: Int, _ layout: GroupLayout) {
            groups.append((output.position - layout.size, layout))
        }
    }

    // MARK: What was made of the same layers before

    private struct Made: Codable {
        let digest: Digest
        let size: Int64
    }

    private func key(of tree: LayeredTree) -> Digest {
        let madeOf: JSONValue = [
            "writer": .integer(Int64(Self.version)),
            "zstd": .string(Compressor.zstdVersion),
            "level": .integer(Int64(options.level)),
            "block": .integer(Int64(options.blockSize)),
            "layers": .array(tree.layers.map { JSONValue.string($0.imageDigest.hex) }),
        ]
        return Digest(of: JSONText.bytes(of: madeOf))
    }

    private func record(of key: Digest) -> String { "\(lash.made)/\(key.hex)" }

    private func known(_ key: Digest) -> Made? {
        guard let text = try? File.read(record(of: key), atMost: 4096),
            let made = try? JSONText.decode(Made.self, from: text), PartStore(lash).has(made.digest)
        else { return nil }
        return made
    }
}
