internal import CLinux
internal import Digests
package import Files
internal import Glibc

/// What programs did in the folder.
extension Replica {
    package struct Scan: Sendable {
        /// Names of which something is otherwise now.
        package var changed: Set<RelativePath> = []
        /// Files that are still being written, or can't be read, and have to be looked at again.
        package var unsettled: Set<RelativePath> = []
        /// Files that were written so short a time ago that what is written next might bear the same time.
        package var young: Set<RelativePath> = []
        /// Whether something has to be looked at again.
        package var isUnsettled: Bool { !unsettled.isEmpty || !young.isEmpty }
    }

    /// A look at the folder while it goes on.
    private struct Look {
        let settled: Bool
        let seeing: (String, RelativePath?) -> Void
        var scan = Scan()
        var seen: Set<RelativePath> = []
        /// Folders of which all that they held has been looked at, and is gone where it was not seen.
        var covered: Set<RelativePath> = []
        /// Folders that can't be read: nobody knows what they hold.
        var unreadable: Set<RelativePath> = []
        var missing: Set<RelativePath> = []
    }

    /// Looks at the files of the folder, and reads those that are otherwise than before.
    ///
    /// - Parameters:
    ///   - settled: what has written there has ended. What is still open for writing is another one's, and left for later in any case.
    ///   - paths: where something has happened, folders with all that they hold; nil for everywhere.
    ///   - seeing: told of each folder that is looked into, for who watches them: a path by which it is reached, and where it lies.
    package func scan(
        settled: Bool, only paths: Set<RelativePath>? = nil, seeing: (String, RelativePath?) -> Void = { _, _ in }
    ) throws -> Scan {
        try withoutActuallyEscaping(seeing) { seeing in
            var look = Look(settled: settled, seeing: seeing)
            let walk = try FolderWalk(folder)
            if let paths {
                for path in paths.sorted() where !look.seen.contains(path) { try self.look(at: path, walk, &look) }
            } else {
                let root = fcntl(walk.root, F_DUPFD_CLOEXEC, 0)
                if root < 0 { throw FileFailure("read the folder", folder.path) }
                try self.look(into: root, nil, &look)
                implied = []
            }
            if paths == nil || !look.covered.isEmpty {
                for path in lying.keys where !look.seen.contains(path) {
                    if isBelow(path, look.unreadable) || paths != nil && !isBelow(path, look.covered) { continue }
                    look.missing.insert(path)
                }
            }
            for path in look.missing.sorted() {
                guard let state = lying[path] else { continue }
                // Where it was moved to its name, in the place of another version, it lies there now.
                let moved = path == state.name ? nil : lying[state.name]?.dot
                map.remove(state.name, state.dot, as: nextDot(), modified: Self.now, sparing: moved)
                lies(nil, at: path)
                changed(state.name, &look)
            }
            try journal.commit()
            return look.scan
        }
    }

    private func isBelow(_ path: RelativePath, _ folders: Set<RelativePath>) -> Bool {
        if folders.isEmpty { return false }
        var above = path.parent
        while let folder = above {
            if folders.contains(folder) { return true }
            above = folder.parent
        }
        return false
    }

    /// Nanoseconds after which what is written bears another time: the clock of files goes by steps.
    static let clockStep: Int64 = {
        var step = timespec()
        if clock_getres(CLOCK_REALTIME_COARSE, &step) != 0 { return 10_000_000 }
        return min(Int64(step.tv_nsec), 100_000_000) + 1_000_000
    }()

    func isYoung(_ stamp: Stamp) -> Bool { (0..<Self.clockStep).contains(Self.now - stamp.modified) }

    static var now: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    private func changed(_ name: RelativePath, _ look: inout Look) {
        record(name)
        look.scan.changed.insert(name)
    }

    /// Looks at one file, or at all that a folder holds.
    private func look(at path: RelativePath, _ walk: FolderWalk, _ look: inout Look) throws {
        let wasFolder = lying[path]?.content.kind == .folder || implied.contains(path)
        if wasFolder { look.covered.insert(path) }
        guard let folder = try walk.folder(of: path), let info = FolderWalk.status(path.name, in: folder) else {
            if lying[path] != nil { look.missing.insert(path) }
            return
        }
        try self.look(at: path, path.name, in: folder, info, &look)
        if !look.seen.contains(path), lying[path] != nil { look.missing.insert(path) }
    }

