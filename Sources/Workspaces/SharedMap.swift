package import Files

/// What a workspace holds: of each name what was written of it and not replaced. One on every machine; they are merged name by name.
///
/// What is to lie where is kept with it, and renewed for the names that change.
package struct SharedMap: Sendable {
    package let rule: CollisionRule
    package private(set) var entries: [RelativePath: Entry] = [:]

    /// Of each name what has it.
    private var holders: [RelativePath: Shown] = [:]
    /// Folders that hold something, with how many names right below them are there or hold something themselves.
    private var folders: [RelativePath: Int] = [:]
    /// Names with versions that are kept beside what has the name.
    private var several: Set<RelativePath> = []
    private var beside: [RelativePath: Shown] = [:]
    private var isBesideOld = false
    /// Where something else may have to lie than when this was asked last.
    private var touched: Set<RelativePath> = []

    package init(_ rule: CollisionRule) { self.rule = rule }

    /// - Returns: whether something is otherwise now.
    @discardableResult
    package mutating func merge(_ name: RelativePath, _ entry: Entry) -> Bool {
        change(name) { $0.merge(entry) }
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
        let rule = rule
        change(name) { $0.write(content, as: dot, modified: modified, replacing: replacing, rule) }
    }

    package mutating func remove(
        _ name: RelativePath, _ removed: Dot, as dot: Dot, modified: Int64, sparing lying: Dot? = nil
    ) {
        if entries[name] == nil { return }
        let rule = rule
        change(name) { $0.remove(removed, as: dot, modified: modified, sparing: lying, rule) }
    }

    /// Of all that a machine wrote the last number.
    package func lastNumber(of host: String) -> UInt64 {
        entries.values.reduce(0) { max($0, $1.seen.numbers[host, default: 0]) }
    }

    // MARK: What is to lie where

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
        holders.merging(isBesideOld ? keptBeside() : beside) { holder, _ in holder }
    }

    /// The same for one path.
    package mutating func shown(at path: RelativePath) -> Shown? {
        if let holder = holders[path] { return holder }
        renewBeside()
        return beside[path]
    }

    /// Where something else may have to lie than when this was asked last; at first everywhere.
    package mutating func takeTouched() -> Set<RelativePath> {
        renewBeside()
        defer { touched = [] }
        return touched
    }

    private mutating func change<Result>(_ name: RelativePath, _ body: (inout Entry) -> Result) -> Result {
        let wasThere = entries[name]?.isThere ?? false
        let result = body(&entries[name, default: Entry()])
        if let isThere = entries[name]?.isThere, isThere != wasThere { count(name, isMore: isThere) }
        renew(name)
        return result
    }

    /// A name is there now, or no longer: the folders above it hold something, or no longer.
    private mutating func count(_ name: RelativePath, isMore: Bool) {
        var name = name
        // One that holds something counts in any case.
        if folders[name] != nil { return }
        while let above = name.parent {
            let count = folders[above, default: 0] + (isMore ? 1 : -1)
            folders[above] = count == 0 ? nil : count
            if count != (isMore ? 1 : 0) { return }
            renew(above)
            if entries[above]?.isThere ?? false { return }
            name = above
        }
    }

    private mutating func renew(_ name: RelativePath) {
        touched.insert(name)
        guard let entry = entries[name] else {
            // A folder that nobody named takes a place that something may be kept at.
            if !several.isEmpty { isBesideOld = true }
            return
        }
        let isFolder = folders[name] != nil
        let holder = holder(of: entry, isFolder: isFolder)
        holders[name] = holder.flatMap {
            $0.content.kind == .gone ? nil : Shown(name: name, version: $0, isCollision: false)
        }
        let wasSeveral = !several.isEmpty
        if others(of: entry, than: holder, isFolder: isFolder).isEmpty {
            several.remove(name)
        } else {
            several.insert(name)
        }
        if wasSeveral || !several.isEmpty { isBesideOld = true }
    }

    private func holder(of entry: Entry, isFolder: Bool) -> FileVersion? {
        if !isFolder { return entry.winner(rule) }
        return Entry(entry.versions.filter { $0.content.kind == .folder }).winner(rule)
    }

    /// What is kept beside.
    private func others(of entry: Entry, than holder: FileVersion?, isFolder: Bool) -> [FileVersion] {
        if entry.versions.isEmpty || rule == .newest && !isFolder { return [] }
        return entry.versions.filter { version in
            // A folder is what lies in it, and that has names of its own. Twice the same is no collision.
            version.dot != holder?.dot && version.content.kind != .gone && version.content.kind != .folder
                && version.content != holder?.content
        }
    }

    private mutating func renewBeside() {
        if !isBesideOld { return }
        isBesideOld = false
        let new = keptBeside()
        for (path, shown) in beside where new[path] != shown { touched.insert(path) }
        for (path, shown) in new where beside[path] != shown { touched.insert(path) }
        beside = new
    }

    /// Where the versions lie that don't have their names.
    private func keptBeside() -> [RelativePath: Shown] {
        var places: [RelativePath: Shown] = [:]
        for name in several.sorted() {
            guard let entry = entries[name] else { continue }
            let isFolder = folders[name] != nil
            for version in others(of: entry, than: holder(of: entry, isFolder: isFolder), isFolder: isFolder) {
                guard var place = Self.name(beside: name, of: version.dot) else { continue }
                while holders[place] != nil || places[place] != nil || folders[place] != nil {
                    guard let next = RelativePath(place.string + "+") else { break }
                    place = next
                }
                if holders[place] == nil, places[place] == nil {
                    places[place] = Shown(name: name, version: version, isCollision: true)
                }
            }
        }
        return places
    }

    /// `NAME.collision-HOST-N`, the name cut where it would become too long.
    static func name(beside name: RelativePath, of dot: Dot) -> RelativePath? {
        let ending = ".collision-\(dot)"
        var last = Substring(name.name)
        while last.utf8.count + ending.utf8.count > 250 { last.removeLast() }
        return RelativePath((name.parent.map { "\($0)/" } ?? "") + last + ending)
    }
}
