internal import Files

/// Which hosts of a run hold each file of a workspace, so that enough machines have it: decided by the machine that leads the run, which
/// has all of them itself and is one of these machines.
///
/// Who was chosen stays: files move only where a host is lost, or comes where there were too few.
struct Keepers {
    /// How many hosts are to hold each file.
    let count: Int
    /// Hosts that may be chosen, by their names.
    private(set) var hosts: Set<String> = []
    /// Of each file, by the name that it was written under, who holds it.
    private(set) var chosen: [RelativePath: [String]] = [:]

    /// What a host has to hear.
    struct Change: Hashable {
        let host: String
        let name: RelativePath
        let isKept: Bool
    }

    /// - Parameter copies: how many machines are to have each file, the one that leads the run among them.
    init(copies: Int) { count = copies - 1 }

    /// A host is there.
    /// - Returns: whether it was not before: then it may hold what too few hold.
    mutating func join(_ host: String) -> Bool { hosts.insert(host).inserted }

    /// A host is gone for good, as far as one can tell.
    /// - Returns: what it held, sorted: others are to be chosen.
    mutating func lose(_ host: String) -> [RelativePath] {
        if hosts.remove(host) == nil { return [] }
        let held = chosen.filter { $0.value.contains(host) }.keys.sorted()
        for name in held { chosen[name]?.removeAll { $0 == host } }
        return held
    }

    func names(of host: String) -> Set<RelativePath> {
        Set(chosen.filter { $0.value.contains(host) }.keys)
    }

    /// Files of which too few hosts hold one, sorted.
    func lacking(of names: some Sequence<RelativePath>) -> [RelativePath] {
        names.filter { chosen[$0]?.count ?? 0 < count }.sorted()
    }

    /// Chooses who holds a file: first who has written it, then who has it, then as the names fall out, so that the files are spread.
    ///
    /// - Parameters:
    ///   - entry: what is known of it.
    ///   - has: whether a host has it, as far as is known.
    /// - Returns: what has to be told.
    mutating func choose(
        _ name: RelativePath, _ entry: Entry?, has: (String) -> Bool
    ) -> [Change] {
        let files = entry?.versions.filter { $0.content.kind == .file } ?? []
        if files.isEmpty {
            return (chosen.removeValue(forKey: name) ?? []).map { Change(host: $0, name: name, isKept: false) }
        }
        let before = chosen[name] ?? []
        if before.count >= min(count, hosts.count) { return [] }
        let writers = Set(files.map(\.dot.host))
        let others = hosts.filter { !before.contains($0) }.map { host in
            (host: host, fitness: !has(host) ? 2 : writers.contains(host) ? 0 : 1, rank: Self.rank(host, name))
        }.sorted { ($0.fitness, $0.rank, $0.host) < ($1.fitness, $1.rank, $1.host) }
        let new = others.prefix(count - before.count).map(\.host)
        chosen[name] = before + new
        return new.map { Change(host: $0, name: name, isKept: true) }
    }

    /// The same on every machine and in every process (FNV-1a).
    private static func rank(_ host: String, _ name: RelativePath) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        add(name.string)
        add("\0")
        add(host)
        // The last bytes count as much as the first.
        hash ^= hash >> 32
        return hash &* 0x9E37_79B9_7F4A_7C15
    }
}
