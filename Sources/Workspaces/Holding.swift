internal import Files
internal import JSON

/// What a host has of a workspace, as the machine knows it that leads the run: a file for each, beside the workspace, for who asks where
/// a file lies.
struct Holding: Codable {
    let host: String
    /// Of what was written by others: what it had been told when it had all of it.
    let seen: VersionVector
    /// Names of which it did not have the newest when this was written.
    let lacks: Set<RelativePath>
    /// Paths of files that it knew and did not have.
    let absent: Set<RelativePath>

    init(host: String, seen: VersionVector, lacks: Set<RelativePath>, absent: Set<RelativePath> = []) {
        (self.host, self.seen, self.lacks, self.absent) = (host, seen, lacks, absent)
    }

    /// What it wrote itself lies there, unless it has said that it does not.
    func has(_ shown: SharedMap.Shown, at path: RelativePath) -> Bool {
        if absent.contains(path) { return false }
        return shown.version.dot.host == host || seen.covers(shown.version.dot) && !lacks.contains(shown.name)
    }

    private static func place(in folder: String) -> String { folder + "/places" }

    var bytes: [UInt8] { JSONText.encode(self) }

    func write(in folder: String) throws { try Self.write(bytes, of: host, in: folder) }

    static func write(_ bytes: [UInt8], of host: String, in folder: String) throws {
        try Folder.make(place(in: folder))
        try File.put(bytes, at: "\(place(in: folder))/\(host)")
    }

    /// Of one that is lost nobody knows what it has.
    static func remove(_ host: String, in folder: String) {
        if Dot.isHost(host) { File.remove("\(place(in: folder))/\(host)") }
    }

    static func removeAll(in folder: String) { try? Folder.remove(place(in: folder)) }

    /// All that are known, by the hosts' names.
    static func all(in folder: String) -> [Holding] {
        ((try? Folder.names(in: place(in: folder))) ?? []).compactMap { name in
            if !Dot.isHost(name) { return nil }
            return (try? File.read("\(place(in: folder))/\(name)")).flatMap {
                try? JSONText.decode(Holding.self, from: $0)
            }
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        host = try container.decode(String.self, forKey: .host)
        seen = try container.decode(VersionVector.self, forKey: .seen)
        lacks = Set(try container.decode([RelativePath].self, forKey: .lacks))
        absent = Set(try container.decodeIfPresent([RelativePath].self, forKey: .absent) ?? [])
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(host, forKey: .host)
        try container.encode(seen, forKey: .seen)
        try container.encode(lacks.sorted(), forKey: .lacks)
        try container.encode(absent.sorted(), forKey: .absent)
    }

    private enum CodingKeys: String, CodingKey { case host, seen, lacks, absent }
}
