internal import Digests
internal import Files
internal import Glibc
internal import HostProtocol

extension HostService {
    /// - Parameter name: what it is called, where that is not its path.
    func sendFile(_ path: String, below root: String, as name: String? = nil) throws {
        let descriptor = try File.open(root + "/" + path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileFailure("read", path) }
        let size = Int64(info.st_size)
        try channel.send(
            Frame(
                .file,
                json: FileHeader(path: name ?? path, kind: .file, size: size, executable: info.st_mode & 0o100 != 0)))
        var hasher = SHA256()
        var sent: Int64 = 0
        while sent < size {
            let wanted = Int(min(size - sent, Int64(Frame.dataChunk)))
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                repeat { count = read(descriptor, buffer.baseAddress, wanted) } while count < 0 && errno == EINTR
                filled = max(0, count)
            }
            // The header has said how much comes; a file that is shorter now can't be told of in its place.
            if count <= 0 { throw ProtocolFailure.ended(awaited: "the rest of the result \(path)") }
            hasher.update(piece)
            sent += Int64(count)
            try channel.send(Frame(kind: .data, payload: piece))
        }
        try channel.send(Frame(.fileEnd, json: FileEnd(digest: hasher.digest())))
    }
}
