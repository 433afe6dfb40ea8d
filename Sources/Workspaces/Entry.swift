/// What is known of one name: the versions that nobody has replaced, and all that was ever written of it.
///
/// Entries are merged in any order, any number of times, and come out the same: a version is dropped only where it is known and
/// missing, that is where someone who had it replaced or removed it.
package struct Entry: Hashable, Sendable, Codable {
    package private(set) var seen = VersionVector()
    /// By their dots; more than one where machines wrote at once, none where it was removed.
    package private(set) var versions: [FileVersion] = []

    package init() {}

    /// Whether something has the name, or is kept beside what had it.
    var isThere: Bool { versions.contains { $0.content.kind != .gone } }

    /// For a look at some of its versions.
    init(_ versions: [FileVersion]) { self.versions = versions }

    /// - Returns: whether it is another one now.
    @discardableResult
    package mutating func merge(_ other: Entry) -> Bool {
        if self == other { return false }
        // Few in any case: machines that wrote at once.
        let mine = versions
        func has(_ versions: [FileVersion], _ dot: Dot) -> Bool { versions.contains { $0.dot == dot } }
        var all = mine.filter { has(other.versions, $0.dot) || !other.seen.covers($0.dot) }
        all += other.versions.filter { !has(mine, $0.dot) && !seen.covers($0.dot) }
        all.sort { $0.dot < $1.dot }
        let before = seen
        seen.join(other.seen)
        versions = all
        return all != mine || seen != before
    }

    /// A machine writes it.
    ///
    /// - Parameters:
    ///   - replaced: the version that lay there; nil where none did. Another one than is known now is no obstacle: what the machine
    ///     had not seen yet stays beside.
    ///   - rule: with `newest` all that is known goes.
    package mutating func write(
        _ content: FileContent, as dot: Dot, modified: Int64, replacing replaced: Dot?, _ rule: CollisionRule
    ) {
        let height = (versions.map(\.height).max() ?? 0) + 1
        let before = versions.first { $0.dot == replaced }
        versions.removeAll { version in
            // What is the same was seen with it, and that a name is free is known now.
            version.content == before?.content || version.content.kind == .gone || rule == .newest && replaced != nil
        }
        versions.append(FileVersion(dot: dot, content: content, height: height, modified: modified))
        versions.sort { $0.dot < $1.dot }
        seen.add(dot)
    }

    /// A machine removes it.
    ///
    /// - Parameters:
    ///   - dot: for the note that its name is free, which is needed where other versions are kept beside it.
    ///   - lying: a version that lies at another path there, and stays also where it is the same.
    package mutating func remove(
        _ removed: Dot, as dot: Dot, modified: Int64, sparing lying: Dot? = nil, _ rule: CollisionRule
    ) {
        guard let before = versions.first(where: { $0.dot == removed }) else { return }
        if let lying, lying != removed, versions.contains(where: { $0.dot == lying && $0.content == before.content }) {
            return versions.removeAll { $0.content == before.content && $0.dot != lying }
        }
        let rest = versions.filter { $0.content != before.content && $0.content.kind != .gone }
        if rest.isEmpty || rule == .newest {
            versions = []
        } else if winner(rule)?.content == before.content {
            write(.gone, as: dot, modified: modified, replacing: removed, rule)
        } else {
            versions = versions.filter { $0.content != before.content }
        }
    }

    /// The version that has the name; nil where there is none.
    package func winner(_ rule: CollisionRule) -> FileVersion? {
        versions.max { rule.prefers($1, over: $0) }
    }

    /// - Returns: nil where there can't be such versions.
    init?(_ seen: VersionVector, _ versions: [FileVersion]) {
        self.seen = seen
        self.versions = versions.sorted { $0.dot < $1.dot }
        guard versions.allSatisfy({ $0.content.isSound && seen.covers($0.dot) }),
            zip(self.versions, self.versions.dropFirst()).allSatisfy({ $0.dot != $1.dot })
        else { return nil }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let entry = Entry(
            try container.decode(VersionVector.self, forKey: .seen),
            try container.decode([FileVersion].self, forKey: .versions))
        guard let entry else {
            throw DecodingError.dataCorruptedError(
                forKey: .versions, in: container, debugDescription: "versions of a file that can't be")
        }
        self = entry
    }

    private enum CodingKeys: String, CodingKey { case seen, versions }
}