    /// - Parameter descriptor: of the folder; it is closed here.
    private func look(into descriptor: Int32, _ path: RelativePath?, _ look: inout Look) throws {
        // Watched first: what happens while it is read is told.
        look.seeing("/proc/self/fd/\(descriptor)", path)
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            throw FileFailure("read the folder", path.map { "\(folder.path)/\($0)" } ?? folder.path)
        }
        defer { closedir(stream) }
        // One that was read before is read from its beginning.
        rewinddir(stream)
        var others: [(name: String, path: RelativePath, info: stat)] = []
        while let entry = readdir(stream) {
            let text = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                String(validating: name.prefix { $0 != 0 }, as: UTF8.self)
            }
            // A name that is no text, or too long a path, stays here.
            guard let name = text, name != ".", name != "..", let inside = RelativePath(name, in: path),
                let info = FolderWalk.status(name, in: descriptor)
            else { continue }
            if isKnown(inside, info) { look.seen.insert(inside) } else { others.append((name, inside, info)) }
        }
        for (name, inside, info) in others.sorted(by: { $0.path < $1.path }) {
            try self.look(at: inside, name, in: descriptor, info, &look)
        }
    }

    /// Whether it is a file that is as it was.
    private func isKnown(_ path: RelativePath, _ info: stat) -> Bool {
        guard info.st_mode & S_IFMT == S_IFREG, let state = lying[path] else { return false }
        return state.stamp == Stamp(info) && state.content.kind == .file && !fresh.contains(path)
    }

    private func look(
        at inside: RelativePath, _ name: String, in folder: Int32, _ info: stat, _ look: inout Look
    ) throws {
        switch info.st_mode & S_IFMT {
        case S_IFDIR:
            look.seen.insert(inside)
            note(inside, FileContent(kind: .folder), Stamp(info), &look)
            let next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if next >= 0 {
                try self.look(into: next, inside, &look)
            } else if errno != ENOENT, errno != ENOTDIR, errno != ELOOP {
                look.unreadable.insert(inside)
                look.scan.unsettled.insert(inside)
            }
        case S_IFLNK:
            guard let target = Self.target(of: name, in: folder) else { return }
            look.seen.insert(inside)
            note(inside, FileContent(kind: .link, target: target), Stamp(info), &look)
        case S_IFREG:
            look.seen.insert(inside)
            if isKnown(inside, info) { return }
            if isYoung(Stamp(info)), !look.settled {
                look.scan.young.insert(inside)
                return
            }
            let begun = Self.now
            guard let (content, stamp) = try read(name, in: folder, inside, settled: look.settled) else {
                look.scan.unsettled.insert(inside)
                return
            }
            note(inside, content, stamp, &look)
            // A program may have written it again since it was found here: how old it was when it was read counts.
            let isFresh = stamp.modified > begun - Self.clockStep && stamp.modified <= Self.now
            if isFresh { fresh.insert(inside) } else { fresh.remove(inside) }
        default: return
        }
    }

    private static func target(of link: String, in folder: Int32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            let count = readlinkat(folder, link, buffer.baseAddress!, buffer.count)
            guard count > 0, count < buffer.count else { return nil }
            return String(
                validating: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]), as: UTF8.self)
        }
    }

    /// - Returns: nil for a file that is being written, or changed while it was read.
    private func read(
        _ name: String, in folder: Int32, _ path: RelativePath, settled: Bool
    ) throws -> (FileContent, Stamp)? {
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0 { return nil }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        let before = Stamp(info)
        switch las_is_written(file) {
        case 0: break
        case 1: return nil
        // Where the file system can't tell, time has to.
        default: if !settled, Self.now - before.modified < 1_000_000_000 { return nil }
        }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: min(1 << 18, Int(before.size) + 1))
        var size: Int64 = 0
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", "\(self.folder.path)/\(path)") }
            if count == 0 { break }
            chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            size += Int64(count)
            // A short one is read at once.
            if size == before.size, count < chunk.count { break }
        }
        guard let after = Stamp(ofOpen: file), after == before, size == before.size else { return nil }
        let digest = hasher.digest()
        if size < chunk.count, size <= ShareMessage.mostWithNews {
            chunk.removeLast(chunk.count - Int(size))
            recent.keep(chunk, digest)
        }
        return (FileContent(kind: .file, size: size, digest: digest, mode: after.mode), after)
    }

    /// Something lies there.
    private func note(_ path: RelativePath, _ content: FileContent, _ stamp: Stamp, _ look: inout Look) {
        let before = lying[path]
        if before?.content == content {
            if before?.stamp != stamp, var state = before {
                state.stamp = stamp
                // Of folders the time changes with all that is made in them: that need not be written down.
                if content.kind == .folder { lying[path] = state } else { lies(state, at: path) }
            }
            return
        }
        if let shown = map.shown(at: path), shown.version.content == content {
            return lies(Lying(name: shown.name, dot: shown.version.dot, content: content, stamp: stamp), at: path)
        }
        let dot = nextDot()
        if let before, before.name != path {
            // What was kept beside becomes a file of its own.
            map.remove(before.name, before.dot, as: nextDot(), modified: stamp.modified)
            changed(before.name, &look)
            map.write(path, content, as: dot, modified: stamp.modified, replacing: nil)
        } else {
            map.write(path, content, as: dot, modified: stamp.modified, replacing: before?.dot)
        }
        lies(Lying(name: path, dot: dot, content: content, stamp: stamp), at: path)
        changed(path, &look)
    }
}
