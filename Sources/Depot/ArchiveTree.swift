internal import Digests
internal import Failures
internal import Files
internal import Glibc

/// The files of an archive, written into an empty folder: nobody has checked its entries.
///
/// Links become the files that they lead to. Every file is there to be read, a program also to be run; no other rights,
/// owners or times are kept.
struct ArchiveTree {
    /// What an archive may become at most.
    struct Limits: Sendable {
        var entries = 1_000_000
        let bytes: Int64

        /// - Parameters:
        ///   - size: of the archive.
        ///   - free: of the disk.
        init(ofArchive size: Int64, free: Int64) {
            let most = max(10_000_000_000, size > .max / 250 ? .max : size * 250)
            // A part of the disk is left for what is made of the files.
            bytes = max(0, min(most, free - min(free / 10, 1 << 30)))
        }

        init(entries: Int, bytes: Int64) { (self.entries, self.bytes) = (entries, bytes) }
    }

    /// Why an archive is refused: what is said of it.
    enum Refusal: Error {
        /// Its entry of this name, and what is wrong with it.
        case entry(String, String)
        /// What there is too much of.
        case tooMuch(String)
    }

    struct File: Hashable, Sendable, Codable {
        let path: RelativePath
        let size: Int64
        /// nil in lists of a las that did not write it down.
        var sha256: Digest?
    }

    private enum Kind { case file(size: Int64), folder, link }

    let root: String
    let limits: Limits
    private var kinds: [RelativePath: Kind] = [:]
    private var links: [RelativePath: String] = [:]
    private var bytes: Int64 = 0

    init(root: String, limits: Limits) { (self.root, self.limits) = (root, limits) }

    /// - Returns: all files, sorted.
    static func unpack(
        _ archive: ArchiveFile, into root: String, limits: Limits, progress: (Int64) -> Void
    ) throws -> [File] {
        var tree = ArchiveTree(root: root, limits: limits)
        try archive.read { entry in
            try tree.add(entry)
            progress(entry.position)
        }
        try tree.follow()
        return tree.kinds.compactMap { path, kind in
            if case .file(let size) = kind { File(path: path, size: size) } else { nil }
        }.sorted { $0.path < $1.path }
    }

    private mutating func add(_ entry: borrowing ArchiveFile.Entry) throws {
        let name = entry.name
        guard let path = try relative(name) else { return }
        // What a Mac adds, for itself.
        if path.components.first == "__MACOSX" || path.name == ".DS_Store" { return }
        switch entry.kind {
        case .folder:
            try makeParents(of: path, name)
            if case .folder? = kinds[path] { return }
            try makeFolder(path, name)
        case .file:
            try makeParents(of: path, name)
            try claim(path, name, .file(size: 0))
            if let size = entry.size { try checkRoom(size) }
            kinds[path] = .file(size: try write(entry, to: path))
        case .link(let target):
            try makeParents(of: path, name)
            try claim(path, name, .link)
            links[path] = target
        case .hardLink(let target):
            guard let file = try relative(target), case .file(let size)? = kinds[file] else {
                throw Refusal.entry(
                    name, "is a link to “\(Shown.text(target))”, which is no file of the archive before it")
            }
            try makeParents(of: path, name)
            try place(file, size: size, at: path, name)
        case .other: throw Refusal.entry(name, "is neither a file nor a folder")
        }
    }

    // MARK: Paths

