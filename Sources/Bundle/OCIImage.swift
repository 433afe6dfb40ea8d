internal import Digests
internal import Files
internal import Glibc
internal import JSON
internal import Layers
internal import Parts
internal import Threads

/// An OCI image of one environment with the metro and the runtime in it: a layout (a folder, or a tar of it). Of a metro with
/// several environments each has an image, and what they have in common is there once.
///
/// Its layers follow the needs' layers, so that registries keep once what images share. The same metro gives the same bytes.
struct OCIImage {
    let tree: ExportedTree
    let threads: Int
    /// OCI's word for the processor: `amd64`.
    let architecture: String

    /// Container engines stack no more than 127 layers; some stay free for who builds upon the image.
    static let mostLayers = 100

    private struct Blob: Sendable {
        let digest: Digest
        let size: Int64
        /// Of the layer's tar, before compression.
        let content: Digest
        let words: String
    }

    /// - Parameter progress: told how many bytes of the files are done, of all.
    /// - Returns: what refers to its manifest.
    func write(into folder: String, progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void) throws
        -> JSONValue
    {
        try Folder.make(folder + "/blobs/sha256")
        let groups = Self.groups(of: tree.environment.layers)
        // The programs are in layers of their own: these stay as they are when the metro is edited.
        var metro = tree.metro
        var programs: [(MetroImage, String)] = []
        for (name, words) in [("las-runtime", "the runtime of las"), ("las-conductor", "the conductor of las")] {
            guard let path = RelativePath(name) else { continue }
            let (rest, only) = metro.split(at: path)
            metro = rest
            if !only.isEmpty { programs.append((only, words)) }
        }
        var layers: [(tree: ImageTree, removed: [String], words: String)] = []
        for group in groups {
            layers.append(
                (
                    try ImageTree(layers: group),
                    group.count == 1
                        ? group[0].entries.filter { $0.kind == .removed }.map(\.path.string) : [],
                    group.count == 1 ? group[0].name : "\(group[0].name) and \(group.count - 1) more"
                ))
        }
        layers.append((try Self.mountPoints(), [], "mount points"))
        for (program, words) in programs { layers.append((try program.tree(below: ".las"), [], words)) }
        layers.append((try Self.ready(metro.tree(below: ".las")), [], "the metro \(tree.name)"))
        if let name = tree.environmentName, let path = RelativePath(Self.environmentFile) {
            var own = MetroImage()
            own.add(path, bytes: Array(name.utf8))
            layers.append((try own.tree(below: ".las"), [], "the environment \(name)"))
        }
        let total = layers.reduce(0) { $0 + $1.tree.size }
        let done = Monitor(Int64(0))
        let blobs = try Workers.each(layers, on: threads) { layer in
            try Self.blob(layer.tree, removed: layer.removed, words: layer.words, into: folder) { count in
                progress(
                    done.change {
                        $0 += count
                        return $0
                    }, total)
            }
        }
        return try describe(blobs, into: folder)
    }

    /// In `/.las`: which environment an image holds, where the metro has several.
    static let environmentFile = "environment"
    /// In an index, the same.
    private static let environmentKey = "las.environment"

    // MARK: What a container needs

    /// In a container nothing can be mounted: what changes from task to task are links into one folder, which anyone may write
    /// to, or which a volume takes the place of where all else is read-only.
    private static let links = [
        ("task", "/.las/here/task"), (".las/made", "here/made"), (".las/files", "here/files"),
        (".las/workspaces", "here/workspaces"),
    ]

    private static func mountPoints() throws(BundleFailure) -> ImageTree {
        let folders = ImageWriter.mountPoints.filter { $0.path.string != "task" }
        var tree = try ImageTree.folders(
            folders
                + [(".las/here", 0o1777)].compactMap { name, mode in
                    RelativePath(name).map { ($0, mode) }
                })
        for (path, target) in links {
            guard let path = RelativePath(path) else { continue }
            tree.entries.append(ImageEntry(path: path, kind: .link(target: target), mode: 0o777, modified: 0))
        }
        try tree.addFolders()
        return tree
    }

    /// The metro's tree without what stands for a link, and with its own files beside.
    private static func ready(_ metro: ImageTree) throws(BundleFailure) -> ImageTree {
        var tree = ImageTree(groups: metro.groups, entries: [])
        for entry in metro.entries where entry.path.string != ".las/made" {
            var path = entry.path
            let components = entry.path.components
            if components.count > 1, ["files", "workspaces"].contains(components[1]) {
                let moved = [".las", components[1] + ".own"] + components.dropFirst(2)
                path = RelativePath(moved.joined(separator: "/")) ?? path
            }
            tree.entries.append(
                ImageEntry(path: path, kind: entry.kind, mode: entry.mode, modified: Int64(entry.modified)))
        }
        try tree.addFolders()
        return tree
    }

    // MARK: Layers

