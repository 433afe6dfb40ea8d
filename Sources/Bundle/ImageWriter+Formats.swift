internal import Files
internal import Glibc
internal import JSON
internal import Layers
internal import Parts
internal import Threads

/// The same tree without a bundle around it: one image, a tar, an OCI image. Each file appears only when it is whole.
extension ImageWriter {
    /// One squashfs image of the environment with the metro and the runtime in its `/.las`.
    package func squashfs(
        _ exported: ExportedTree, to path: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws {
        let tree = try exported.merged()
        let layers = exported.environment.layers
        let environment = try blocks(of: layers, Array(tree.groups[..<layers.count]), progress: progress)
        try Folder.withTemporary(in: lash.temporary, named: "image") { folder in
            let target = TemporaryBlocks(folder: folder, below: lash.root)
            let metro = try DataWriter(options: options).write(Array(tree.groups[layers.count...]), to: target) { _ in }
            let laid = try layOut(tree, environment + metro.made)
            let own = folder + "/own"
            try File.create(own, laid.own)
            try Self.whole(path) { descriptor, beside in
                try PartReader(laid.pieces, own: own, in: lash).copyVerified(
                    laid.extents, named: "the image", to: descriptor, at: 0, path: beside)
            }
        }
    }

    /// A tar, compressed with zstd.
    package func tar(
        _ exported: ExportedTree, to path: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws {
        try LayerStore(lash: lash).check(exported.environment.layers)
        let tree = try exported.merged()
        let total = tree.size
        try Self.whole(path) { descriptor, beside in
            var position: Int64 = 0
            let filter = ArchiveWriter.Filter.zstd(level: options.level, threads: options.threads)
            let archive = try ArchiveWriter(.tar, filter) { bytes in
                try File.writeAll(bytes, at: position, to: descriptor, path: beside)
                position += Int64(bytes.count)
            }
            var done: Int64 = 0
            try archive.add(tree) { count in
                done += count
                progress(done, total)
            }
            try archive.finish()
        }
    }

    /// An OCI image: a folder in OCI's layout, or, where the path ends with `.tar`, a tar of it.
    ///
    /// - Parameters:
    ///   - exported: of each environment, an image; they have the metro in common.
    ///   - architecture: OCI's word for the processor.
    package func oci(
        _ exported: [ExportedTree], architecture: String, to path: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws {
        for tree in exported { try LayerStore(lash: lash).check(tree.environment.layers) }
        func write(into folder: String) throws {
            let described = try exported.map {
                try OCIImage(tree: $0, threads: options.threads, architecture: architecture).write(
                    into: folder, progress: progress)
            }
            try OCIImage.index(described, into: folder)
        }
        guard path.ends(with: ".tar") else {
            if File.exists(path) {
                throw BundleFailure(
                    "there is something already where the folder of the OCI image would be", place: path,
                    fix: "remove it, or name another place with --output")
            }
            let beside = "\(path).new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            do {
                try Folder.make(beside)
                try write(into: beside)
                try Folder.syncDisk(of: beside)
                try File.rename(beside, to: path)
            } catch {
                try? Folder.remove(beside)
                throw error
            }
            return
        }
        try Folder.withTemporary(in: lash.temporary, named: "oci") { folder in
            try write(into: folder)
            try Self.archive(ofLayout: folder, to: path)
        }
    }

    /// A tar of a folder in OCI's layout.
    package static func archive(ofLayout folder: String, to path: String) throws {
        try whole(path) { descriptor, beside in
            var position: Int64 = 0
            let archive = try ArchiveWriter(.tar, .none) { bytes in
                try File.writeAll(bytes, at: position, to: descriptor, path: beside)
                position += Int64(bytes.count)
            }
            try archive.add(try files(in: folder))
            try archive.finish()
        }
    }

    /// All files below a folder, as a tree; their times and modes do not matter.
    private static func files(in folder: String) throws -> ImageTree {
        var tree = ImageTree(groups: [[]], entries: [])
        func walk(_ below: String) throws {
            for name in try Folder.names(in: "\(folder)/\(below)") {
                let text = below.isEmpty ? name : "\(below)/\(name)"
                guard let path = RelativePath(text), let status = File.status("\(folder)/\(text)") else { continue }
                if status.kind == .folder {
                    try walk(text)
                    continue
                }
                let file = ImageFile(content: .file(path: "\(folder)/\(text)"), size: status.size)
                tree.entries.append(
                    ImageEntry(
                        path: path, kind: .file(group: 0, number: tree.groups[0].count), mode: 0o644, modified: 0))
                tree.groups[0].append(file)
            }
        }
        try walk("")
        try tree.addFolders()
        return tree
    }

    /// Writes a file beside, and renames it when it is whole and synced.
    static func whole(_ path: String, _ write: (_ descriptor: Int32, _ beside: String) throws -> Void) throws {
        Folder.clearAbandoned(beside: path)
        let beside = "\(path).new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let descriptor = try File.open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, action: "write")
        defer { close(descriptor) }
        do {
            try write(descriptor, beside)
            if fsync(descriptor) != 0 { throw FileFailure("write", path) }
            try File.rename(beside, to: path)
        } catch {
            File.remove(beside)
            throw error
        }
    }

    /// Blocks that only one image has, each group in a file of its own.
    private struct TemporaryBlocks: GroupTarget {
        let folder: String
        /// What the files' names are told from.
        let root: String
        private(set) var made: [LayerBlocks] = []
        private var output: BlockOutput?

        init(folder: String, below root: String) { (self.folder, self.root) = (folder, root) }

        mutating func begin(_ group: Int) throws -> BlockOutput {
            let output = try BlockOutput("\(folder)/\(group)", from: 0)
            self.output = output
            return output
        }

        mutating func end(_ group: Int, _ layout: GroupLayout) {
            guard let output else { return }
            let file = String(decoding: output.path.utf8.dropFirst(root.utf8.count + 1), as: UTF8.self)
            made.append(LayerBlocks(file: file, layout: layout, extents: output.extents))
        }
    }
}
