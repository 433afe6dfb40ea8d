package import Files
internal import Glibc

/// What a workspace of a run holds and where, as whoever asks finds it: by what the machine that leads the run writes down of it, or,
/// where the run is on one machine, by the folder itself. Nothing is changed by asking.
package struct WorkspaceRecord: Sendable {
    package struct Item: Sendable {
        /// Where it lies in the workspace.
        package let path: RelativePath
        /// That it was written under: another name for one that is kept beside.
        package let name: RelativePath
        package let content: FileContent
        /// nil where there is no map.
        package let version: Dot?
        /// Nanoseconds since 1970.
        package let modified: Int64
        /// What the machines are called that have it, this one first.
        package let places: [String]
        package var isCollision: Bool { path != name }
    }

    /// Sorted by path.
    package let items: [Item]
    /// Whether machines keep a map of it: else it is a folder of this one.
    package let hasMap: Bool
    /// Whether its files are here.
    package let isHere: Bool

    /// What the machine that leads a run is called.
    package static let head = "head"

    /// - Parameters:
    ///   - folder: see `Replica`.
    ///   - files: where its files lie.
    package init(_ folder: String, files: String, rule: CollisionRule) throws {
        let isHere = File.exists(files)
        self.isHere = isHere
        hasMap = File.exists(folder + "/map")
        if hasMap {
            var map = SharedMap(rule)
            var lying: [RelativePath: Dot] = [:]
            for line in try ReplicaJournal.lines(of: folder + "/map").lines {
                if let entry = line.entry { map.merge(line.name, entry) } else { lying[line.name] = line.lying?.dot }
            }
            let holdings = isHere ? Holding.all(in: folder) : []
            items = map.view.sorted { $0.key < $1.key }.map { path, shown in
                let isHead = isHere && lying[path] == shown.version.dot
                let others = holdings.filter { $0.has(shown, at: path) }.map(\.host)
                return Item(
                    path: path, name: shown.name, content: shown.version.content, version: shown.version.dot,
                    modified: shown.version.modified, places: (isHead ? [Self.head] : []) + others)
            }
        } else {
            var found: [Item] = []
            if isHere { try Self.look(into: files, nil, &found) }
            items = found.sorted { $0.path < $1.path }
        }
    }

    private static func look(into folder: String, _ path: RelativePath?, _ found: inout [Item]) throws {
        for name in try Folder.names(in: folder) {
            // What has just gone is not there.
            guard let inside = RelativePath(path.map { "\($0)/\(name)" } ?? name),
                let status = File.status("\(folder)/\(name)")
            else { continue }
            let content: FileContent
            switch status.kind {
            case .folder: content = FileContent(kind: .folder)
            case .file: content = FileContent(kind: .file, size: status.size, mode: status.mode)
            case .link: content = FileContent(kind: .link, target: File.target(of: "\(folder)/\(name)"))
            case .other: continue
            }
            found.append(
                Item(
                    path: inside, name: inside, content: content, version: nil, modified: Stamp(status).modified,
                    places: [head]))
            if status.kind == .folder { try look(into: "\(folder)/\(name)", inside, &found) }
        }
    }

    package subscript(_ path: RelativePath) -> Item? { items.first { $0.path == path } }

    /// Whether something lies in a folder of it.
    package func holds(below folder: RelativePath) -> Bool {
        items.contains { $0.path.string.begins(with: folder.string + "/") }
    }

    // MARK: What was before

    /// What became of a name.
    package enum Past: Sendable {
        case written(FileVersion)
        /// Nothing has the name any more.
        case removed
    }

    /// What is written down of a name's past, the oldest first: since the machine that leads the run has begun to work on it last, all.
    /// - Throws: where there is no map.
    package static func history(of name: RelativePath, in folder: String) throws -> [Past] {
        var told: [Past] = []
        var seen: Set<Dot> = []
        var isThere = false
        for line in try ReplicaJournal.lines(of: folder + "/map").lines where line.name == name {
            guard let entry = line.entry else { continue }
            for version in entry.versions.sorted(by: { ($0.height, $0.dot) < ($1.height, $1.dot) })
            where version.content.kind != .gone && seen.insert(version.dot).inserted {
                told.append(.written(version))
            }
            let isEmpty = entry.versions.allSatisfy { $0.content.kind == .gone }
            if isEmpty, isThere { told.append(.removed) }
            isThere = !isEmpty
        }
        return told
    }
}