    /// Large layers stay by themselves; small ones that follow each other share one. One that takes something away does not:
    /// that is said of the layers below it.
    static func groups(of layers: [Layer]) -> [[Layer]] {
        let sizes = layers.map { layer in
            layer.entries.reduce(Int64(0)) { sum, entry in
                if case .file(let size) = entry.kind { sum + size } else { sum }
            }
        }
        var threshold: Int64 = 1 << 20
        while true {
            var groups: [[Layer]] = []
            var isOpen = false
            for (layer, size) in zip(layers, sizes) {
                let isAlone = size >= threshold || layer.entries.contains { $0.kind == .removed }
                if isOpen, !isAlone {
                    groups[groups.count - 1].append(layer)
                } else {
                    groups.append([layer])
                }
                isOpen = !isAlone
            }
            if groups.count <= mostLayers || threshold > 1 << 60 { return groups }
            threshold *= 2
        }
    }

    private static func blob(
        _ tree: ImageTree, removed: [String], words: String, into folder: String, progress: (Int64) -> Void
    ) throws -> Blob {
        let beside = "\(folder)/blobs/\(UInt64.random(in: 0 ... .max))"
        let descriptor = try File.open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, action: "write")
        defer { close(descriptor) }
        var (content, blob) = (SHA256(), SHA256())
        var size: Int64 = 0
        let compressed = try ArchiveWriter(.raw, .gzip) { bytes in
            blob.update(bytes)
            try File.writeAll(bytes, at: size, to: descriptor, path: beside)
            size += Int64(bytes.count)
        }
        try compressed.begin("layer", .file(size: 0), mode: 0o644, modified: 0)
        let tar = try ArchiveWriter(.tar, .none) { bytes in
            content.update(bytes)
            try compressed.append(bytes)
        }
        for path in removed { try tar.begin(whiteout(path), .file(size: 0), mode: 0o644, modified: 0) }
        try tar.add(tree, progress: progress)
        try tar.finish()
        try compressed.finish()
        let digest = blob.digest()
        try File.rename(beside, to: "\(folder)/blobs/sha256/\(digest.hex)")
        return Blob(digest: digest, size: size, content: content.digest(), words: words)
    }

    /// What takes `a/b` away in an OCI layer: `a/.wh.b`.
    private static func whiteout(_ path: String) -> String {
        let parent = File.parent(of: path)
        return (parent == "." ? "" : parent + "/") + ".wh." + File.name(of: path)
    }

    // MARK: What describes them

    private static let created = "1980-01-01T00:00:00Z"

    private func describe(_ layers: [Blob], into folder: String) throws -> JSONValue {
        let labels: JSONValue = [
            "org.opencontainers.image.title": .string(tree.name),
            "org.opencontainers.image.description": .string("The metro “\(tree.name)”, packed by las"),
        ]
        let config: JSONValue = [
            "architecture": .string(architecture), "os": "linux", "created": .string(Self.created),
            "config": [
                "Entrypoint": ["/.las/las-runtime"], "Cmd": ["run"], "WorkingDir": "/",
                "Env": ["PATH=/.las/files/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Labels": labels,
            ],
            "rootfs": [
                "type": "layers", "diff_ids": .array(layers.map { .string("sha256:" + $0.content.hex) }),
            ],
            "history": .array(
                layers.map {
                    ["created": .string(Self.created), "created_by": "las pack", "comment": .string($0.words)]
                }),
        ]
        let configuration = try add(config, into: folder, as: "application/vnd.oci.image.config.v1+json")
        let manifest: JSONValue = [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": configuration,
            "layers": .array(
                layers.map {
                    [
                        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                        "digest": .string("sha256:" + $0.digest.hex), "size": .integer($0.size),
                    ]
                }),
            "annotations": labels,
        ]
        guard
            case .object(var described) = try add(
                manifest, into: folder, as: "application/vnd.oci.image.manifest.v1+json")
        else { return .null }
        described["annotations"] = ["org.opencontainers.image.ref.name": "latest"]
        if let name = tree.environmentName {
            described["annotations"] = [
                "org.opencontainers.image.ref.name": .string(name), Self.environmentKey: .string(name),
            ]
        }
        described["platform"] = ["architecture": .string(architecture), "os": "linux"]
        return .object(described)
    }

    /// - Parameter manifests: what refers to them, of all images of the layout.
    static func index(_ manifests: [JSONValue], into folder: String) throws {
        let index: JSONValue = [
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": .array(manifests),
        ]
        try File.create(folder + "/index.json", JSONText.bytes(of: index))
        try File.create(folder + "/oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)
    }

    /// - Returns: what refers to it.
    private func add(_ value: JSONValue, into folder: String, as mediaType: String) throws -> JSONValue {
        let bytes = JSONText.bytes(of: value)
        let digest = Digest(of: bytes)
        try File.create("\(folder)/blobs/sha256/\(digest.hex)", bytes)
        return [
            "mediaType": .string(mediaType), "digest": .string("sha256:" + digest.hex),
            "size": .integer(Int64(bytes.count)),
        ]
    }
}
