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
    static let version = 1

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
        let image = try ImageTree(tree, mountPoints: Self.mountPoints)
        let part = try write(image, kind: .environment, name: name, progress: progress)
        try Folder.make(lash.made)
        try File.write(JSONText.encode(Made(digest: part.digest, size: part.size), indented: true), to: record(of: key))
        return part
    }

    /// What the runtime mounts something on.
    private static let mountPoints: [(path: RelativePath, mode: UInt16)] = [
        (".las", 0o755), ("dev", 0o755), ("proc", 0o755), ("sys", 0o755), ("task", 0o755), ("tmp", 0o1777),
    ].compactMap { name, mode in RelativePath(name).map { ($0, mode) } }

    /// Writes an image beside, and gives it to the store.
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
        let output = try ImageOutput(path)
        let total = tree.size
        let done = Monitor(Int64(0))
        let groups = try DataWriter(options: options).write(tree.groups, to: output) { count in
            progress(
                done.change {
                    $0 += count
                    return $0
                }, total)
        }
        let start = output.position
        let (head, tables) = try MetadataWriter(options: options, tree: tree, groups: groups).write(at: start)
        try tables.withUnsafeBytes { tables in
            for offset in stride(from: 0, to: tables.count, by: 64 << 10) {
                try output.append(UnsafeRawBufferPointer(rebasing: tables[offset...].prefix(64 << 10)))
            }
        }
        try output.align()
        return try output.finish(head: head)
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
            "layers": .array(tree.layers.map { JSONValue.string($0.digest.hex) }),
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
