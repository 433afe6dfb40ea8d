package import Files
package import Parts

/// What the metro image holds: the plan, the metro and its lock, scripts, packed inputs. Mounted at `/.las` in every environment.
///
/// The same files give the same image, wherever and whenever they lie: times are not kept, and of the modes only whether
/// a file is a program.
package struct MetroImage: Sendable {
    private struct Item: Sendable {
        let path: RelativePath
        let kind: Kind
        let isProgram: Bool
        /// As it was given: what two links lead to is packed twice, as two copies of it would be.
        var source: String?
    }

    private enum Kind: Sendable {
        case file(ImageFile)
        case folder
    }

    private var items: [Item] = []

    /// The time of everything in it: 1980, since zip knows no earlier one.
    private static let modified: Int64 = 315_532_800

    package init() {}

    package mutating func add(_ path: RelativePath, bytes: [UInt8], isProgram: Bool = false) {
        let file = ImageFile(content: .bytes(bytes), size: Int64(bytes.count))
        items.append(Item(path: path, kind: .file(file), isProgram: isProgram))
    }

    /// A file of this machine, read when the image is written; links are followed.
    package mutating func add(_ path: RelativePath, fileAt source: String) throws(FileFailure) {
        guard let real = File.real(source), let status = File.status(real) else { throw FileFailure("read", source) }
        guard status.kind == .file else { throw FileFailure.notAFile("read", source) }
        items.append(
            Item(
                path: path, kind: .file(ImageFile(content: .file(path: real), size: status.size)),
                isProgram: status.mode & 0o111 != 0, source: source))
    }

    var isEmpty: Bool { items.isEmpty }

    /// This without one of its files, and that file alone.
    func split(at path: RelativePath) -> (rest: MetroImage, only: MetroImage) {
        var (rest, only) = (MetroImage(), MetroImage())
        rest.items = items.filter { $0.path != path }
        only.items = items.filter { $0.path == path }
        return (rest, only)
    }

    package mutating func addFolder(_ path: RelativePath) {
        items.append(Item(path: path, kind: .folder, isProgram: false))
    }

    /// Each input is a group, and each folder at the top, so that an edited plan leaves the blocks of the inputs as they were.
    ///
    /// - Parameter folder: where it lies in a larger tree; nil for an image of its own.
    func tree(below folder: String? = nil) throws(BundleFailure) -> ImageTree {
        var names: [String] = []
        var groups: [String: [ImageFile]] = [:]
        var entries: [(item: Item, group: String, number: Int)] = []
        // A file that has several places is there once: metros that are used twice bring their inputs twice.
        var places: [String: (group: String, number: Int)] = [:]
        for item in items.sorted(by: { $0.path < $1.path }) {
            let components = item.path.components
            let depth = components[0] == "inputs" ? 2 : 1
            let group = components.count > depth ? components[..<depth].joined(separator: "/") : ""
            guard case .file(let file) = item.kind else {
                entries.append((item, group, 0))
                continue
            }
            if let source = item.source {
                if let place = places[source] {
                    entries.append((item, place.group, place.number))
                    continue
                }
                places[source] = (group, groups[group]?.count ?? 0)
            }
            if groups[group] == nil { names.append(group) }
            entries.append((item, group, groups[group]?.count ?? 0))
            groups[group, default: []].append(file)
        }
        // What changes most often comes last.
        names = names.filter { $0.hasPrefix("inputs/") } + names.filter { !$0.hasPrefix("inputs/") && $0 != "" } + [""]
        var tree = ImageTree(groups: names.map { groups[$0] ?? [] }, entries: [])
        for (item, group, number) in entries {
            let kind: ImageEntry.Kind
            switch item.kind {
            case .folder: kind = .folder
            case .file: kind = .file(group: names.firstIndex(of: group) ?? 0, number: number)
            }
            guard let path = folder.map({ RelativePath("\($0)/\(item.path)") }) ?? item.path else { continue }
            tree.entries.append(
                ImageEntry(
                    path: path, kind: kind, mode: kind == .folder || item.isProgram ? 0o755 : 0o644,
                    modified: Self.modified))
        }
        try tree.addFolders(modified: Self.modified)
        return tree
    }
}

extension ImageWriter {
    /// - Parameter name: the metro's.
    package func metro(
        _ image: MetroImage, named name: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws -> Part {
        try write(try image.tree(), kind: .metro, name: name, progress: progress)
    }
}
