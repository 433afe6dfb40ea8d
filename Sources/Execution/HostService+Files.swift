internal import Digests
internal import Files
internal import Glibc
internal import HostProtocol

extension HostService {
    /// - Parameters:
    ///   - name: what it is called, where that is not its path.
    ///   - begun: what las has of it.
    func sendFile(_ path: String, below root: String, as name: String? = nil, begun: BegunFile? = nil) throws {
        let descriptor = try File.open(root + "/" + path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw FileFailure("read", path) }
        let size = Int64(info.st_size)
        var hasher = SHA256()
        func next(_ count: Int64) throws -> [UInt8] {
            let wanted = Int(min(count, Int64(Frame.dataChunk)))
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
                repeat { count = read(descriptor, buffer.baseAddress, wanted) } while count < 0 && errno == EINTR
                filled = max(0, count)
            }
            // The header says how much comes; a file that is shorter now can't be told of in its place.
            if count <= 0 { throw ProtocolFailure.ended(awaited: "the rest of the result \(path)") }
            hasher.update(piece)
            return piece
        }
        var done: Int64 = 0
        if let begun, begun.size > 0, begun.size <= size {
            while done < begun.size { done += Int64(try next(begun.size - done).count) }
            if hasher.digest() != begun.digest {
                (done, hasher) = (0, SHA256())
                guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw FileFailure("read", path) }
            }
        }
        try channel.send(
            Frame(
                .file,
                json: FileHeader(
                    path: name ?? path, kind: .file, size: size, executable: info.st_mode & 0o100 != 0,
                    from: done > 0 ? done : nil)))
        while done < size {
            let piece = try next(size - done)
            done += Int64(piece.count)
            try channel.send(Frame(kind: .data, payload: piece))
        }
        try channel.send(Frame(.fileEnd, json: FileEnd(digest: hasher.digest())))
    }
}
