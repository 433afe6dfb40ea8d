internal import Digests
internal import Files
internal import HostProtocol
internal import Plan

/// A file, folder or link that a task made, as far as others can tell it from another one.
struct MadeEntry: Hashable, Sendable, Codable {
    enum Kind: String, Hashable, Sendable, Codable { case file, folder, link }

    /// Below the task's folder in `made`.
    let path: String
    let kind: Kind
    /// Of a file.
    let size: Int64?
    let digest: Digest?
    let isProgram: Bool?
    /// Of a link: what it says, and whether that is a folder.
    let target: String?
    let leadsToFolder: Bool?

    init(
        path: String, kind: Kind, size: Int64? = nil, digest: Digest? = nil, isProgram: Bool? = nil,
        target: String? = nil, leadsToFolder: Bool? = nil
    ) {
        (self.path, self.kind, self.size, self.digest) = (path, kind, size, digest)
        self.isProgram = isProgram == true ? true : nil
        (self.target, self.leadsToFolder) = (target, leadsToFolder)
    }

    var made: MadeFile { MadeFile(path: path, isFolder: kind == .folder || leadsToFolder == true) }
    var file: RunEvent.File {
        RunEvent.File(
            path: path, size: size ?? 0, digest: digest, isProgram: isProgram == true, target: target,
            leadsToFolder: leadsToFolder == true)
    }

    /// As an event tells of it.
    init(_ file: RunEvent.File) {
        self.init(
            path: file.path, kind: file.target != nil ? .link : file.digest != nil ? .file : .folder,
            size: file.digest == nil ? nil : file.size, digest: file.digest, isProgram: file.isProgram,
            target: file.target, leadsToFolder: file.leadsToFolder)
    }

    /// Of all that a task made.
    static func digest(of entries: [MadeEntry]) -> Digest {
        var fold = FoldedDigest()
        for entry in entries {
            switch (entry.kind, entry.digest) {
            case (.file, let digest?): fold.add(entry.path, .file(digest, isProgram: entry.isProgram == true))
            case (.link, _): fold.add(entry.path, .link(target: entry.target ?? ""))
            default: fold.add(entry.path, .folder)
            }
        }
        return fold.digest
    }
}

/// What the tasks of a run made, folder by folder, for the keys of those that take it.
struct MadeDigests {
    private var tasks: [ExactText: Digest] = [:]
    /// The same by the stations, whose folders hold those of their tasks.
    private var stations: [ExactText: FoldedDigest] = [:]
    private var known: [ExactText: Digest] = [:]
    /// Those whose tasks are asked for: others take them, or their own next turn does.
    private let taken: Set<StationID>

    init(_ plan: Plan) {
        taken = Set(
            plan.stations.flatMap { ($0.takes + $0.forEach).compactMap(\.station) }
                + plan.stations.filter { $0.turns?.keepsLast == true }.map(\.id))
    }

    mutating func add(_ task: PlannedTask, _ digest: Digest) {
        if !taken.contains(task.station) { return }
        tasks[ExactText(task.made)] = digest
        let station = ExactText(task.station.name)
        stations[station, default: FoldedDigest()].add(task.made, .file(digest, isProgram: false))
        known[station] = nil
    }

    /// - Parameter folder: a task's, or a station's with those of all its tasks, below `made`.
    mutating func digest(of folder: String) -> Digest? {
        let folder = ExactText(folder)
        if let digest = tasks[folder] ?? known[folder] { return digest }
        guard let digest = stations[folder]?.digest else { return nil }
        known[folder] = digest
        return digest
    }
}
