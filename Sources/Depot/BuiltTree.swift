internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Layers
internal import Metro

/// What was built into a folder, as entries of a layer: times, owners and special rights are made alike.
struct BuiltTree {
    /// The layer's folder.
    let root: String
    /// Where what was built lies in it: `usr/local`.
    let place: String

    struct Contents {
        var entries: [LayerEntry] = []
        /// Files that do without the rights that they were given.
        var rights = SpecialRights()
    }

    /// Takes away what is not to be kept.
    ///
    /// - Parameter patterns: for paths below the place, of files, or of folders with all that is in them; none for all.
    /// - Returns: the rest, and a pattern that nothing is of.
    func contents(keeping patterns: [String]) throws -> (contents: Contents, unmatched: String?) {
        let contents = try contents()
        let all = contents.entries
        if patterns.isEmpty { return (contents, nil) }
        let globs = patterns.map { Glob($0) }
        var matched: Set<Int> = []
        var wanted: Set<RelativePath> = []
        for entry in all {
            guard let inside = entry.path.string.after(place + "/") else { continue }
            var names = inside.pathNames
            while !names.isEmpty {
                for number in globs.indices where globs[number].matches(names.joined(separator: "/")) {
                    matched.insert(number)
                    wanted.insert(entry.path)
                }
                names.removeLast()
            }
        }
        let unmatched = globs.indices.first { !matched.contains($0) }.map { patterns[$0] }
        if unmatched != nil { return (contents, unmatched) }
        var kept = wanted
        for path in wanted {
            var above = path.parent
            while let folder = above {
                kept.insert(folder)
                above = folder.parent
            }
        }
        // Folders that are there for what was in them alone go too.
        for entry in all.reversed() where !kept.contains(entry.path) {
            if entry.kind == .folder {
                try Folder.remove(root + "/" + entry.path.string)
            } else {
                unlink(root + "/" + entry.path.string)
            }
        }
        return (
            Contents(
                entries: all.filter { kept.contains($0.path) },
                rights: SpecialRights(contents.rights.lost.intersection(kept))), nil
        )
    }

    /// - Returns: the entries of it, and of the folders above it; none where nothing was built.
    /// - Throws: exit code 2 for a name that is not UTF-8.
    func contents() throws -> Contents {
        var contents = Contents()
        try walk(place, &contents)
        if contents.entries.isEmpty { return contents }
        var above = RelativePath(place)
        while let path = above {
            contents.entries.append(
                LayerEntry(path: path, kind: .folder, mode: 0o755, modified: PackageUnpacking.folderTime))
            above = path.parent
        }
        return contents
    }

    private func walk(_ folder: String, _ contents: inout Contents) throws {
        for name in try Folder.names(in: "\(root)/\(folder)") {
            let full = "\(root)/\(folder)/\(name)"
            var information = stat()
            guard let path = RelativePath("\(folder)/\(name)"), lstat(full, &information) == 0 else {
                throw DepotFailure(
                    "a file that was built has a name that is not UTF-8", cause: Shown.whole("\(folder)/\(name)"),
                    fix: "leave it out by “keep”, or remove it at the end of “build”", .usage)
            }
            let mode = UInt16(information.st_mode & 0o755)
            switch information.st_mode & S_IFMT {
            case S_IFDIR:
                chmod(full, 0o755)
                contents.entries.append(entry(path, .folder, mode: 0o755, try File.attributes(of: full)))
                try walk(path.string, &contents)
            case S_IFLNK:
                contents.entries.append(entry(path, .link(target: try Self.target(of: full)), mode: 0o777))
            case S_IFREG:
                if File.hasSpecialRights(full) { contents.rights.lost.insert(path) }
                let times = [timespec(tv_sec: Int(PackageUnpacking.folderTime), tv_nsec: 0)]
                // What its owner may run, everybody may; and all may be read.
                let mode: UInt16 = mode & 0o100 == 0 ? 0o644 : 0o755
                guard chmod(full, UInt32(mode)) == 0,
                    utimensat(AT_FDCWD, full, times + times, AT_SYMLINK_NOFOLLOW) == 0
                else { throw FileFailure("write", full) }
                contents.entries.append(
                    entry(
                        path, .file(size: Int64(information.st_size)), mode: mode, try File.attributes(of: full)))
            default: unlink(full)
            }
        }
    }

    private func entry(
        _ path: RelativePath, _ kind: LayerEntry.Kind, mode: UInt16, _ attributes: [FileAttribute] = []
    ) -> LayerEntry {
        LayerEntry(
            path: path, kind: kind, mode: mode, modified: PackageUnpacking.folderTime, attributes: attributes)
    }

    private static func target(of path: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count >= 0 else { throw FileFailure("read the link", path) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
