internal import CLinux
internal import Files
internal import Glibc

/// Files that are known on this machine, and lie there only where something needs them.
///
/// What does not lie there is in the map, and not in `lying`: so nobody takes it for removed. What lies there is kept in step, whether it
/// is needed or not, since an old version before a program's eyes would be worse than none.
extension Replica {
    /// From now on only what lies here stays, and what is needed comes.
    func becomePartial() { if needed == nil { needed = [:] } }

    /// Whether the file of a name that is to lie at a path has to be here.
    func isNeeded(_ path: RelativePath, of name: RelativePath) -> Bool {
        guard let needed, lying[path] == nil, lying[name] == nil else { return true }
        if kept.contains(name) || opened[path] != nil { return true }
        return needed.values.contains { $0(path) || path != name && $0(name) }
    }

    /// The machine that leads the run says what has to be here so that enough machines have it; `apply` tells what is missing.
    ///
    /// - Parameters:
    ///   - isAnew: it begins to say it.
    ///   - isLast: it has said all of it for now.
    /// - Returns: whether something has to come.
    func keep(_ keeps: [ShareMessage.Keep], isAnew: Bool, isLast: Bool) -> Bool {
        if isAnew { (kept, awaitsKept) = ([], true) }
        if isLast { awaitsKept = false }
        var (isMore, hasSeveral) = (false, false)
        for keep in keeps {
            if !keep.isKept {
                kept.remove(keep.name)
                continue
            }
            kept.insert(keep.name)
            if absent.contains(keep.name) {
                unlike.insert(keep.name)
                isMore = true
            }
            if map.entries[keep.name]?.versions.count ?? 0 > 1 { hasSeveral = true }
        }
        if !hasSeveral { return isMore }
        // Versions that are kept beside.
        for path in absent where map.shown(at: path).map({ kept.contains($0.name) }) ?? false {
            unlike.insert(path)
            isMore = true
        }
        return isMore
    }

    /// These have to be here until `release`; `apply` tells what is missing.
    ///
    /// - Returns: false where that is known.
    func need(_ id: String, _ isNeeded: @escaping @Sendable (RelativePath) -> Bool) -> Bool {
        if needed == nil || needed?[id] != nil { return false }
        needed?[id] = isNeeded
        var size: Int64 = 0
        for path in absent where isNeeded(path) || map.shown(at: path).map({ isNeeded($0.name) }) ?? false {
            unlike.insert(path)
            size += map.shown(at: path)?.version.content.size ?? 0
            usedLast[path] = Self.now
        }
        sizeComing = size
        return true
    }

    /// - Returns: false where nobody said that it needs something.
    func release(_ id: String) -> Bool {
        guard let isNeeded = needed?.removeValue(forKey: id) else { return false }
        let now = Self.now
        for path in lying.keys where isNeeded(path) { usedLast[path] = now }
        return true
    }

    /// Whether a path is one of a file that is known and not here.
    func isAbsent(_ path: RelativePath, _ isAbsent: Bool) {
        if isAbsent {
            if absent.insert(path).inserted { absentChanged.insert(path) }
            guard let version = map.shown(at: path)?.version else { return }
            absentFiles.set(
                .init(size: version.content.size, mode: version.content.mode, modified: version.modified), at: path)
        } else if absent.remove(path) != nil {
            absentChanged.insert(path)
            absentFiles.set(nil, at: path)
        }
    }

    // MARK: What programs open

    /// A program waits for the file that is to lie at a path; `apply` tells what is missing.
    ///
    /// - Returns: how many bytes have to come.
    func opens(_ path: RelativePath) -> Int64 {
        opened[path, default: 0] += 1
        guard absent.contains(path) else { return 0 }
        unlike.insert(path)
        usedLast[path] = Self.now
        return map.shown(at: path)?.version.content.size ?? 0
    }

    func closes(_ path: RelativePath) {
        guard let count = opened[path] else { return }
        opened[path] = count > 1 ? count - 1 : nil
        usedLast[path] = Self.now
    }

    /// Whoever changes what lies at a path from now on has seen the version that is to lie there and does not.
    func counts(asSeen path: RelativePath) throws {
        guard absent.contains(path), let shown = map.shown(at: path) else { return }
        // No file ever has this stamp.
        let never = Stamp(unique: 0, size: -1, modified: 0)
        lies(
            Lying(name: shown.name, dot: shown.version.dot, content: shown.version.content, stamp: never), at: path)
        try journal.commit()
    }

    func takeAbsentChanges() -> Set<RelativePath> {
        defer { absentChanged = [] }
        return absentChanged
    }

    // MARK: Room

    /// Takes files away, those first that were not used for the longest time, until the rest is not more than `limit`. What is needed
    /// here stays, what has to be here so that enough machines have it, and what nobody else has, is just being written, or was changed since it was looked at.
    ///
    /// - Parameter isElsewhere: whether the machine that leads the run has this version of a file, which this one wrote. What others
    ///   wrote came from there, and it keeps all.
    func makeRoom(within limit: Int64, isElsewhere: (RelativePath, Dot) -> Bool) throws {
        guard let needed, lyingBytes > limit, !awaitsKept else { return }
        let walk = try FolderWalk(folder)
        var known: [(path: RelativePath, state: Lying, used: Int64)] = []
        for (path, state) in lying where state.content.kind == .file && state.content.size > 0 && state.name == path {
            guard let versions = map.entries[path]?.versions, versions.count == 1, versions[0].dot == state.dot,
                !unlike.contains(path), !fresh.contains(path), !kept.contains(path),
                opened[path] == nil, !needed.values.contains(where: { $0(path) }),
                state.dot.host != host || isElsewhere(path, state.dot), let folder = try walk.folder(of: path),
                let info = FolderWalk.status(path.name, in: folder), Stamp(info) == state.stamp
            else { continue }
            let read = Int64(info.st_atim.tv_sec) * 1_000_000_000 + Int64(info.st_atim.tv_nsec)
            known.append((path, state, max(read, usedLast[path] ?? 0)))
        }
        known.sort { ($0.used, $0.path) < ($1.used, $1.path) }
        var left = lyingBytes
        var leaving: [(path: RelativePath, state: Lying)] = []
        for (path, state, _) in known where left > limit {
            left -= state.content.size
            leaving.append((path, state))
        }
        if leaving.isEmpty { return }
        // Before anything goes it is on the disk that it is not to be here: else who comes after a crash would take it for removed.
        for (path, _) in leaving { lies(nil, at: path) }
        try journal.commit(syncing: true)
        hasIncoming = true
        for (path, state) in leaving {
            // Who shows them finds it at one of the two places at any moment.
            isAbsent(path, true)
            if let folder = try walk.folder(of: path, fresh: true),
                remove(path.name, in: folder, state.stamp, ifUnused: true)
            {
                usedLast[path] = nil
            } else {
                lies(state, at: path)
            }
        }
        try journal.commit()
    }
}
