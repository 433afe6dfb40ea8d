internal import Digests
package import Files
internal import Glibc

/// A workspace on one machine: its folder, in which programs do what they like, and what this machine knows of it.
///
/// Used by one thread at a time. What it learns is in its journal before anybody is told.
package final class Replica {
    /// This machine's name in the workspace.
    package let host: String
    package let folder: ConfinedFolder
    package internal(set) var map: SharedMap
    /// What lies in the folder, as far as it was looked at.
    package internal(set) var lying: [RelativePath: Lying] = [:]
    /// Of what this machine writes the next number.
    var nextNumber: UInt64 = 1
    /// Files that were brought here, whole and verified, and have no place yet.
    let incoming: String
    let journal: ReplicaJournal
    /// Where files with these bytes lie.
    private var places: [Digest: Set<RelativePath>] = [:]
    /// Bytes that wait for a program's change of their place to be looked at.
    var unplaced: Set<Digest> = []
    /// Who is bringing something.
    var bringing: Set<ObjectIdentifier> = []
    /// Short files that were brought here, whole and verified, and have no place yet.
    private(set) var brought: [Digest: [UInt8]] = [:]
    private(set) var broughtBytes = 0
    /// Whether something may lie in `incoming`.
    var hasIncoming = true
    /// What was read or brought just now.
    var recent = RecentBytes()
    /// How long files were cut that went or came just now.
    var recentLists = RecentLists()

    /// Where something else may have to lie than lies there.
    var unlike: Set<RelativePath> = []
    /// Files that were looked at so soon after they were written that their time does not tell whether they were written again.
    var fresh: Set<RelativePath> = []
    /// Folders that were made for what lies in them, and not looked at yet.
    var implied: Set<RelativePath> = []

    /// Where something else may have to lie than when a place outside has heard of it last; nil where there is none.
    var outside: Set<RelativePath>?

    /// What has to be here, by who needs it; nil where everything has to.
    var needed: [String: @Sendable (RelativePath) -> Bool]?
    /// Where files are to lie that are known and not here.
    var absent: Set<RelativePath> = []
    /// The same for who shows them.
    let absentFiles = AbsentFiles()
    /// Paths of files that programs have opened, or wait for, each with how many do.
    var opened: [RelativePath: Int] = [:]
    /// What of it has become otherwise since this was asked last.
    var absentChanged: Set<RelativePath> = []
    /// Names of files that have to be here so that enough machines have them, as the machine that leads the run says.
    var kept: Set<RelativePath> = []
    /// That machine will say what has to be here, and has not said all of it yet.
    var awaitsKept = false
    /// When something here needed it last, in nanoseconds since 1970.
    var usedLast: [RelativePath: Int64] = [:]
    /// Bytes of all files that lie here, and of those that were needed last and have to come.
    private(set) var lyingBytes: Int64 = 0
    var sizeComing: Int64 = 0

    /// A file as it lies in the folder.
    package struct Lying: Hashable, Sendable, Codable {
        /// That it was written under, and its version.
        package let name: RelativePath
        package let dot: Dot
        package let content: FileContent
        var stamp: Stamp
    }

    /// - Parameters:
    ///   - folder: `files` in it is the workspace; what is known of it lies beside.
    ///   - host: see `Dot.isHost`.
    package init(_ folder: String, host: String, rule: CollisionRule) throws {
        self.host = host
        self.folder = ConfinedFolder(folder + "/files")
        incoming = folder + "/incoming"
        map = SharedMap(rule)
        try Folder.make(self.folder.path)
        try Folder.make(incoming)
        journal = try ReplicaJournal(folder + "/map")
        for line in try journal.read() {
            if let entry = line.entry { map.merge(line.name, entry) }
            if line.entry == nil { put(line.lying, at: line.name) }
            unlike.insert(line.name)
        }
        nextNumber = map.lastNumber(of: host) + 1
        try journal.shorten(map, lying)
    }

    /// Takes what others know.
    ///
    /// - Returns: the names of which something is otherwise now.
    package func merge(_ entries: [(name: RelativePath, entry: Entry)]) throws -> Set<RelativePath> {
        var changed: Set<RelativePath> = []
        for (name, entry) in entries where map.merge(name, entry) {
            changed.insert(name)
            // This machine's own numbers, of a time that it has forgotten.
            nextNumber = max(nextNumber, entry.seen.numbers[host, default: 0] + 1)
            record(name)
        }
        try journal.commit()
        return changed
    }

    /// Everything that is known, or what is known of some names, sorted.
    package func entries(of names: Set<RelativePath>? = nil) -> [(name: RelativePath, entry: Entry)] {
        let wanted =
            names.map { $0.compactMap { name in map.entries[name].map { (name, $0) } } } ?? map.entries.map { ($0, $1) }
        return wanted.sorted { $0.0 < $1.0 }.map { (name: $0.0, entry: $0.1) }
    }

    func nextDot() -> Dot {
        defer { nextNumber += 1 }
        return Dot(host, nextNumber)
    }

    // MARK: What is written down

    func record(_ name: RelativePath) {
        guard let entry = map.entries[name] else { return }
        journal.add(.init(name: name, entry: entry, lying: nil))
    }

    func lies(_ state: Lying?, at path: RelativePath) {
        put(state, at: path)
        unlike.insert(path)
        if state == nil { fresh.remove(path) } else { isAbsent(path, false) }
        journal.add(.init(name: path, entry: nil, lying: state))
    }

    private func put(_ state: Lying?, at path: RelativePath) {
        let was = lying.updateValue(state, at: path)
        lyingBytes += (state?.content.size ?? 0) - (was?.content.size ?? 0)
        let before = was?.content.digest
        if before == state?.content.digest { return }
        if let before {
            places[before]?.remove(path)
            if places[before]?.isEmpty ?? false { places[before] = nil }
        }
        if let digest = state?.content.digest { places[digest, default: []].insert(path) }
    }

    func paths(of digest: Digest) -> Set<RelativePath> { places[digest] ?? [] }

    // MARK: Bytes that have come

    /// Whether a file with these bytes is here.
    func has(_ digest: Digest) -> Bool {
        places[digest] != nil || brought[digest] != nil || hasIncoming && File.status(place(of: digest)) != nil
    }

    /// A short file has come.
    func bring(_ bytes: [UInt8], _ digest: Digest) throws {
        recent.keep(bytes, digest)
        if brought[digest] != nil { return }
        // What nobody takes for long does not stay in memory.
        if broughtBytes + bytes.count > 64 << 20 {
            hasIncoming = true
            return try File.put(bytes, at: place(of: digest), mode: 0o600)
        }
        brought[digest] = bytes
        broughtBytes += bytes.count
    }

    /// It lies in the folder now.
    func forgetBrought(_ digest: Digest) {
        if let bytes = brought.removeValue(forKey: digest) { broughtBytes -= bytes.count }
    }

    func clearBrought() { (brought, broughtBytes) = ([:], 0) }
}

extension Dictionary {
    /// - Returns: what was there before.
    fileprivate mutating func updateValue(_ value: Value?, at key: Key) -> Value? {
        if let value { return updateValue(value, forKey: key) }
        return removeValue(forKey: key)
    }
}
