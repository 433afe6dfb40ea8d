internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON

/// Frees what lies on a host and no run there needs: parts, images that were unpacked, runtimes of other versions, and parts that
/// never came whole. A run that goes on, or that could be resumed, keeps what it uses.
struct HostClearing {
    private let lash: LASH
    private let moment: Int64

    init(_ lash: LASH, olderThan days: Int) {
        self.lash = lash
        moment = Int64(time(nil)) - Int64(max(0, days)) * 86_400
    }

    func perform(isDry: Bool) throws -> Cleared {
        // Somebody may have offered parts, and start a run of them in a moment.
        guard let hold = try StoreHold.alone(in: lash) else {
            throw ExecutionFailure(
                "las is at work on this host, so nothing is cleared away now", fix: "try again when it is done",
                exitCode: .resources)
        }
        defer { hold.release() }
        let (needed, used) = uses()
        var (gone, kept): ([Cleared.Kind], [Cleared.Kind]) = ([], [])
        func look(_ kind: String, _ entries: [(paths: [String], isNeeded: Bool)]) {
            let there = entries.map { ($0.paths, $0.paths.reduce(0) { $0 + Self.size(of: $1) }, $0.isNeeded) }
            func sum(_ wanted: Bool) -> Cleared.Kind {
                let some = there.filter { $0.2 == wanted }
                return Cleared.Kind(name: kind, count: some.count, bytes: some.reduce(0) { $0 + $1.1 })
            }
            if !isDry { for entry in there where !entry.2 { entry.0.forEach(remove) } }
            gone.append(sum(false))
            kept.append(sum(true))
        }
        let isOwn = isPackedWith
        func keeps(_ digest: Digest, _ path: String) -> Bool {
            isOwn || needed.contains(digest) || max(used[digest] ?? 0, File.status(path)?.modified ?? 0) > moment
        }
        look(
            "parts",
            names(lash.parts).compactMap { name in
                guard name.utf8.count == 64, let digest = Digest(hex: name) else { return nil }
                let path = "\(lash.parts)/\(name)"
                return ([path + ".extents", path, path + ".unsynced"], keeps(digest, path + ".extents"))
            })
        look(
            "images",
            names(lash.images).compactMap { name in
                Digest(hex: String(name.prefix { $0 != "." })).map {
                    (["\(lash.images)/\(name)"], keeps($0, "\(lash.images)/\(name)"))
                }
            })
        let own = File.target(of: "/proc/self/exe").map { File.name(of: $0) } ?? ""
        look(
            "runtimes",
            names(lash.runtimes).map { name in
                let path = "\(lash.runtimes)/\(name)"
                return ([path], name == own || File.status(path)?.modified ?? 0 > moment)
            })
        look(
            "incoming",
            names(lash.incoming).map { name in
                let path = "\(lash.incoming)/\(name)"
                return ([path], File.status(path)?.modified ?? 0 > moment)
            })
        return Cleared(gone: gone, kept: kept, isOwn: isOwn)
    }

    private func names(_ folder: String) -> [String] { (try? Folder.names(in: folder)) ?? [] }

    /// Whether metros are packed with this LASH: what those need is known to las only.
    private var isPackedWith: Bool { !names(lash.known).isEmpty || !names(lash.made).isEmpty }

    /// What runs need, and when what was used lately was used.
    private func uses() -> (needed: Set<Digest>, used: [Digest: Int64]) {
        var (needed, used): (Set<Digest>, [Digest: Int64]) = ([], [:])
        for name in names(lash.runs) {
            guard let run = RunID(name), let start = try? RunFolder(run, in: lash).readStart() else { continue }
            let folder = RunFolder(run, in: lash)
            let digests = ([start.metro] + start.environments.values).map(\.digest)
            let last = File.status(folder.journal)?.modified ?? File.status(folder.start)?.modified ?? 0
            for digest in digests { used[digest] = max(used[digest] ?? 0, last) }
            // What is left of one that ended well is its record.
            let isRecord = !File.exists(folder.results) && Journal.last(folder.journal)?.succeeded == true
            if Journal.isHeld(folder.journal) || !isRecord { needed.formUnion(digests) }
        }
        return (needed, used)
    }

    private static func size(of path: String) -> Int64 {
        guard let status = File.status(path) else { return 0 }
        guard status.kind == .folder else { return status.size }
        return ((try? Folder.names(in: path)) ?? []).reduce(0) { $0 + size(of: "\(path)/\($1)") }
    }

    private func remove(_ path: String) {
        guard File.status(path)?.kind == .folder else { return File.remove(path) }
        // Out of the way first: half of an image must not be taken for one.
        guard let away = try? Folder.makeTemporary(in: lash.temporary, named: "removed") else { return }
        if rename(path, away) != 0 { try? Folder.remove(path) }
        try? Folder.remove(away)
    }
}
