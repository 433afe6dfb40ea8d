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
        // Where it does not come to its end, all of it is looked at again.
        let touched = map.takeTouched()
        unlike.formUnion(touched)
        outside?.formUnion(touched)
        let paths = unlike.sorted()
        if paths.isEmpty { return [] }
        var later: Set<RelativePath> = []
        unplaced = []
        var needs: [Need] = []
        var files: [(path: RelativePath, shown: SharedMap.Shown, digest: Digest)] = []
        var rest: [(path: RelativePath, shown: SharedMap.Shown)] = []
        var gone: [(path: RelativePath, state: Lying)] = []
        var takers: [Digest: Int] = [:]
        for path in paths {
            guard let shown = map.shown(at: path) else {
                isAbsent(path, false)
                if let state = lying[path] { gone.append((path, state)) }
                continue
            }
            let content = shown.version.content
            if let state = lying[path], state.dot == shown.version.dot || state.content == content {
                if state.dot != shown.version.dot || state.name != shown.name {
                    lies(
                        Lying(name: shown.name, dot: shown.version.dot, content: content, stamp: state.stamp), at: path)
                }
                continue
            }
            guard content.kind == .file, let digest = content.digest else {
                isAbsent(path, false)
                rest.append((path, shown))
                continue
            }
            if !isNeeded(path, of: shown.name) {
                isAbsent(path, true)
                continue
            }
            files.append((path, shown, digest))
            takers[digest, default: 0] += 1
        }
        // What is copied from elsewhere in the folder is taken before that goes.
        var staged: [(path: RelativePath, shown: SharedMap.Shown, digest: Digest, staged: String?)] = []
        for (path, shown, digest) in files {
            if brought[digest] != nil {
                staged.append((path, shown, digest, nil))
            } else if let file = try stage(digest, as: shown.version.dot, &takers) {
                staged.append((path, shown, digest, file))
            } else {
                needs.append(Need(content: shown.version.content, like: lying[path]?.content.digest, name: shown.name))
                later.insert(path)
            }
        }
        let walk = try FolderWalk(folder)
        for (path, state) in gone.reversed() where !(try take(path, state, walk)) { later.insert(path) }
        // What is now of another kind makes room for it first.
        for (path, shown) in rest where !(try put(shown, at: path)) { later.insert(path) }
        if !staged.isEmpty {
            let incoming = try File.open(incoming, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "open the folder")
            defer { close(incoming) }
            for (path, shown, digest, file) in staged {
                if try place(file, brought[digest], shown, at: path, walk, incoming) { continue }
                unplaced.insert(digest)
                later.insert(path)
            }
            for (_, _, digest, _) in staged where !unplaced.contains(digest) { forgetBrought(digest) }
        }
        try journal.commit()
        unlike = later
        return needs
    }

    /// Has a file's bytes lie in a file of their own.
    /// - Returns: its name in the folder of what has come; nil where they are not here.
    private func stage(_ digest: Digest, as dot: Dot, _ takers: inout [Digest: Int]) throws -> String? {
        let name = dot.description
        let staged = "\(incoming)/\(name)"
        if hasIncoming, File.status(place(of: digest)) != nil {
            // The last one takes what was brought.
            takers[digest, default: 1] -= 1
            if takers[digest] == 0 {
                try File.move(place(of: digest), to: staged)
            } else {
                unlink(staged)
                try File.copy(place(of: digest), to: staged, mode: 0o600)
            }
            return name
        }
        hasIncoming = true
        return try paths(of: digest).sorted().contains { try copy($0, to: staged) } ? name : nil
    }

    /// Takes away what was brought and has its place, or is no longer wanted, unless something is on its way.
    func clearIncoming() throws {
        if !bringing.isEmpty { return }
        if unplaced.isEmpty { clearBrought() }
        if !hasIncoming { return }
        var isEmpty = true
        for name in try Folder.names(in: incoming) {
            if Digest(hex: name).map(unplaced.contains) ?? false {
                isEmpty = false
            } else {
                File.remove("\(incoming)/\(name)")
            }
        }
        hasIncoming = !isEmpty
    }

    /// Copies a file of the folder, if it is still what it was.
    private func copy(_ path: RelativePath, to target: String) throws -> Bool {
        guard let state = lying[path] else { return false }
        return try folder.lend(path) { source in
            unlink(target)
            guard File.status(source).map(Stamp.init) == state.stamp else { return false }
            do throws(FileFailure) { try File.copy(source, to: target, mode: 0o600) } catch {
                // A program has just moved it, or has put a link into its place.
                if error.path == source, error.isMissing || error.code == ELOOP { return false }
                throw error
            }
            if File.status(source).map(Stamp.init) == state.stamp { return true }
            unlink(target)
            return false
        } ?? false
    }

    /// Takes away what is no longer to be there.
    /// - Returns: false where something else is there by now.
    private func take(_ path: RelativePath, _ state: Lying, _ walk: FolderWalk) throws -> Bool {
        if let folder = try walk.folder(of: path), let info = FolderWalk.status(path.name, in: folder) {
            if state.content.kind == .folder {
                if unlinkat(folder, path.name, AT_REMOVEDIR) != 0 { return false }
            } else if Stamp(info) != state.stamp || !remove(path.name, in: folder, state.stamp) {
                return false
            }
        }
        lies(nil, at: path)
        return true
    }

    /// Takes a file away that is still what it was: what a program puts into its place just then is not lost.
    ///
    /// - Parameter isUnused: only where nobody writes to it.
    /// - Returns: false where something has happened to it: the next scan sees what.
    func remove(_ name: String, in folder: Int32, _ stamp: Stamp, ifUnused isUnused: Bool = false) -> Bool {
        let leaving = "\(incoming)/leaving"
        unlink(leaving)
        // Nobody can open it any more then, and who has it open is found.
        if renameat(folder, name, AT_FDCWD, leaving) != 0 { return false }
        if File.status(leaving).map(Stamp.init) == stamp, !isUnused || isWritten(leaving) == false {
            unlink(leaving)
            return true
        }
        // Where a program has put something there once more, that has taken its place.
        _ = las_rename_new(AT_FDCWD, leaving, folder, name)
        return false
    }

    /// - Returns: nil where that can't be told.
    private func isWritten(_ path: String) -> Bool? {
        let file = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0 { return nil }
        defer { close(file) }
        return [0: false, 1: true][las_is_written(file)]
    }

    /// A folder, or a link.
    /// - Returns: false where something of a program's is there.
    private func put(_ shown: SharedMap.Shown, at path: RelativePath) throws -> Bool {
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
        guard let stamp = stamp ?? nil else { return false }
        implies(path)
        lies(
            Lying(name: shown.name, dot: shown.version.dot, content: shown.version.content, stamp: stamp), at: path)
        return true
    }

    /// Folders that were made above it are there, too.
    private func implies(_ path: RelativePath) {
        var above = path.parent
        while let folder = above, lying[folder] == nil, implied.insert(folder).inserted { above = folder.parent }
    }

    /// A file: it is there whole at once, and what a program put there meanwhile is not lost.
    ///
    /// - Parameters:
    ///   - staged: its name in the folder of what has come, or else `bytes` is what stands in it.
    ///   - incoming: that folder.
    /// - Returns: false where a change of a program's has to be looked at first.
    private func place(
        _ staged: String?, _ bytes: [UInt8]?, _ shown: SharedMap.Shown, at path: RelativePath, _ walk: FolderWalk,
        _ incoming: Int32
    ) throws -> Bool {
        let (content, name) = (shown.version.content, staged ?? shown.version.dot.description)
        let mode = content.mode | 0o400
        let flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC | (staged == nil ? O_CREAT | O_EXCL : 0)
        var file = openat(incoming, name, flags, mode)
        if file < 0, errno == EEXIST {
            unlinkat(incoming, name, 0)
            file = openat(incoming, name, flags, mode)
        }
        if file < 0 { throw FileFailure("write", "\(self.incoming)/\(name)") }
        var isPlaced = false
        defer {
            if file >= 0 { close(file) }
            if !isPlaced, let digest = content.digest, staged != nil {
                rename("\(self.incoming)/\(name)", place(of: digest))
            } else if staged != nil || !isPlaced {
                unlinkat(incoming, name, 0)
            }
        }
        if let bytes, staged == nil { try File.writeAll(bytes, to: file, path: "\(self.incoming)/\(name)") }
        var times = [timespec(tv_sec: 0, tv_nsec: Int(UTIME_NOW_)), timespec()]
        times[1].tv_sec = Int(shown.version.modified / 1_000_000_000)
        times[1].tv_nsec = Int(shown.version.modified % 1_000_000_000)
        futimens(file, times)
        guard var stamp = Stamp(ofOpen: file) else { return false }
        if stamp.mode != mode {
            fchmod(file, mode)
            stamp = Stamp(ofOpen: file) ?? stamp
        }
        // Before programs can write to it.
        let isFresh = isYoung(stamp)
        // A program that is open for writing can't be run.
        close(file)
        file = -1
        let before = lying[path]
        for fresh in [false, true] {
            guard let folder = try walk.folder(of: path, making: true, fresh: fresh) else { return false }
            let last = path.name
            let there = before == nil ? nil : FolderWalk.status(last, in: folder)
            // What a program has put there has to be looked at first.
            if let before, let there, Stamp(there) != before.stamp { break }
            if there == nil {
                if las_rename_new(incoming, name, folder, last) == 0 {
                    isPlaced = true
                } else if errno == ENOENT, !fresh {
                    // The folder was removed since it was opened.
                    continue
                }
                break
            }
            if las_exchange(incoming, name, folder, last) != 0 { break }
            // What lay there is the staged one now.
            if let before, FolderWalk.status(name, in: incoming).map({ Stamp($0) }) == before.stamp {
                isPlaced = true
                unlinkat(incoming, name, 0)
            } else if las_exchange(incoming, name, folder, last) != 0 {
                // A program has moved on what was put there just now: what it had there before is its own, and not what has come.
                if las_rename_new(incoming, name, folder, last) != 0 { unlinkat(incoming, name, 0) }
            }
            break
        }
        if !isPlaced { return false }
        implies(path)
        lies(
            Lying(name: shown.name, dot: shown.version.dot, content: content, stamp: stamp), at: path)
        if isFresh { fresh.insert(path) } else { fresh.remove(path) }
        return true
    }

    // MARK: Bytes

    /// Where a file's bytes are to be put that were asked for: under this name they count as whole.
    package func place(of digest: Digest) -> String { "\(incoming)/\(digest.hex)" }

    /// Opens a file with these bytes, if there is one.
    /// - Returns: a descriptor, which the caller closes; nil where it is not here, or no longer.
    package func open(_ digest: Digest) throws -> Int32? {
        let walk = try FolderWalk(folder)
        for path in paths(of: digest).sorted() {
            guard let state = lying[path], let folder = try walk.folder(of: path) else { continue }
            let file = openat(folder, path.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            if file < 0 { continue }
            if Stamp(ofOpen: file) == state.stamp { return file }
            close(file)
        }
        if !hasIncoming { return nil }
        let brought = Glibc.open(place(of: digest), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        return brought >= 0 ? brought : nil
    }

    /// The bytes of a short file, if there is one.
    func bytes(of digest: Digest, size: Int64) throws -> [UInt8]? {
        if let bytes = recent[digest] ?? brought[digest] { return bytes }
        guard let file = try open(digest) else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(file, $0.baseAddress! + done, $0.count - done, off_t(done))
            }
            if count < 0, errno == EINTR { continue }
            // A file that was cut meanwhile is a new version, which is told.
            if count <= 0 { return nil }
            done += count
        }
        // A program may have written to it just now.
        return Digest(of: bytes) == digest ? bytes : nil
    }

    /// Whether its bytes can be had here just now: a program may have changed the file, which nobody has looked at yet.
    func canGive(_ digest: Digest) throws -> Bool {
        if recent[digest] != nil || brought[digest] != nil { return true }
        guard let file = try open(digest) else { return false }
        close(file)
        return true
    }
}

/// The macro is not there in Swift.
private let UTIME_NOW_ = (1 << 30) - 1
