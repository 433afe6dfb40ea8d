internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Threads

/// What others did there.
extension Outpost {
    /// Looks at all that lies there; what has come to rest counts.
    func look() throws {
        let (items, unreadable) = try remote.list()
        if isOtherFolder(items) {
            wasElsewhere = true
            throw Self.otherFolder(.away)
        }
        if wasElsewhere {
            // What went into the other one has to come here, and nobody has removed it.
            for path in putSinceLook where items[path] == nil {
                lies(nil, at: path)
                waiting.insert(path)
            }
            wasElsewhere = false
        }
        for path in items.keys where isUpload(path) { try? remote.remove(path, isFolder: false) }
        mustTidy = false
        folders = Set(items.filter(\.value.isFolder).keys)
        mustLook = false
        var found: [Replica.Found] = []
        var bytes: Int64 = 0
        var stillUnsettled: [RelativePath: (item: RemoteItem?, since: Double)] = [:]
        /// Whether it was like this for long enough.
        func isSettled(_ path: RelativePath, _ item: RemoteItem?) -> Bool {
            if let item, item.isFolder { return true }
            let now = Clock.monotonic
            var since = now
            if let before = unsettled[path], before.item == item { since = before.since }
            if since > now {
                stillUnsettled[path] = (item, since)
                return false
            }
            if now - since >= Self.quiet { return true }
            if let item, let clockAhead {
                let age = Double(Replica.now - item.stamp.modified) / 1e9 + clockAhead
                if age > Self.quiet + 1 { return true }
            }
            stillUnsettled[path] = (item, since)
            return false
        }
        for (path, item) in items.sorted(by: { $0.key < $1.key }) where !Self.isOwn(path) {
            let before = lying[path]
            if let before, Self.isSame(item, before) { continue }
            if let doubt = doubtful[path], Self.isSame(item, doubt) {
                lies(doubt, at: path)
                continue
            }
            if !isSettled(path, item) { continue }
            if item.isFolder {
                found.append(
                    .init(
                        path: path, content: FileContent(kind: .folder), stamp: item.stamp, before: before, staged: nil)
                )
                continue
            }
            if events.isCancelled() { return }
            guard let (content, staged) = try fetch(path, item, before) else {
                // What it does not give is asked for again in a minute.
                stillUnsettled[path] = (item, Clock.monotonic + (unread.contains(path) ? 60 : 0))
                continue
            }
            unread.remove(path)
            found.append(.init(path: path, content: content, stamp: item.stamp, before: before, staged: staged))
            bytes += content.size
            if found.count >= 500 || bytes >= 256 << 20 {
                try enter(found)
                (found, bytes) = ([], 0)
            }
        }
        let gone = lying.keys.filter { path in
            items[path] == nil && !unreadable.contains(path) && !isBelow(path, unreadable)
        }
        // What lies in a folder goes before it.
        for path in gone.sorted().reversed() where isSettled(path, nil) {
            guard let before = lying[path] else { continue }
            found.append(.init(path: path, content: nil, stamp: before.stamp, before: before, staged: nil))
        }
        try enter(found)
        doubtful = doubtful.filter { stillUnsettled[$0.key] != nil }
        unsettled = stillUnsettled
        hasLooked = true
        putSinceLook = []
        try journal.commit()
    }

    static func isSame(_ item: RemoteItem, _ lying: Replica.Lying) -> Bool {
        if item.isFolder || lying.content.kind == .folder { return item.isFolder && lying.content.kind == .folder }
        return item.stamp == lying.stamp
    }

    private func isBelow(_ path: RelativePath, _ folders: Set<RelativePath>) -> Bool {
        if folders.isEmpty { return false }
        var above: RelativePath? = path.parent
        while let folder = above {
            if folders.contains(folder) { return true }
            above = folder.parent
        }
        return false
    }

    /// Brings a file's bytes here.
    /// - Returns: nil where it has changed meanwhile, or is gone.
    private func fetch(
        _ path: RelativePath, _ item: RemoteItem, _ before: Replica.Lying?
    ) throws -> (content: FileContent, staged: String)? {
        uploads += 1
        let staged = "\(folder)/came-\(uploads)"
        let file = try File.open(staged, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(file) }
        do {
            let (digest, size) = try remote.get(path, into: file)
            guard size == item.stamp.size, try remote.item(at: path) == item else {
                File.remove(staged)
                return nil
            }
            return (FileContent(kind: .file, size: size, digest: digest, mode: share.mode(at: path, before)), staged)
        } catch {
            File.remove(staged)
            guard [.missing, .refused].contains(error.kind) else { throw error }
            if error.kind == .refused, unread.insert(path).inserted {
                events.note(
                    "\(Shown.text(path.string, atMost: 200)) can't be had from \(remote.shown): \(error.words)")
            }
            return nil
        }
    }

    private func enter(_ found: [Replica.Found]) throws {
        if found.isEmpty { return }
        let told = try share.enter(found, by: Self.host, isFirst: isFirst, next: next) { lying[$0] }
        next = told.next
        for (path, state) in told.lying.sorted(by: { $0.key < $1.key }) {
            lies(state, at: path)
            waiting.insert(path)
        }
        try journal.commit()
        events.entered()
    }
}
