internal import CLinux
internal import Digests
package import Files
internal import Glibc

/// What programs did in the folder.
extension Replica {
    package struct Scan: Sendable {
        /// Names of which something is otherwise now.
        package var changed: Set<RelativePath> = []
        /// Whether some file is still being written, and has to be looked at again.
        package var isUnsettled = false
    }

    /// Looks at all files of the folder, and reads those that are otherwise than before.
    ///
    /// - Parameters:
    ///   - settled: what has written there has ended. What is still open for writing is another one's, and left for later in any case.
    ///   - seeing: told of each folder, for who watches them.
    package func scan(settled: Bool, seeing: (String) -> Void = { _ in }) throws -> Scan {
        var scan = Scan()
        var seen: Set<RelativePath> = []
        let view = map.view
        let root = Glibc.open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if root < 0 { throw FileFailure("read the folder", folder.path) }
        try look(into: root, nil, view, settled: settled, &seen, &scan, seeing)
        for (path, state) in lying.sorted(by: { $0.key < $1.key }) where !seen.contains(path) {
            // Where it was moved to its name, in the place of another version, it lies there now.
            let moved = path == state.name ? nil : lying[state.name]?.dot
            map.remove(state.name, state.dot, as: nextDot(), modified: Self.now, sparing: moved)
            lies(nil, at: path)
            changed(state.name, &scan)
        }
        try journal.commit()
        return scan
    }

    private static var now: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    private func changed(_ name: RelativePath, _ scan: inout Scan) {
        record(name)
        scan.changed.insert(name)
    }

    /// - Parameter descriptor: of the folder; it is closed here.
    private func look(
        into descriptor: Int32, _ path: RelativePath?, _ view: [RelativePath: SharedMap.Shown], settled: Bool,
        _ seen: inout Set<RelativePath>, _ scan: inout Scan, _ seeing: (String) -> Void
    ) throws {
        defer { close(descriptor) }
        let place = "/proc/self/fd/\(descriptor)"
        seeing(place)
        for name in try Folder.names(in: place) {
            // A name that is no text, or too long a path, stays here.
            guard let inside = RelativePath(path.map { "\($0)/\(name)" } ?? name),
                let status = File.status("\(place)/\(name)")
            else { continue }
            switch status.kind {
            case .folder:
                seen.insert(inside)
                note(inside, FileContent(kind: .folder), Stamp(status), view, &scan)
                let next = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                if next >= 0 { try look(into: next, inside, view, settled: settled, &seen, &scan, seeing) }
            case .link:
                guard let target = File.target(of: "\(place)/\(name)") else { continue }
                seen.insert(inside)
                note(inside, FileContent(kind: .link, target: target), Stamp(status), view, &scan)
            case .file:
                seen.insert(inside)
                if lying[inside]?.stamp == Stamp(status), lying[inside]?.content.kind == .file { continue }
                guard let (content, stamp) = try read("\(place)/\(name)", settled: settled) else {
                    scan.isUnsettled = true
                    continue
                }
                note(inside, content, stamp, view, &scan)
            case .other: continue
            }
        }
    }

    /// - Returns: nil for a file that is being written, or changed while it was read.
    private func read(_ path: String, settled: Bool) throws -> (FileContent, Stamp)? {
        let file = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0 { return nil }
        defer { close(file) }
        guard let before = File.status("/proc/self/fd/\(file)", follow: true), before.kind == .file else { return nil }
        switch las_is_written(file) {
        case 0: break
        case 1: return nil
        // Where the file system can't tell, time has to.
        default: if !settled, Self.now - Stamp(before).modified < 1_000_000_000 { return nil }
        }
        var hasher = SHA256()
        var chunk = [UInt8](repeating: 0, count: min(1 << 18, max(1, Int(before.size))))
        var size: Int64 = 0
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { break }
            chunk.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            size += Int64(count)
        }
        guard let after = File.status("/proc/self/fd/\(file)", follow: true), Stamp(after) == Stamp(before) else {
            return nil
        }
        let content = FileContent(kind: .file, size: size, digest: hasher.digest(), mode: after.mode)
        return (content, Stamp(after))
    }

    /// Something lies there.
    private func note(
        _ path: RelativePath, _ content: FileContent, _ stamp: Stamp, _ view: [RelativePath: SharedMap.Shown],
        _ scan: inout Scan
    ) {
        let before = lying[path]
        if before?.content == content {
            if before?.stamp != stamp, var state = before {
                state.stamp = stamp
                // Of folders the time changes with all that is made in them: that need not be written down.
                if content.kind == .folder { lying[path] = state } else { lies(state, at: path) }
            }
            return
        }
        if let shown = view[path], shown.version.content == content {
            return lies(Lying(name: shown.name, dot: shown.version.dot, content: content, stamp: stamp), at: path)
        }
        let dot = nextDot()
        if let before, before.name != path {
            // What was kept beside becomes a file of its own.
            map.remove(before.name, before.dot, as: nextDot(), modified: stamp.modified)
            changed(before.name, &scan)
            map.write(path, content, as: dot, modified: stamp.modified, replacing: nil)
        } else {
            map.write(path, content, as: dot, modified: stamp.modified, replacing: before?.dot)
        }
        lies(Lying(name: path, dot: dot, content: content, stamp: stamp), at: path)
        changed(path, &scan)
    }
}