    /// - Returns: nil for the folder that all lies in.
    private func relative(_ name: String) throws(Refusal) -> RelativePath? {
        var bytes = Array(name.utf8)[...]
        if bytes.first == UInt8(ascii: "/") { throw .entry(name, "has an absolute name") }
        while bytes.starts(with: "./".utf8) { bytes = bytes.dropFirst(2).drop { $0 == UInt8(ascii: "/") } }
        while bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
        if bytes.isEmpty || bytes.elementsEqual(".".utf8) { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let path = RelativePath(text), path.components.count <= 64, text.utf8.count <= 1000 else {
            let goesUp = text.pathNames.contains("..")
            throw .entry(
                name, goesUp ? "leaves the folder by “..”" : "has a name that no folder can hold, or a very long one")
        }
        return path
    }

    private func place(of path: RelativePath) -> String { root + "/" + path.string }

    private mutating func makeParents(of path: RelativePath, _ name: String) throws {
        guard let above = path.parent else { return }
        switch kinds[above] {
        case .folder?: return
        case nil:
            try makeParents(of: above, name)
            try makeFolder(above, name)
        case .file?, .link?: throw Refusal.entry(name, "lies below “\(Shown.text(above.string))”, which is no folder")
        }
    }

    private mutating func makeFolder(_ path: RelativePath, _ name: String) throws {
        try claim(path, name, .folder)
        if mkdir(place(of: path), 0o755) != 0 { throw FileFailure("make the folder", place(of: path)) }
    }

    private mutating func claim(_ path: RelativePath, _ name: String, _ kind: Kind) throws(Refusal) {
        if kinds[path] != nil { throw .entry(name, "is in it twice") }
        if kinds.count >= limits.entries { throw .tooMuch("more than \(limits.entries) files and folders") }
        kinds[path] = kind
    }

    // MARK: Contents

    private func checkRoom(_ more: Int64) throws(Refusal) {
        if more > limits.bytes - bytes { throw .tooMuch("more than \(Amounts.bytes(limits.bytes))") }
    }

    private mutating func write(_ entry: borrowing ArchiveFile.Entry, to path: RelativePath) throws -> Int64 {
        let place = place(of: path)
        let descriptor = try Files.File.open(
            place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(descriptor) }
        let size = try entry.read { [self] block, offset in
            try checkRoom(offset + Int64(block.count))
            var done = 0
            while done < block.count {
                let count = pwrite(descriptor, block.baseAddress! + done, block.count - done, off_t(offset) + done)
                if count < 0, errno == EINTR { continue }
                if count < 0 { throw FileFailure("write", place) }
                done += count
            }
        }
        try checkRoom(size)
        if ftruncate(descriptor, off_t(size)) != 0 || fchmod(descriptor, entry.isProgram ? 0o555 : 0o444) != 0 {
            throw FileFailure("write", place)
        }
        bytes += size
        return size
    }

    // MARK: Links

    /// Puts a second name for a file into its place.
    private mutating func place(_ file: RelativePath, size: Int64, at path: RelativePath, _ name: String) throws {
        try claim(path, name, .file(size: size))
        // It is packed as a file of its own.
        try checkRoom(size)
        bytes += size
        if link(place(of: file), place(of: path)) != 0 { throw FileFailure("write", place(of: path)) }
    }

    /// Turns all links into the files that they lead to.
    private mutating func follow() throws {
        var open: Set<RelativePath> = []
        for path in links.keys.sorted() { try follow(path, &open) }
    }

    private mutating func follow(_ path: RelativePath, _ open: inout Set<RelativePath>) throws {
        guard let target = links[path] else { return }
        guard open.insert(path).inserted, open.count <= 64 else {
            throw Refusal.entry(path.string, "is a link that leads back to itself")
        }
        defer { open.remove(path) }
        let shown = "is a link to “\(Shown.text(target))”"
        if target.begins(with: "/") { throw Refusal.entry(path.string, "\(shown), out of the archive") }
        var here = path.parent.map(\.components) ?? []
        for name in target.pathNames where name != "." {
            if name == ".." {
                if here.popLast() == nil { throw Refusal.entry(path.string, "\(shown), out of the archive") }
                continue
            }
            here.append(name)
            // A link on the way is a folder, or a file, once it was followed.
            if let on = RelativePath(here.joined(separator: "/")) { try follow(on, &open) }
        }
        let found = RelativePath(here.joined(separator: "/"))
        links[path] = nil
        kinds[path] = nil
        switch found.flatMap({ kinds[$0] }) {
        case .file(let size)?: try place(found!, size: size, at: path, path.string)
        case .folder?: try copy(found!, to: path, &open)
        case .link?: throw Refusal.entry(path.string, "is a link that leads back to itself")
        case nil:
            throw Refusal.entry(
                path.string,
                here.isEmpty ? "is a link that leads back to what holds it" : "\(shown), which is not in it")
        }
    }

    private mutating func copy(_ folder: RelativePath, to path: RelativePath, _ open: inout Set<RelativePath>) throws {
        let above = folder.string + "/"
        if path.string.begins(with: above) {
            throw Refusal.entry(path.string, "is a link that leads back to what holds it")
        }
        for inside in links.keys.filter({ $0.string.begins(with: above) }).sorted() { try follow(inside, &open) }
        try makeFolder(path, path.string)
        for inside in kinds.keys.filter({ $0.string.begins(with: above) }).sorted() {
            guard let kind = kinds[inside], let rest = inside.string.after(above),
                let target = RelativePath("\(path)/\(rest)")
            else { continue }
            switch kind {
            case .file(let size): try place(inside, size: size, at: target, path.string)
            case .folder: try makeFolder(target, path.string)
            case .link: break
            }
        }
    }
}
