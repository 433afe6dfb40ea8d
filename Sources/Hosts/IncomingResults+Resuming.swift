internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol

/// What a fetch that was cut off has left is in `.las-results.RUN`, beside where the results are to be.
extension IncomingResults {
    /// Goes on with what an earlier fetch of the same has left.
    init(for destination: String, resuming run: RunID, _ station: String?) throws(HostFailure) {
        let name = ".las-results.\(run)" + (station.map { ".\(Digest(of: $0.utf8).hex.prefix(16))" } ?? "")
        do throws(FileFailure) {
            try Folder.make(destination)
            guard let hold = try FolderHold("\(destination)/\(name)") else {
                // Somebody else is just fetching the same.
                let folder = try Folder.makeTemporary(in: destination, named: ".las-results")
                self.init(for: destination, folder, nil, [:])
                return
            }
            self.init(for: destination, hold.path, hold, try Self.left(in: hold.path))
        } catch { throw HostFailure(error) }
    }

    private static func left(in root: String) throws(FileFailure) -> [String: (size: Int64, hasher: SHA256)] {
        var found: [String: (size: Int64, hasher: SHA256)] = [:]
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try Folder.names(in: folder.isEmpty ? root : "\(root)/\(folder)") {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                switch File.status("\(root)/\(path)")?.kind {
                case .folder: folders.append(path)
                case .file:
                    let (size, hasher) = try hashed("\(root)/\(path)")
                    found[path] = (size, hasher)
                default: continue
                }
            }
        }
        return found
    }

    private static func hashed(_ path: String) throws(FileFailure) -> (Int64, SHA256) {
        let descriptor = try File.open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, action: "read")
        defer { close(descriptor) }
        var (size, hasher) = (Int64(0), SHA256())
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw FileFailure("read", path) }
            if count == 0 { return (size, hasher) }
            hasher.update(buffer[..<count])
            size += Int64(count)
        }
    }

    /// What the host is told of, so that it does not send it again: the largest ones, as many as a request holds.
    var begun: [BegunFile] {
        var room = 512 << 10
        let sorted = left.filter { $0.value.size > 0 }.sorted { ($1.value.size, $0.key) < ($0.value.size, $1.key) }
        return sorted.prefix { path, _ in
            // A character may be written as six.
            room -= 6 * path.utf8.count + 140
            return room > 0
        }.map { BegunFile(path: $0.key, size: $0.value.size, digest: $0.value.hasher.digest()) }
    }

    /// Keeps what has come where the connection was cut, for the next fetch of the same; else takes it away.
    func end(after error: any Error) {
        let isCut = (error as? any Failure)?.exitCode == .unreachable
        if hold == nil || !isCut { return abandon() }
        if let now = current, now.descriptor >= 0 { close(now.descriptor) }
        // What is empty says nothing.
        _ = rmdir(folder)
    }
}

/// A folder that one process at a time works in; made where it is not there. Let go of with the value.
final class FolderHold {
    let path: String
    private let descriptor: Int32

    /// - Returns: nil where somebody else has it.
    init?(_ path: String) throws(FileFailure) {
        self.path = path
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw FileFailure("make the folder", path) }
        descriptor = try File.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, action: "read")
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { return nil }
    }

    /// By name: a child that another thread is just starting holds a copy of the descriptor until its exec.
    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
