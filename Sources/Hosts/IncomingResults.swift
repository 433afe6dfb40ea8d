internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol

/// Results as they come from a host: written into a folder of their own inside the destination, moved when all are whole.
///
/// The host is not trusted: nothing but files and folders is made, below that folder, which holds no links.
struct IncomingResults {
    private let destination: String
    let folder: String
    /// Holds the folder, where it is one that a later fetch goes on with; else nil.
    let hold: FolderHold?
    /// What an earlier fetch has left, by the files' paths: how much, and its digest so far.
    let left: [String: (size: Int64, hasher: SHA256)]
    private var entries: [FetchedFile] = []
    private var taken: Set<RelativePath> = []
    var current: Current?

    struct Current {
        let path: RelativePath
        let header: FileHeader
        /// -1 for a folder.
        let descriptor: Int32
        var hasher = SHA256()
        var size: Int64 = 0
    }

    init(for destination: String) throws(HostFailure) {
        self.destination = destination
        (hold, left) = (nil, [:])
        do throws(FileFailure) { folder = try Folder.makeTemporary(in: destination, named: ".las-results") } catch {
            throw HostFailure(error)
        }
    }

    init(
        for destination: String, _ folder: String, _ hold: FolderHold?, _ left: [String: (size: Int64, hasher: SHA256)]
    ) {
        (self.destination, self.folder, self.hold, self.left) = (destination, folder, hold, left)
    }

    private static func untrusted(_ what: String) -> HostFailure {
        HostFailure(.untrusted, what, fix: "nothing of these results was kept; is this host to be trusted?")
    }

    mutating func begin(_ header: FileHeader) throws(HostFailure) {
        let shown = Shown.whole(header.path)
        guard let path = RelativePath(header.path), !path.string.begins(with: ".") else {
            throw Self.untrusted("the host sends a result with a path that is not allowed: \(shown)")
        }
        guard header.size >= 0, taken.insert(path).inserted else {
            throw Self.untrusted("the host sends the result \(shown) twice, or with an impossible size")
        }
        if let from = header.from, header.kind == .folder || left[path.string]?.size != from || from > header.size {
            throw Self.untrusted("the host leaves out bytes of \(shown) that are not here")
        }
        do throws(FileFailure) {
            let place = "\(folder)/\(path)"
            if header.kind == .folder {
                try Folder.make(place)
                current = Current(path: path, header: header, descriptor: -1)
            } else {
                let mode: mode_t = header.executable ? 0o755 : 0o644
                if let from = header.from, let left = left[path.string] {
                    let descriptor = try File.open(
                        place, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC, action: "write")
                    _ = fchmod(descriptor, mode)
                    current = Current(
                        path: path, header: header, descriptor: descriptor, hasher: left.hasher, size: from)
                    return
                }
                if left[path.string] != nil { File.remove(place) }
                try Folder.make(File.parent(of: place))
                let descriptor = try File.open(
                    place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode: mode, action: "write")
                current = Current(path: path, header: header, descriptor: descriptor)
            }
        } catch {
            if error.code == EEXIST || error.code == ENOTDIR {
                throw Self.untrusted("the host sends \(shown) as a file and as a folder")
            }
            throw HostFailure(error)
        }
    }

    mutating func append(_ bytes: [UInt8]) throws(HostFailure) {
        guard let now = current, now.descriptor >= 0, now.size + Int64(bytes.count) <= now.header.size else {
            throw Self.untrusted("the host sends more of a result than it has announced")
        }
        do throws(FileFailure) {
            try File.writeAll(bytes, to: now.descriptor, path: "\(destination)/\(now.path)")
        } catch {
            throw HostFailure(error)
        }
        current?.hasher.update(bytes)
        current?.size += Int64(bytes.count)
    }

    mutating func end(_ end: FileEnd) throws(HostFailure) {
        guard let now = current else { throw Self.untrusted("the host ends a result that has not begun") }
        current = nil
        defer { if now.descriptor >= 0 { close(now.descriptor) } }
        let shown = Shown.whole(now.path.string)
        if now.descriptor >= 0 {
            guard now.size == now.header.size else {
                throw Self.untrusted("the result \(shown) is cut short: \(now.size) of \(now.header.size) bytes")
            }
            guard end.digest == now.hasher.digest() else {
                throw Self.untrusted("the result \(shown) has not the digest that the host gives")
            }
            guard fsync(now.descriptor) == 0 else {
                throw HostFailure(FileFailure("write", "\(destination)/\(now.path)"))
            }
        }
        entries.append(FetchedFile(path: now.path, size: now.size, isFolder: now.descriptor < 0))
    }

    /// Moves everything to its place, file by file. Nothing is moved where a folder stands in a file's way, or a file in a
    /// folder's: what las has not made is not las's to remove.
    mutating func publish() throws(HostFailure) -> [FetchedFile] {
        let sorted = entries.sorted { $0.path < $1.path }
        for entry in sorted {
            let place = "\(destination)/\(entry.path)"
            guard let before = File.status(place, follow: entry.isFolder) else { continue }
            if (before.kind == .folder) != entry.isFolder {
                let kind = before.kind == .folder ? "folder" : "file"
                throw .usage(
                    "the result \(entry.shown) can't be put into \(destination): a \(kind) of that name is there",
                    fix: "move it away, or choose another folder with --results")
            }
        }
        do throws(FileFailure) {
            for entry in sorted {
                let place = "\(destination)/\(entry.path)"
                if entry.isFolder {
                    try Folder.make(place)
                } else {
                    try Folder.make(File.parent(of: place))
                    try File.rename("\(folder)/\(entry.path)", to: place)
                }
            }
        } catch { throw HostFailure(error) }
        abandon()
        return sorted
    }

    /// Takes away what is not in its place.
    func abandon() {
        if let now = current, now.descriptor >= 0 { close(now.descriptor) }
        try? Folder.remove(folder)
    }
}
