internal import Files
internal import Glibc
internal import Layers

/// Writes a layer's tree from entries that nobody has checked, and keeps count of them.
struct TreeWriter {
    let root: String
    /// For errors: the package file.
    let place: String
    /// Names at the root that are links into `usr`.
    let links: [String]
    private var entries: [RelativePath: LayerEntry] = [:]
    /// Files that have lost setuid or setgid.
    private(set) var special: [RelativePath] = []

    init(root: String, place: String, links: [String]) { (self.root, self.place, self.links) = (root, place, links) }

    /// - Returns: the entry's name as dpkg lists it; nil for what is left out.
    mutating func add(_ entry: borrowing DebFile.Entry) throws -> String? {
        guard let original = try relative(entry.name) else { return "/." }
        let listed = "/" + original.string
        if links.contains(original.string), case .link = entry.kind { return listed }
        guard let path = moved(original) else { throw DebFile.hostile(place, "\(original) is too long a path") }
        try makeParents(of: path)
        let mode = entry.mode & 0o777
        switch entry.kind {
        case .folder:
            let sticky = entry.mode & 0o1000
            if entries[path]?.kind != .folder { try makeFolder(path) }
            entries[path] = LayerEntry(
                path: path, kind: .folder, mode: mode | sticky, modified: PackageUnpacking.folderTime)
        case .file:
            let descriptor = try create(path)
            defer { close(descriptor) }
            try entry.write(to: descriptor)
            try finish(descriptor, path, mode: mode, modified: entry.modified)
            if entry.mode & 0o6000 != 0 { special.append(path) }
        case .link(let target):
            try claim(path)
            guard symlink(target, root + "/" + path.string) == 0 else {
                throw FileFailure("write the link", root + "/" + path.string)
            }
            entries[path] = LayerEntry(
                path: path, kind: .link(target: target), mode: 0o777, modified: max(0, entry.modified))
        case .hardLink(let name):
            guard let target = try relative(name).flatMap(moved), let file = entries[target], case .file = file.kind,
                target != path
            else { throw DebFile.hostile(place, "the hard link \(path) leads to no file of the package") }
            try claim(path)
            guard link(root + "/" + target.string, root + "/" + path.string) == 0 else {
                throw FileFailure("write the hard link", root + "/" + path.string)
            }
            entries[path] = LayerEntry(
                path: path, kind: .hardLink(to: target), mode: file.mode, modified: file.modified)
        case .other: return nil
        }
        return listed
    }

    /// A file of our own making.
    mutating func add(_ name: String, _ contents: [UInt8], mode: UInt16, modified: Int64) throws {
        guard let path = RelativePath(name) else { throw DebFile.hostile(place, "\(name) is not a path") }
        try makeParents(of: path)
        let descriptor = try create(path)
        defer { close(descriptor) }
        try File.writeAll(contents, to: descriptor, path: root + "/" + name)
        try finish(descriptor, path, mode: mode, modified: modified)
    }

    /// All entries; of hard links to one file, the first in path order is the file.
    func finished() -> [LayerEntry] {
        var names: [RelativePath: [RelativePath]] = [:]
        for entry in entries.values {
            if case .hardLink(let file) = entry.kind { names[file, default: [file]].append(entry.path) }
        }
        var finished = entries
        for (file, all) in names {
            guard let first = all.min(), let whole = entries[file] else { continue }
            for path in all {
                finished[path] = LayerEntry(
                    path: path, kind: path == first ? whole.kind : .hardLink(to: first), mode: whole.mode,
                    modified: whole.modified)
            }
        }
        return Array(finished.values)
    }

    // MARK: Paths

    /// - Returns: nil for the root itself.
    private func relative(_ name: String) throws(DepotFailure) -> RelativePath? {
        var bytes = Array(name.utf8)[...]
        while bytes.starts(with: "./".utf8) { bytes = bytes.dropFirst(2) }
        while bytes.first == UInt8(ascii: "/") { bytes = bytes.dropFirst() }
        while bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
        if bytes.isEmpty || bytes.elementsEqual(".".utf8) { return nil }
        guard let path = RelativePath(String(decoding: bytes, as: UTF8.self)) else {
            throw DebFile.hostile(place, "\(name) is not a path inside the package")
        }
        return path
    }

    /// Where a path lies once the links that every root file system has are followed.
    private func moved(_ path: RelativePath) -> RelativePath? {
        let components = path.components
        guard let first = components.first else { return path }
        if links.contains(first) { return RelativePath("usr/" + path.string) }
        guard first == "var", components.count > 2 else { return path }
        if components[1] == "run" { return RelativePath("run/" + components[2...].joined(separator: "/")) }
        if components[1] == "lock" { return RelativePath("run/lock/" + components[2...].joined(separator: "/")) }
        return path
    }

    // MARK: Writing

    /// Every folder above must be a folder of this very tree: nothing is written through a link.
    private mutating func makeParents(of path: RelativePath) throws {
        guard let above = path.parent else { return }
        if let entry = entries[above] {
            guard entry.kind == .folder else {
                throw DebFile.hostile(place, "\(path) lies below \(above), which is no folder")
            }
            return
        }
        try makeParents(of: above)
        try makeFolder(above)
        entries[above] = LayerEntry(path: above, kind: .folder, mode: 0o755, modified: PackageUnpacking.folderTime)
    }

    private mutating func makeFolder(_ path: RelativePath) throws {
        try claim(path)
        guard mkdir(root + "/" + path.string, 0o755) == 0 else {
            throw FileFailure("make the folder", root + "/" + path.string)
        }
    }

    private mutating func create(_ path: RelativePath) throws -> Int32 {
        try claim(path)
        return try File.open(
            root + "/" + path.string, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode: 0o600, action: "write"
        )
    }

    private func claim(_ path: RelativePath) throws(DepotFailure) {
        if entries[path] != nil { throw DebFile.hostile(place, "\(path) is in it twice") }
    }

    private mutating func finish(_ descriptor: Int32, _ path: RelativePath, mode: UInt16, modified: Int64) throws {
        let full = root + "/" + path.string
        var information = stat()
        var times = [
            timespec(tv_sec: Int(max(0, modified)), tv_nsec: 0), timespec(tv_sec: Int(max(0, modified)), tv_nsec: 0),
        ]
        guard fstat(descriptor, &information) == 0, fchmod(descriptor, UInt32(mode) | 0o600) == 0,
            futimens(descriptor, &times) == 0
        else { throw FileFailure("write", full) }
        entries[path] = LayerEntry(
            path: path, kind: .file(size: Int64(information.st_size)), mode: mode, modified: max(0, modified))
    }
}
