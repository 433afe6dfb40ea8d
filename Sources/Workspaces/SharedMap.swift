package import Files

/// What a workspace holds: of each name what was written of it and not replaced. One on every machine; they are merged name by name.
package struct SharedMap: Sendable {
    package let rule: CollisionRule
    package private(set) var entries: [RelativePath: Entry] = [:]

    package init(_ rule: CollisionRule) { self.rule = rule }

    /// - Returns: whether something is otherwise now.
    @discardableResult
    package mutating func merge(_ name: RelativePath, _ entry: Entry) -> Bool {
        entries[name, default: Entry()].merge(entry)
    }

    @discardableResult
    package mutating func merge(_ other: SharedMap) -> Bool {
        var isOther = false
        for (name, entry) in other.entries where merge(name, entry) { isOther = true }
        return isOther
    }

    package mutating func write(
        _ name: RelativePath, _ content: FileContent, as dot: Dot, modified: Int64, replacing: Dot?
    ) {
        entries[name, default: Entry()].write(content, as: dot, modified: modified, replacing: replacing, rule)
    }

    package mutating func remove(
        _ name: RelativePath, _ removed: Dot, as dot: Dot, modified: Int64, sparing lying: Dot? = nil
    ) {
        entries[name]?.remove(removed, as: dot, modified: modified, sparing: lying, rule)
    }

    /// Of all that a machine wrote the last number.
    package func lastNumber(of host: String) -> UInt64 {
        entries.values.reduce(0) { max($0, $1.seen.numbers[host, default: 0]) }
    }

    /// A file as it is to lie on every machine.
    package struct Shown: Hashable, Sendable {
        /// The name that it was written under: another one for a version that is kept beside.
        package let name: RelativePath
        package let version: FileVersion
        package let isCollision: Bool
    }

    /// What is to lie where: the same on all machines whose maps are equal. Folders that hold something are there without being
    /// named.
    package var view: [RelativePath: Shown] {
        var folders: Set<RelativePath> = []
        for (name, entry) in entries {
            guard entry.versions.contains(where: { $0.content.kind != .gone }) else { continue }
            var above = name.parent
            while let folder = above, folders.insert(folder).inserted { above = folder.parent }
        }
        var view: [RelativePath: Shown] = [:]
        var beside: [(name: RelativePath, version: FileVersion)] = []
        for (name, entry) in entries {
            let winner = winner(name, entry, isFolder: folders.contains(name))
            if let winner, winner.content.kind != .gone {
                view[name] = Shown(name: name, version: winner, isCollision: false)
            }
            if rule == .newest, !folders.contains(name) { continue }
            for version in entry.versions where version.dot != winner?.dot {
                // A folder is what lies in it, and that has names of its own.
                if version.content.kind == .gone || version.content.kind == .folder { continue }
                // Twice the same is no collision.
                if version.content == winner?.content { continue }
                beside.append((name, version))
            }
        }
        for (name, version) in beside.sorted(by: { ($0.name, $0.version.dot) < ($1.name, $1.version.dot) }) {
            guard var place = Self.name(beside: name, of: version.dot) else { continue }
            while view[place] != nil || folders.contains(place) {
                guard let next = RelativePath(place.string + "+") else { break }
                place = next
            }
            if view[place] == nil { view[place] = Shown(name: name, version: version, isCollision: true) }
        }
        return view
    }

    private func winner(_ name: RelativePath, _ entry: Entry, isFolder: Bool) -> FileVersion? {
        if !isFolder { return entry.winner(rule) }
        return Entry(entry.versions.filter { $0.content.kind == .folder }).winner(rule)
    }

    /// `NAME.collision-HOST-N`, the name cut where it would become too long.
    static func name(beside name: RelativePath, of dot: Dot) -> RelativePath? {
        let ending = ".collision-\(dot)"
        var last = Substring(name.name)
        while last.utf8.count + ending.utf8.count > 250 { last.removeLast() }
        return RelativePath((name.parent.map { "\($0)/" } ?? "") + last + ending)
    }
}
