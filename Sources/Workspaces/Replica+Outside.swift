internal import Digests
internal import Files
internal import Glibc

/// What was found at a place that runs nothing of las, and how it comes to count.
extension Replica {
    /// Something that is there, or is gone from there.
    struct Found {
        let path: RelativePath
        /// nil where nothing is there any more.
        let content: FileContent?
        let stamp: Stamp
        /// What las last saw there, or had put there.
        let before: Lying?
        /// A file of this machine with its bytes, which goes.
        let staged: String?
    }

    /// All that was found counts as written there by who had seen what las knew to lie there, and nothing else.
    ///
    /// - Parameters:
    ///   - host: what the place is called.
    ///   - isFirst: what lies there when a run begins has taken the place of what the metro brings.
    ///   - next: the number of the next version written there.
    ///   - lies: what counts as lying at a path there.
    /// - Returns: the names of which something is otherwise now, and what lies there for what.
    func enter(
        _ found: [Found], by host: String, isFirst: Bool, next: inout UInt64, lies: (RelativePath) -> Lying?
    ) throws -> (changed: Set<RelativePath>, lying: [RelativePath: Lying?]) {
        var changed: Set<RelativePath> = []
        var lying: [RelativePath: Lying?] = [:]
        func dot() -> Dot {
            defer { next += 1 }
            return Dot(host, next)
        }
        func isOtherwise(_ name: RelativePath) {
            record(name)
            changed.insert(name)
        }
        for one in found {
            guard let content = one.content else {
                guard let before = one.before else { continue }
                let moved = one.path == before.name ? nil : lies(before.name)?.dot
                map.remove(before.name, before.dot, as: dot(), modified: Self.now, sparing: moved)
                lying[one.path] = .some(nil)
                isOtherwise(before.name)
                continue
            }
            defer { if let staged = one.staged { File.remove(staged) } }
            if let before = one.before, before.content == content {
                lying[one.path] = Lying(name: before.name, dot: before.dot, content: content, stamp: one.stamp)
                continue
            }
            if let shown = map.shown(at: one.path), shown.version.content == content {
                lying[one.path] = Lying(name: shown.name, dot: shown.version.dot, content: content, stamp: one.stamp)
                continue
            }
            if let staged = one.staged, let digest = content.digest, !has(digest) {
                hasIncoming = true
                try File.move(staged, to: place(of: digest))
            }
            let own = dot()
            let modified = content.kind == .file ? one.stamp.modified : Self.now
            var replaced = one.before?.dot
            if let before = one.before, before.name != one.path {
                map.remove(before.name, before.dot, as: dot(), modified: modified)
                isOtherwise(before.name)
                replaced = nil
            } else if isFirst, one.before == nil {
                replaced = map.entries[one.path]?.versions.first { $0.dot.host == Self.first }?.dot
            }
            map.write(one.path, content, as: own, modified: modified, replacing: replaced)
            lying[one.path] = Lying(name: one.path, dot: own, content: content, stamp: one.stamp)
            isOtherwise(one.path)
        }
        try journal.commit()
        return (changed, lying)
    }

    /// The rights of a file that comes from where nobody keeps them.
    func mode(at path: RelativePath, _ before: Lying?) -> UInt32 {
        if let before, before.content.kind == .file { return before.content.mode }
        if let shown = map.shown(at: path)?.version.content, shown.kind == .file { return shown.mode }
        return 0o644
    }
}
