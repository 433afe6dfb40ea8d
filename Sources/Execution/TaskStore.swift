internal import Digests
internal import Files
internal import Glibc
internal import Plan

/// What tasks made, kept in LASH by what they are known by: `tasks/KK/KEY/record` and, below `tasks/KK/KEY/made`, other names
/// of the files that a run has in its `made`.
///
/// An entry is there whole or not at all, and is never believed without a look: whatever a crash, a full disk or a hand left
/// of it is thrown away, and the task simply runs. So nothing here is synced, and all of it may be removed at any time.
struct TaskStore: Sendable {
    let lash: LASH

    /// What is known of a task that is done.
    struct Record: Hashable, Sendable, Codable {
        static let version = 1

        var version = Self.version
        let key: Digest
        var entries: [Kept] = []
        /// How long it took.
        var seconds: Double?
        /// For a turn: what of `until` did not hold after it.
        var unmet: String?
        /// For a look at a file of an input: why it is not valid.
        var objection: String?

        /// Whether another run of the same task came out so too, however long it took.
        func isAlike(_ other: Record) -> Bool {
            entries.map(\.entry) == other.entries.map(\.entry) && (unmet, objection) == (other.unmet, other.objection)
        }
    }

    /// What the task made, and how the file looked when its digest was taken.
    struct Kept: Hashable, Sendable, Codable {
        let entry: MadeEntry
        var stamp: Stamp?
    }

    /// What changes when someone writes into a file. Never part of a key: another stamp only means that the bytes are read
    /// again.
    struct Stamp: Hashable, Sendable, Codable {
        let inode: UInt64
        let modified: Int64
        let nanoseconds: Int64

        init(_ status: File.Status) {
            (inode, modified, nanoseconds) = (status.inode, status.modified, status.modifiedNanoseconds)
        }
    }

    func folder(of key: Digest) -> String { "\(lash.tasks)/\(key.hex.prefix(2))/\(key.hex)" }

    // MARK: Taking

    /// What is kept under a key, if all of it is there and as it was; nothing is changed.
    func look(_ key: Digest) -> Record? {
        guard let record = read(key),
            record.entries.allSatisfy({ Self.check($0, in: folder(of: key) + "/made") != nil })
        else { return nil }
        return record
    }

    private func read(_ key: Digest) -> Record? {
        guard let record = SealedFile.read(Record.self, folder(of: key) + "/record"),
            record.version == Record.version, record.key == key
        else { return nil }
        return record
    }

    /// Puts what a task of this key made into a folder that is not there yet, if all of it is kept and as it was.
    ///
    /// - Returns: nil where it is not, and where it could not be put there.
    func take(_ key: Digest, to place: String) -> Record? {
        let folder = folder(of: key)
        guard File.exists(folder) else { return nil }
        guard var record = read(key) else {
            forget(key)
            return nil
        }
        var isNew = false
        for (number, kept) in record.entries.enumerated() {
            guard let stamp = Self.check(kept, in: folder + "/made") else {
                forget(key)
                return nil
            }
            if kept.entry.kind == .file, kept.stamp != stamp {
                record.entries[number].stamp = stamp
                isNew = true
            }
        }
        do {
            try Folder.make(place)
            for kept in record.entries { try Self.link(kept.entry, from: folder + "/made", to: place) }
        } catch {
            // Someone is clearing it away at this moment, or the disk is full.
            try? Folder.remove(place)
            return nil
        }
        // Another place of the same files, as after LASH was copied: they need not be read each time.
        if isNew {
            try? SealedFile.write(record, to: folder + "/record", beside: lash.temporary)
        } else {
            Self.touch(folder + "/record")
        }
        return record
    }

    /// - Returns: its stamp when it is as it was made; nil when not.
    static func check(_ kept: Kept, in folder: String) -> Stamp? {
        let entry = kept.entry
        guard let path = RelativePath(entry.path), let status = File.status("\(folder)/\(path)") else { return nil }
        let stamp = Stamp(status)
        switch (entry.kind, status.kind) {
        case (.folder, .folder): return stamp
        case (.link, .link): return File.target(of: "\(folder)/\(path)") == entry.target ? stamp : nil
        case (.file, .file):
            guard status.size == entry.size, (status.mode & 0o111 != 0) == (entry.isProgram == true) else { return nil }
            if kept.stamp == stamp { return stamp }
            return (try? FileDigest.digest(of: "\(folder)/\(path)")) == entry.digest ? stamp : nil
        default: return nil
        }
    }

    private static func link(_ entry: MadeEntry, from folder: String, to place: String) throws {
        let (source, target) = ("\(folder)/\(entry.path)", "\(place)/\(entry.path)")
        switch entry.kind {
        case .folder: try Folder.make(target)
        case .file:
            if Glibc.link(source, target) == 0 { return }
            if errno == ENOENT { try Folder.make(File.parent(of: target)) }
            if Glibc.link(source, target) == 0 { return }
            // A disk without second names, or one with too many already.
            try File.copy(source, to: target, mode: File.status(source)?.mode ?? 0o644)
            chmod(target, (File.status(source)?.mode ?? 0o644) & 0o777)
        case .link:
            try Folder.make(File.parent(of: target))
            if symlink(entry.target ?? "", target) != 0 { throw FileFailure("write the link", target) }
        }
    }

    /// When it was used for the last time, for who clears up; a look at the clock a day is enough.
    private static func touch(_ path: String) {
        if let status = File.status(path), status.modified > Int64(time(nil)) - 86_400 { return }
        utimensat(AT_FDCWD, path, nil, 0)
    }

    // MARK: Keeping

    /// Keeps what a task made.
    ///
    /// - Parameters:
    ///   - made: its folder in the run's `made`, settled; nil for one that makes nothing.
    ///   - replaces: in the place of what is there; otherwise what is there stays, as good as this.
    func keep(_ record: Record, from made: String?, replaces: Bool = false) throws {
        let final = folder(of: record.key)
        if File.exists(final) {
            if !replaces { return }
            // What is made again comes out the same as a rule.
            if let there = look(record.key), there.isAlike(record) { return Self.touch(final + "/record") }
        }
        let beside = try Folder.makeTemporary(in: lash.temporary, named: "task")
        do {
            try Folder.make(beside + "/made")
            var record = record
            if let made {
                for (number, kept) in record.entries.enumerated() {
                    try Self.link(kept.entry, from: made, to: beside + "/made")
                    guard kept.entry.kind == .file else { continue }
                    record.entries[number].stamp = File.status("\(beside)/made/\(kept.entry.path)").map(Stamp.init)
                }
            }
            try File.create(beside + "/record", SealedFile.bytes(record))
            if replaces { forget(record.key) }
            var isThere = rename(beside, final) == 0
            if !isThere, errno == ENOENT {
                try Folder.make(File.parent(of: final))
                isThere = rename(beside, final) == 0
            }
            if !isThere {
                // Another run was first.
                guard errno == EEXIST || errno == ENOTEMPTY else { throw FileFailure("rename \(beside) to", final) }
                try Folder.remove(beside)
            }
        } catch {
            try? Folder.remove(beside)
            throw error
        }
    }

    /// Takes it away, as one.
    func forget(_ key: Digest) { Self.remove(folder(of: key), lash) }

    static func remove(_ folder: String, _ lash: LASH) {
        guard File.exists(folder), let away = try? Folder.makeTemporary(in: lash.temporary, named: "task") else {
            return
        }
        _ = rename(folder, away)
        try? Folder.remove(away)
    }
}
