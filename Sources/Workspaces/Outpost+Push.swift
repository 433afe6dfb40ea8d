internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Threads

/// What the machines of the run did comes there.
extension Outpost {
    /// Puts there what is to lie there. What others have changed meanwhile is left alone, and looked at.
    func push() throws {
        waiting.formUnion(share.takeOutside())
        if waiting.isEmpty || mustLook { return }
        refused = refused.filter { waiting.contains($0.key) }
        var unspoken: [RelativePath] = []
        var (gone, folders, files): ([RelativePath], [RelativePath], [RelativePath]) = ([], [], [])
        for path in waiting.sorted() {
            guard let shown = share.shown(at: path) else {
                if lying[path] == nil { waiting.remove(path) } else { gone.append(path) }
                continue
            }
            let content = shown.version.content
            if let state = lying[path], state.dot == shown.version.dot || state.content == content {
                if state.dot != shown.version.dot || state.name != shown.name {
                    lies(
                        .init(name: shown.name, dot: shown.version.dot, content: content, stamp: state.stamp), at: path)
                }
                waiting.remove(path)
                continue
            }
            if !Self.canName(path) {
                waiting.remove(path)
                if unspeakable.insert(path).inserted { unspoken.append(path) }
                continue
            }
            switch content.kind {
            case .folder: folders.append(path)
            case .file: files.append(path)
            // What lies there is not what it leads to.
            case .link, .gone: if lying[path] == nil { waiting.remove(path) } else { gone.append(path) }
            }
        }
        if let first = unspoken.first {
            let others = unspoken.count > 1 ? " and \(unspoken.count - 1) more" : ""
            events.note(
                "\(Shown.text(first.string, atMost: 200))\(others) is not put to \(remote.shown): its name can't be said there"
            )
        }
        for path in gone.reversed() { try attempt(path) { try self.take(path) } }
        for path in folders {
            try attempt(path) {
                if let state = self.lying[path], state.content.kind != .folder, !(try self.take(path)) { return false }
                return try self.makeFolder(path)
            }
        }
        for path in files { try attempt(path) { try self.put(path) } }
        try journal.commit()
    }

    /// Names that las itself uses there, and such as a line of the protocol can't have.
    static func canName(_ path: RelativePath) -> Bool {
        !isOwn(path) && path.string.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    /// - Parameter body: whether it lies there now as it is to.
    private func attempt(_ path: RelativePath, _ body: () throws -> Bool) throws {
        // Somebody may be writing it just now.
        if unsettled[path] != nil { return }
        if let refusal = refused[path], refusal.again > Clock.monotonic { return }
        if events.isCancelled() { throw RemoteTrouble(.away, "the run is to end") }
        do {
            if try body() {
                waiting.remove(path)
                putSinceLook.insert(path)
            }
            hasPut = true
            refused[path] = nil
        } catch let trouble as RemoteTrouble {
            try? journal.commit()
            if trouble.kind != .refused && trouble.kind != .missing { throw trouble }
            let tries = (refused[path]?.tries ?? 0) + 1
            refused[path] = (trouble, tries, Clock.monotonic + min(60, Double(tries * tries)))
        }
    }

    /// Whether what lies there is still what las knows of. Else it is looked at.
    private func isAsKnown(_ path: RelativePath, _ item: RemoteItem?) -> Bool {
        let isSame = item.map { item in lying[path].map { Self.isSame(item, $0) } ?? false } ?? (lying[path] == nil)
        if !isSame { mustLook = true }
        return isSame
    }

    /// Takes away what is no longer to be there.
    private func take(_ path: RelativePath) throws -> Bool {
        guard let item = try remote.item(at: path) else {
            // Another one has taken it away, too.
            folders.remove(path)
            lies(nil, at: path)
            return true
        }
        guard isAsKnown(path, item) else { return false }
        do throws(RemoteTrouble) { try remote.remove(path, isFolder: item.isFolder) } catch {
            // Somebody has put something into the folder.
            if item.isFolder, error.kind == .refused, !unknown(below: path).isEmpty {
                mustLook = true
                return false
            }
            throw error
        }
        folders.remove(path)
        lies(nil, at: path)
        return true
    }

    private func unknown(below path: RelativePath) -> Set<RelativePath> {
        guard let items = try? remote.list().items else { return [] }
        return Set(items.keys.filter { $0.string.utf8.starts(with: "\(path.string)/".utf8) && lying[$0] == nil })
    }

    private func makeFolder(_ path: RelativePath) throws -> Bool {
        try makeAbove(path)
        if !folders.contains(path) {
            try remote.makeFolder(path)
            folders.insert(path)
        }
        guard let shown = share.shown(at: path), shown.version.content.kind == .folder else { return true }
        let stamp = Stamp(unique: 0, size: 0, modified: 0)
        lies(.init(name: shown.name, dot: shown.version.dot, content: shown.version.content, stamp: stamp), at: path)
        return true
    }

    private func makeAbove(_ path: RelativePath) throws {
        var missing: [RelativePath] = []
        var above = path.parent
        while let folder = above, !folders.contains(folder) {
            missing.append(folder)
            above = folder.parent
        }
        for folder in missing.reversed() {
            try remote.makeFolder(folder)
            folders.insert(folder)
        }
    }

    /// Puts a file there, under another name first.
    private func put(_ path: RelativePath) throws -> Bool {
        guard let shown = share.shown(at: path), let digest = shown.version.content.digest else { return true }
        let size = shown.version.content.size
        // What a person has changed here just now is told soon.
        guard let file = try share.open(digest) else { return false }
        defer { close(file) }
        if let state = lying[path], state.content.kind == .folder, !(try take(path)) { return false }
        guard isAsKnown(path, try remote.item(at: path)) else { return false }
        try makeAbove(path)
        let upload = temporary()
        var isPlaced = false
        defer {
            if !isPlaced { do { try remote.remove(upload, isFolder: false) } catch { mustTidy = true } }
        }
        let sent = try remote.put(file, size: size, as: upload, makesFolder: false)
        guard sent == digest else { return false }
        guard let came = try remote.item(at: upload), came.stamp.size == size else {
            throw RemoteTrouble(.away, "the server does not have all of a file that it took")
        }
        guard isAsKnown(path, try remote.item(at: path)) else { return false }
        let state = Replica.Lying(
            name: shown.name, dot: shown.version.dot, content: shown.version.content, stamp: came.stamp)
        do throws(RemoteTrouble) {
            try remote.rename(upload, to: path)
        } catch {
            if error.kind == .away { doubtful[path] = state }
            // Some servers give no name to a file that another one has.
            guard error.kind == .refused, lying[path] != nil else { throw error }
            try remote.remove(path, isFolder: false)
            try remote.rename(upload, to: path)
        }
        isPlaced = true
        lies(state, at: path)
        try journal.commit()
        return true
    }
}
