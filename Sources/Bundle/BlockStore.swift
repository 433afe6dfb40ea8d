internal import Digests
internal import Files
internal import Glibc
internal import JSON
internal import Layers
internal import Parts

/// The blocks of a layer as they lie in every image that has it.
struct LayerBlocks: Sendable {
    /// Below LASH.
    let file: String
    let layout: GroupLayout
    let extents: [Extent]
}

/// Layers' blocks in LASH, compressed once: `blocks/KEY`, which holds the blocks, then their index and a footer.
///
/// The key is the digest of the layer's and of all that decides how it is compressed. Entries are not synced: an index that
/// a power failure has cut is seen by its digest and the layer is compressed again; and whoever copies blocks checks the
/// digests of the extents.
struct BlockStore: Sendable {
    let lash: LASH
    private let options: ImageOptions

    init(_ lash: LASH, _ options: ImageOptions) { (self.lash, self.options) = (lash, options) }

    private static let version: UInt32 = 1
    private static let magic = "LASBLOCK"
    private static let footerSize = 8 + 4 + 8 + Digest.byteCount

    private func key(of layer: Digest) -> Digest { Self.key(of: layer, options) }

    static func key(of layer: Digest, _ options: ImageOptions) -> Digest {
        let madeOf: JSONValue = [
            "writer": .integer(Int64(ImageWriter.version)),
            "zstd": .string(Compressor.zstdVersion),
            "level": .integer(Int64(options.level)),
            "block": .integer(Int64(options.blockSize)),
            "layer": .string(layer.hex),
        ]
        return Digest(of: JSONText.bytes(of: madeOf))
    }

    private func file(of layer: Digest) -> String { "\(File.name(of: lash.blocks))/\(key(of: layer).hex)" }

    /// - Parameter fileCount: of the layer.
    /// - Returns: nil where they are not there, or not whole.
    func blocks(of layer: Digest, fileCount: Int) -> LayerBlocks? {
        if fileCount == 0 { return LayerBlocks(file: "", layout: GroupLayout(fileCount: 0), extents: []) }
        let file = file(of: layer)
        guard let (layout, extents) = Self.index(at: "\(lash.root)/\(file)"), layout.files.count == fileCount else {
            return nil
        }
        return LayerBlocks(file: file, layout: layout, extents: extents)
    }

    /// - Returns: nil where it is not there, or not whole.
    static func index(at path: String) -> (GroupLayout, [Extent])? {
        guard let status = File.status(path), status.kind == .file, status.size >= Self.footerSize,
            let tail = try? File.readEnd(of: path, count: Self.footerSize), tail.count == Self.footerSize
        else { return nil }
        var footer = ByteReader(tail)
        guard footer.take(8)?.elementsEqual(Self.magic.utf8) == true, footer.number(UInt32.self) == Self.version,
            let size = footer.size(), size <= status.size - Int64(Self.footerSize),
            let digest = footer.take(Digest.byteCount).flatMap({ Digest(bytes: $0) }),
            let whole = try? File.readEnd(of: path, count: Int(size) + Self.footerSize),
            whole.count == Int(size) + Self.footerSize
        else { return nil }
        let index = Array(whole.dropLast(Self.footerSize))
        guard Digest(of: index) == digest, let (layout, extents) = Self.read(index),
            layout.size == status.size - Int64(whole.count), extents.reduce(0, { $0 + $1.length }) == layout.size
        else { return nil }
        return (layout, extents)
    }

    /// New entries: each is written in a folder beside, and gets its name when it is whole.
    struct Target: GroupTarget {
        private let store: BlockStore
        private let layers: [Digest]
        private let folder: String
        private var output: BlockOutput?
        private(set) var made: [LayerBlocks] = []

        init(_ store: BlockStore, layers: [Digest], folder: String) {
            (self.store, self.layers, self.folder) = (store, layers, folder)
        }

        mutating func begin(_ group: Int) throws -> BlockOutput {
            let output = try BlockOutput("\(folder)/\(group)", from: 0)
            self.output = output
            return output
        }

        mutating func end(_ group: Int, _ layout: GroupLayout) throws {
            guard let output else { return }
            let index = BlockStore.index(layout, output.extents)
            var tail = ByteWriter()
            tail.append(index)
            tail.append(BlockStore.magic)
            tail.append(BlockStore.version)
            tail.append(UInt64(index.count))
            tail.append(Digest(of: index).bytes)
            try output.write(tail.bytes, at: output.position)
            let file = store.file(of: layers[group])
            try Folder.make(store.lash.blocks)
            guard rename(output.path, "\(store.lash.root)/\(file)") == 0 else {
                throw FileFailure("rename \(output.path) to", "\(store.lash.root)/\(file)")
            }
            made.append(LayerBlocks(file: file, layout: layout, extents: output.extents))
            self.output = nil
        }
    }

    // MARK: The index

    private static func index(_ layout: GroupLayout, _ extents: [Extent]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(UInt64(layout.size))
        writer.append(UInt32(layout.files.count))
        for file in layout.files {
            writer.append(UInt64(file.start))
            writer.append(UInt64(file.sparse))
            writer.append(UInt32(file.share.map { $0.fragment + 1 } ?? 0))
            writer.append(UInt32(file.share?.offset ?? 0))
            writer.append(UInt32(file.blocks.count))
            for block in file.blocks { writer.append(block) }
        }
        writer.append(UInt32(layout.fragments.count))
        for fragment in layout.fragments {
            writer.append(UInt64(fragment.start))
            writer.append(fragment.size)
        }
        writer.append(UInt32(extents.count))
        for extent in extents {
            writer.append(UInt32(extent.length))
            writer.append(extent.digest.bytes)
        }
        return writer.bytes
    }

    private static func read(_ bytes: [UInt8]) -> (GroupLayout, [Extent])? {
        var reader = ByteReader(bytes)
        guard let size = reader.size(), let files = reader.number(UInt32.self) else { return nil }
        var layout = GroupLayout(fileCount: 0)
        layout.size = size
        layout.files.reserveCapacity(min(Int(files), bytes.count))
        for _ in 0..<files {
            guard let start = reader.size(), let sparse = reader.size(), let share = reader.number(UInt32.self),
                let offset = reader.number(UInt32.self), let count = reader.number(UInt32.self)
            else { return nil }
            var file = GroupLayout.File(start: start, sparse: sparse)
            if share > 0 { file.share = .init(fragment: Int(share) - 1, offset: Int(offset)) }
            for _ in 0..<count {
                guard let block = reader.number(UInt32.self) else { return nil }
                file.blocks.append(block)
            }
            layout.files.append(file)
        }
        guard let fragments = reader.number(UInt32.self) else { return nil }
        for _ in 0..<fragments {
            guard let start = reader.size(), let size = reader.number(UInt32.self) else { return nil }
            layout.fragments.append(.init(start: start, size: size))
        }
        guard let count = reader.number(UInt32.self) else { return nil }
        var extents: [Extent] = []
        for _ in 0..<count {
            guard let length = reader.number(UInt32.self),
                let digest = reader.take(Digest.byteCount).flatMap({ Digest(bytes: $0) })
            else { return nil }
            extents.append(Extent(length: Int64(length), digest: digest))
        }
        return reader.isAtEnd ? (layout, extents) : nil
    }
}
