internal import CLinux
package import Digests
package import Files
internal import Glibc

/// The folder becomes what the map says.
extension Replica {
    /// A file whose bytes are not here.
    package struct Need: Hashable, Sendable {
        package let content: FileContent
        /// What lies at its place now, most of which it may be.
        package let like: Digest?
        /// What it is told under.
        package let name: RelativePath

        package var digest: Digest { content.digest ?? Digest(of: "") }
    }

    /// Puts everything to its place whose bytes are here. What programs have changed meanwhile is left alone: the next scan sees it.
    ///
    /// - Returns: what is missing, sorted by path: bytes that were here when they were told of, and that a program has changed or
    ///   removed before they had their place. They have to be asked for.
    package func apply() throws -> [Need] {
        let view = map.view
        unplaced = []
        var needs: [Need] = []
        var files: [(path: RelativePath, shown: SharedMap.Shown, staged: String)] = []
        var rest: [(path: RelativePath, shown: SharedMap.Shown)] = []
        var wanted: [(path: RelativePath, shown: SharedMap.Shown, digest: Digest)] = []
        var takers: [Digest: Int] = [:]
        for (path, shown) in view.sorted(by: { $0.key < $1.key }) {
            let content = shown.version.content
            if let state = lying[path], state.dot == shown.version.dot || state.content == content {
                if state.dot != shown.version.dot || state.name != shown.name {
                    lies(
                        Lying(name: shown.name, dot: shown.version.dot, content: content, stamp: state.stamp), at: path)
                }
                continue
            }
            guard content.kind == .file, let digest = content.digest else {
                rest.append((path, shown))
                continue
            }
            wanted.append((path, shown, digest))
            takers[digest, default: 0] += 1
        }
        for (path, shown, digest) in wanted {
            let content = shown.version.content
            let staged = "\(incoming)/\(shown.version.dot)"
            if File.status(place(of: digest)) != nil {
                // The last one takes what was brought.
                takers[digest, default: 1] -= 1
                if takers[digest] == 0 {
                    try File.move(place(of: digest), to: staged)
                } else {
                    try? Folder.remove(staged)
                    try File.copy(place(of: digest), to: staged, mode: 0o600)
                }
                files.append((path, shown, staged))
            } else if try paths(of: digest).contains(where: { try copy($0, to: staged) }) {
                files.append((path, shown, staged))
            } else {
                needs.append(Need(content: content, like: lying[path]?.content.digest, name: shown.name))
            }
        }
        for (path, state) in lying.sorted(by: { $1.key < $0.key }) where view[path] == nil { try take(path, state) }
        // What is now of another kind makes room for it first.
        for (path, shown) in rest { try put(shown, at: path) }
        for (path, shown, staged) in files {
            if !(try place(staged, shown, at: path)), let digest = shown.version.content.digest {
                unplaced.insert(digest)
                rename(staged, place(of: digest))
            }
            unlink(staged)
        }
        try journal.commit()
        return needs
    }

    /// Takes away what was brought and has its place, or is no longer wanted, unless something is on its way.
    func clearIncoming() throws {
        if !bringing.isEmpty { return }
        for name in try Folder.names(in: incoming) where !(Digest(hex: name).map(unplaced.contains) ?? false) {
            File.remove("\(incoming)/\(name)")
        }
    }

    /// Copies a file of the folder, if it is still what it was.
    private func copy(_ path: RelativePath, to target: String) throws -> Bool {
        guard let state = lying[path] else { return false }
        return try folder.lend(path) { source in
            unlink(target)
            guard File.status(source).map(Stamp.init) == state.stamp else { return false }
            try File.copy(source, to: target, mode: 0o600)
            if File.status(source).map(Stamp.init) == state.stamp { return true }
            unlink(target)
            return false
        } ?? false
    }

    /// Takes away what is no longer to be there.
    private func take(_ path: RelativePath, _ state: Lying) throws {
        let isGone = try folder.lend(path) { place in
            guard let status = File.status(place) else { return true }
            if state.content.kind == .folder { return rmdir(place) == 0 }
            if Stamp(status) != state.stamp { return false }
            return unlink(place) == 0
        }
        if isGone ?? true { lies(nil, at: path) }
    }

    /// A folder, or a link.
    private func put(_ shown: SharedMap.Shown, at path: RelativePath) throws {
        let before = lying[path]
        let stamp = try folder.lend(path, making: true) { place -> Stamp? in
            if let status = File.status(place) {
                // Something that is not known here is a program's, and is left.
                guard let before, before.content.kind != .folder, Stamp(status) == before.stamp else {
                    return status.kind == .folder && shown.version.content.kind == .folder ? Stamp(status) : nil
                }
                unlink(place)
            }
            if let target = shown.version.content.target {
                if symlink(target, place) != 0 { return nil }
            } else if mkdir(place, 0o755) != 0 {
                return nil
            }
            return File.status(place).map(Stamp.init)
        }
        guard let stamp = stamp ?? nil else { return }
        lies(
            Lying(name: shown.name, dot: shown.version.dot, content: shown.version.content, stamp: stamp), at: path)
    }

    /// A file: it is there whole at once, and what a program put there meanwhile is not lost.
    ///
    /// - Returns: false where such a change has to be looked at first.
    private func place(_ staged: String, _ shown: SharedMap.Shown, at path: RelativePath) throws -> Bool {
        let before = lying[path]
        chmod(staged, shown.version.content.mode | 0o400)
        var times = [timespec(tv_sec: 0, tv_nsec: Int(UTIME_NOW_)), timespec()]
        times[1].tv_sec = Int(shown.version.modified / 1_000_000_000)
        times[1].tv_nsec = Int(shown.version.modified % 1_000_000_000)
        utimensat(AT_FDCWD, staged, times, 0)
        guard let stamp = File.status(staged).map(Stamp.init) else { return false }
        let isThere = try folder.lend(path, making: true) { place in
            if before == nil || File.status(place) == nil { return las_rename_new(staged, place) == 0 }
            guard las_exchange(staged, place) == 0 else { return false }
            // What lay there is the staged one now.
            if let before, File.status(staged).map(Stamp.init) == before.stamp { return true }
            _ = las_exchange(staged, place)
            return false
        }
        guard isThere ?? false else { return false }
        lies(
            Lying(name: shown.name, dot: shown.version.dot, content: shown.version.content, stamp: stamp), at: path)
        return true
    }

    // MARK: Bytes

    /// Where a file's bytes are to be put that were asked for: under this name they count as whole.
    package func place(of digest: Digest) -> String { "\(incoming)/\(digest.hex)" }

    /// Opens a file with these bytes, if there is one.
    /// - Returns: a descriptor, which the caller closes; nil where it is not here, or no longer.
    package func open(_ digest: Digest) throws -> Int32? {
        for path in paths(of: digest).sorted() {
            guard let state = lying[path] else { continue }
            let file = try folder.lend(path) { place -> Int32? in
                let file = Glibc.open(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                if file < 0 { return nil }
                if File.status("/proc/self/fd/\(file)", follow: true).map(Stamp.init) == state.stamp { return file }
                close(file)
                return nil
            }
            if let file = file ?? nil { return file }
        }
        let brought = Glibc.open(place(of: digest), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        return brought >= 0 ? brought : nil
    }
}

/// The macro is not there in Swift.
private let UTIME_NOW_ = (1 << 30) - 1
