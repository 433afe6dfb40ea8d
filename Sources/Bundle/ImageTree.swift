internal import Files
internal import Layers

/// What an image is made of, wherever it comes from: files' bytes in groups, and names for them.
///
/// A group is a layer, or all that a metro brings. The blocks of one group depend on nothing else, so groups that stay
/// the same stay the same bytes in every image.
struct ImageTree: Sendable {
    var groups: [[ImageFile]]
    /// Sorted by path, bytewise; each folder is there before what is in it. The root is not among them.
    var entries: [ImageEntry]
}

/// A file's bytes, once for all its names.
struct ImageFile: Sendable {
    enum Content: Sendable {
        case file(path: String)
        /// A file of a layer: its folder and its name there, whose texts others have too.
        case layered(folder: String, path: RelativePath)
        case bytes([UInt8])
    }

    let content: Content
    let size: Int64

    /// nil for bytes.
    var path: String? {
        switch content {
        case .file(let path): path
        case .layered(let folder, let path): "\(folder)/\(path)"
        case .bytes: nil
        }
    }

    var isOnDisk: Bool { if case .bytes = content { false } else { true } }
}

struct ImageEntry: Sendable {
    enum Kind: Sendable, Equatable {
        /// The file's number in its group; two entries with the same are hard links.
        case file(group: Int, number: Int)
        case folder
        case link(target: String)
    }

    let path: RelativePath
    let kind: Kind
    /// Permission bits, without setuid and setgid.
    let mode: UInt16
    let modified: UInt32
    /// Of files and folders.
    let attributes: [FileAttribute]

    init(path: RelativePath, kind: Kind, mode: UInt16, modified: Int64, attributes: [FileAttribute] = []) {
        (self.path, self.kind, self.attributes) = (path, kind, attributes)
        self.mode = mode & (kind == .folder ? 0o1777 : 0o777)
        self.modified = UInt32(clamping: modified)
    }
}

extension ImageTree {
    /// A root file system: every layer a group, with all its files, also those that a higher layer hides.
    ///
    /// - Parameters:
    ///   - groups: the layers' files; nil to look for them.
    ///   - mountPoints: folders that are there even if no layer has them, with their modes.
    init(
        _ tree: LayeredTree, groups: [[ImageFile]]? = nil, mountPoints: [(path: RelativePath, mode: UInt16)]
    ) throws(BundleFailure) {
        try self.init(layers: tree.layers, groups: groups ?? tree.layers.map(Self.files))
        try addFolders(mountPoints)
    }

    /// Some folders and nothing else.
    static func folders(_ folders: [(path: RelativePath, mode: UInt16)]) throws(BundleFailure) -> ImageTree {
        var tree = ImageTree(groups: [], entries: [])
        try tree.addFolders(folders)
        return tree
    }

    /// What the layers have, and no folder that none of them names.
    init(layers: [Layer]) throws(BundleFailure) {
        try self.init(layers: layers, groups: layers.map(Self.files))
    }

    private init(layers: [Layer], groups: [[ImageFile]]) throws(BundleFailure) {
        let tree = LayeredTree(layers: layers)
        var numbers: [[RelativePath: Int]] = []
        for layer in tree.layers {
            var number: [RelativePath: Int] = [:]
            for entry in layer.entries {
                if case .file = entry.kind { number[entry.path] = number.count }
            }
            for entry in layer.entries {
                guard case .hardLink(let target) = entry.kind else { continue }
                guard let file = number[target] else {
                    throw BundleFailure(
                        "a hard link’s file is missing in the layer “\(layer.name)”: \(target)", place: layer.tree,
                        exitCode: .integrity)
                }
                number[entry.path] = file
            }
            numbers.append(number)
        }
        var entries: [ImageEntry] = []
        for merged in tree.merged() {
            let entry = merged.entry
            let kind: ImageEntry.Kind
            switch entry.kind {
            case .file, .hardLink:
                guard let number = numbers[merged.layer][entry.path] else { continue }
                kind = .file(group: merged.layer, number: number)
            case .folder: kind = .folder
            case .link(let target): kind = .link(target: target)
            case .removed: continue
            }
            entries.append(
                ImageEntry(
                    path: entry.path, kind: kind, mode: entry.mode, modified: entry.modified,
                    attributes: entry.attributes))
        }
        self.init(groups: groups, entries: entries)
    }

    /// A layer's files in the order of its entries: its group.
    static func files(of layer: Layer) -> [ImageFile] {
        layer.entries.compactMap { entry in
            guard case .file(let size) = entry.kind else { return nil }
            return ImageFile(content: .layered(folder: layer.tree, path: entry.path), size: size)
        }
    }

    /// Adds the folders that are not there, and the folders above every entry that nobody named.
    mutating func addFolders(
        _ wanted: [(path: RelativePath, mode: UInt16)] = [], modified: Int64 = 0
    ) throws(BundleFailure) {
        var kinds: [RelativePath: ImageEntry.Kind] = [:]
        kinds.reserveCapacity(entries.count)
        for entry in entries {
            guard kinds.updateValue(entry.kind, forKey: entry.path) == nil else {
                throw BundleFailure("two things have the same path in the image: \(entry.path)")
            }
        }
        var added: [ImageEntry] = []
        for (path, mode) in wanted where kinds[path] == nil {
            kinds[path] = .folder
            added.append(ImageEntry(path: path, kind: .folder, mode: mode, modified: modified))
        }
        for path in entries.map(\.path) + wanted.map(\.path) {
            var below = path
            while let above = below.parent {
                if let kind = kinds[above] {
                    guard kind == .folder else {
                        throw BundleFailure("\(above) is no folder, so \(path) can't be in it")
                    }
                    break
                }
                kinds[above] = .folder
                added.append(ImageEntry(path: above, kind: .folder, mode: 0o755, modified: modified))
                below = above
            }
        }
        entries.append(contentsOf: added)
        entries.sort { $0.path < $1.path }
    }

    /// Of all groups, uncompressed.
    var size: Int64 { groups.reduce(0) { $1.reduce($0) { $0 + $1.size } } }
}
