internal import Files
internal import Glibc
internal import Layers

/// What programs changed in an assembled root, as a layer to lie on top of the ones that it was assembled from.
struct RootDifference {
    let tree: LayeredTree
    let merged: [MergedEntry]
    let root: String
    /// The times of the assembly's last change: what changed later was changed by the programs.
    let assembled: Stamp
    /// Newer times of files become this one.
    let epoch: Int64

    /// A point in the file system's own time.
    struct Stamp: Comparable {
        let seconds: Int, nanoseconds: Int

        static func < (left: Stamp, right: Stamp) -> Bool {
            (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
        }

        fileprivate init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }

        /// Of now, and not of any change that is made after this returns.
        static func take(in folder: String) throws -> Stamp {
            let path = folder + "/stamp"
            try File.create(path, "")
            var information = stat()
            guard lstat(path, &information) == 0 else { throw FileFailure("read", path) }
            // The kernel's clock for files ticks every few milliseconds.
            usleep(20_000)
            return Stamp(information.st_ctim)
        }
    }

    /// Moves what is new or different to `layer`, at the same paths.
    ///
    /// - Parameter losing: told the files that the programs gave special rights, which they do not keep.
    /// - Returns: its entries, `removed` ones too.
    func extract(to layer: String, losing: (RelativePath) -> Void) throws -> [LayerEntry] {
        var known: [RelativePath: MergedEntry] = [:]
        known.reserveCapacity(merged.count)
        for found in merged { known[found.path] = found }
        var entries: [LayerEntry] = []
        var seen: Set<RelativePath> = []
        try walk(nil) { path, information in
            seen.insert(path)
            if hasNewRights(path, information) { losing(path) }
            if let entry = try difference(path, information, known[path]) { entries.append(entry) }
        }
        var lastRemoved: String?
        for found in merged where !seen.contains(found.path) {
            if let lastRemoved, found.path.string.begins(with: lastRemoved + "/") { continue }
            lastRemoved = found.path.string
            entries.append(LayerEntry(path: found.path, kind: .removed, mode: 0, modified: 0))
        }
        for entry in entries { try move(entry, to: layer) }
        return entries
    }

    private func walk(_ folder: RelativePath?, _ body: (RelativePath, stat) throws -> Void) throws {
        let place = root + (folder.map { "/" + $0.string } ?? "")
        for name in try Folder.names(in: place) {
            guard let path = RelativePath((folder.map { $0.string + "/" } ?? "") + name) else { continue }
            let full = root + "/" + path.string
            var information = stat()
            guard lstat(full, &information) == 0 else { throw FileFailure("read", full) }
            try body(path, information)
            guard information.st_mode & S_IFMT == S_IFDIR else { continue }
            if information.st_mode & 0o700 != 0o700 { chmod(full, 0o700) }
            try walk(path, body)
        }
    }

    private func difference(_ path: RelativePath, _ information: stat, _ known: MergedEntry?) throws -> LayerEntry? {
        let full = root + "/" + path.string
        let mode = UInt16(information.st_mode & 0o777)
        let modified = min(max(0, Int64(information.st_mtim.tv_sec)), epoch)
        switch information.st_mode & S_IFMT {
        case S_IFDIR:
            let mode = UInt16(information.st_mode & 0o1777)
            if let known, known.entry.kind == .folder, known.entry.mode | 0o700 == mode,
                try attributes(full, information, known) == known.entry.attributes
            {
                return nil
            }
            return LayerEntry(
                path: path, kind: .folder, mode: mode, modified: PackageUnpacking.folderTime,
                attributes: try attributes(full, information, known))
        case S_IFLNK:
            let target = try Self.target(of: full, size: information.st_size)
            if let known, known.entry.kind == .link(target: target) { return nil }
            return LayerEntry(path: path, kind: .link(target: target), mode: 0o777, modified: modified)
        case S_IFREG:
            if let known, try isSame(full, information, known) { return nil }
            return LayerEntry(
                path: path, kind: .file(size: Int64(information.st_size)), mode: mode, modified: modified,
                attributes: try attributes(full, information, known))
        default: return nil
        }
    }

    /// Those of what was not changed are known.
    private func attributes(
        _ full: String, _ information: stat, _ known: MergedEntry?
    ) throws(FileFailure) -> [FileAttribute] {
        if let known, Stamp(information.st_ctim) <= assembled { return known.entry.attributes }
        return try File.attributes(of: full)
    }

    private func hasNewRights(_ path: RelativePath, _ information: stat) -> Bool {
        information.st_mode & S_IFMT == S_IFREG && Stamp(information.st_ctim) > assembled
            && (information.st_mode & 0o6000 != 0 || File.hasCapabilities("\(root)/\(path)"))
    }

    private func isSame(_ full: String, _ information: stat, _ known: MergedEntry) throws -> Bool {
        switch known.entry.kind {
        case .file, .hardLink: break
        default: return false
        }
        if Stamp(information.st_ctim) <= assembled { return true }
        guard known.entry.mode == UInt16(information.st_mode & 0o777),
            try attributes(full, information, known) == known.entry.attributes
        else { return false }
        let original = tree.layers[known.layer].tree + "/" + known.path.string
        guard let status = File.status(original), status.size == Int64(information.st_size) else { return false }
        if information.st_mode & 0o400 == 0 { chmod(full, information.st_mode & 0o777 | 0o600) }
        return try File.read(original, atMost: .max) == File.read(full, atMost: .max)
    }

    private static func target(of path: String, size: Int) throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count >= 0 else { throw FileFailure("read the link", path) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private func move(_ entry: LayerEntry, to layer: String) throws {
        let source = root + "/" + entry.path.string, target = layer + "/" + entry.path.string
        switch entry.kind {
        case .removed, .hardLink: return
        case .folder: try Folder.make(target)
        case .link(let to):
            try Folder.make(File.parent(of: target))
            guard symlink(to, target) == 0 else { throw FileFailure("write the link", target) }
        case .file:
            try Folder.make(File.parent(of: target))
            guard rename(source, target) == 0 else { throw FileFailure("rename \(source) to", target) }
            guard chmod(target, UInt32(entry.mode) | 0o600) == 0 else { throw FileFailure("write", target) }
        }
    }
}
