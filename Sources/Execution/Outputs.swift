internal import Digests
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan

/// What a task made, checked and put under its name as one.
struct Outputs: Sendable {
    /// Everything below the task's folder in `made`, sorted.
    let entries: [MadeEntry]

    var made: [MadeFile] { entries.map(\.made) }
    var files: [RunEvent.File] { entries.map(\.file) }
    /// All of it, names included.
    var digest: Digest { MadeEntry.digest(of: entries) }

    /// Why outputs are not accepted: the reason that the task failed.
    struct Refused: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// Moves the outputs from the work folder to `target`, which appears whole or not at all.
    ///
    /// - Parameters:
    ///   - staging: a folder that is not there yet, on the same file system.
    static func settle(_ task: PlannedTask, from work: String, staging: String, to target: String) throws -> Outputs {
        try Folder.make(staging)
        for output in task.outputs {
            guard let path = RelativePath(output.path) else {
                throw Refused("its output “\(output.path)” is no path inside /task")
            }
            try move(path, isFolder: output.isFolder, from: work, to: staging)
        }
        let outputs = try look(at: staging)
        try publish(staging, as: target)
        return outputs
    }

    /// Everything below a folder, read and checked.
    static func look(at folder: String) throws -> Outputs {
        var walk = Walk(root: folder)
        try walk.enter("")
        return Outputs(entries: walk.entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) })
    }

    static func publish(_ staging: String, as target: String) throws {
        if rename(staging, target) == 0 { return }
        try Folder.make(File.parent(of: target))
        // What an earlier attempt left, if any: never anything that is recorded as done.
        try Folder.remove(target)
        try File.move(staging, to: target)
    }

    private static func move(_ path: RelativePath, isFolder: Bool, from work: String, to staging: String) throws {
        let source = work + "/" + path.string
        // No component on the way may be a link: the output would be somewhere else.
        var above = work
        for component in path.components.dropLast() {
            above += "/" + component
            if let status = File.status(above), status.kind == .link {
                throw Refused("“\(component)”, the folder of its output \(path), is a link")
            }
        }
        guard let status = File.status(source) else { throw Refused("it did not make \(path)\(isFolder ? "/" : "")") }
        if isFolder, status.kind != .folder { throw Refused("its output \(path) is to be a folder, and is none") }
        if !isFolder, status.kind == .folder {
            throw Refused("its output \(path) is a folder; the metro has to say so: \(path)/")
        }
        let place = staging + "/" + path.string
        if path.components.count > 1 { try Folder.make(File.parent(of: place)) }
        if rename(source, place) != 0 { throw FileFailure("take the output", path.string) }
    }

    /// Looks at every file once: what it is, its digest, its rights.
    private struct Walk {
        let root: String
        var entries: [MadeEntry] = []

        mutating func enter(_ path: String) throws {
            let folder = path.isEmpty ? root : root + "/" + path
            for name in try Folder.names(in: folder) {
                try look(at: path.isEmpty ? name : path + "/" + name)
            }
        }

        private mutating func look(at path: String) throws {
            let place = root + "/" + path
            guard RelativePath(path) != nil, let status = File.status(place) else {
                throw Refused("the name of one of its outputs can't be kept")
            }
            switch status.kind {
            case .folder:
                chmod(place, status.mode & 0o777 | 0o700)
                entries.append(MadeEntry(path: path, kind: .folder))
                try enter(path)
            case .file:
                // Never setuid or setgid: the files are the runtime's user's, maybe root's.
                chmod(place, status.mode & 0o777 | 0o400)
                entries.append(
                    MadeEntry(
                        path: path, kind: .file, size: status.size, digest: try digest(of: place),
                        isProgram: status.mode & 0o111 != 0))
            case .link:
                guard let target = File.target(of: place), let end = resolved(path),
                    let found = File.status(root + "/" + end, follow: true)
                else {
                    throw Refused(
                        "its output \(path) is a link that leads out of what it made; copy the file instead (cp -L)")
                }
                entries.append(
                    MadeEntry(
                        path: path, kind: .link, target: target, leadsToFolder: found.kind == .folder ? true : nil))
            case .other:
                throw Refused("its output \(path) is neither a file nor a folder")
            }
        }

        /// Where a link leads, as a path below the root, by names alone; links on the way are not followed.
        private func resolved(_ path: String, depth: Int = 0) -> String? {
            guard depth < 16, let target = File.target(of: root + "/" + path), !target.begins(with: "/") else {
                return nil
            }
            var components = Array(path.pathNames.dropLast())
            for component in target.pathNames where component != "." {
                if component == ".." {
                    if components.popLast() == nil { return nil }
                } else {
                    components.append(component)
                    let here = components.joined(separator: "/")
                    if File.status(root + "/" + here)?.kind == .link {
                        guard let next = resolved(here, depth: depth + 1) else { return nil }
                        components = next.pathNames
                    }
                }
            }
            return components.isEmpty ? nil : components.joined(separator: "/")
        }

        private func digest(of path: String) throws -> Digest {
            try FileDigest.digest(of: path)
        }
    }
}

enum FileDigest {
    /// SHA-256 of a file's bytes, links not followed.
    static func digest(of path: String) throws(FileFailure) -> Digest {
        let descriptor = try File.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(descriptor) }
        // Most outputs of most tasks are small, and so much memory is given anew by the system each time.
        if let small = try small(descriptor, path) { return small }
        var hasher = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { buffer.deallocate() }
        lseek(descriptor, 0, SEEK_SET)
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        return hasher.digest()
    }

    /// - Returns: nil for a file of more than a few kilobytes.
    private static func small(_ descriptor: Int32, _ path: String) throws(FileFailure) -> Digest? {
        var (digest, failed): (Digest?, Bool) = (nil, false)
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 64) { buffer in
            var length = 0
            while length < buffer.count {
                let count = read(descriptor, buffer.baseAddress?.advanced(by: length), buffer.count - length)
                if count < 0, errno == EINTR { continue }
                if count < 0 { failed = true }
                if count == 0 { digest = Digest(of: UnsafeRawBufferPointer(rebasing: buffer[..<length])) }
                if count <= 0 { return }
                length += count
            }
        }
        if failed { throw FileFailure("read", path) }
        return digest
    }
}
