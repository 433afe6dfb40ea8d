internal import Digests
internal import Files
internal import Glibc

/// An open file, read at offsets by any thread.
package final class OpenFile: Sendable {
    let path: String
    package let descriptor: Int32
    let size: Int64

    init(_ path: String) throws(PartFailure) {
        do throws(FileFailure) {
            descriptor = try File.open(path, O_RDONLY | O_CLOEXEC, action: "read")
        } catch { throw PartFailure(error) }
        self.path = path
        var info = stat()
        guard fstat(descriptor, &info) == 0 else {
            let failure = FileFailure("read", path)
            close(descriptor)
            throw PartFailure(failure)
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw PartFailure(FileFailure("read", path, code: info.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL))
        }
        size = Int64(info.st_size)
    }

    deinit { close(descriptor) }

    /// Exactly `count` bytes; an end before them is damage.
    package func read(at offset: Int64, count: Int) throws(PartFailure) -> [UInt8] {
        try PartReader(self, offset: offset, size: Int64(count)).read(at: 0, count: count)
    }

    static func read(_ descriptor: Int32, at offset: Int64, count: Int, path: String) throws(PartFailure) -> [UInt8] {
        var failure: PartFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(PartFailure) {
                try fill(UnsafeMutableRawBufferPointer(buffer), from: descriptor, at: offset, path: path)
                filled = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    func digest(at offset: Int64, count: Int64) throws(PartFailure) -> Digest {
        var hasher = SHA256()
        try inPieces(at: offset, count: count) { hasher.update($0) }
        return hasher.digest()
    }

    /// - Returns: the offset of the first byte in the range that is not 0.
    func firstNonZero(at offset: Int64, count: Int64) throws(PartFailure) -> Int64? {
        var found: Int64?
        var position = offset
        try inPieces(at: offset, count: count) { piece in
            if found == nil, let index = piece.firstIndex(where: { $0 != 0 }) { found = position + Int64(index) }
            position += Int64(piece.count)
        }
        return found
    }

    private func inPieces(at offset: Int64, count: Int64, _ body: (UnsafeRawBufferPointer) -> Void) throws(PartFailure)
    {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(min(max(count, 1), 256 << 10)), alignment: 64)
        defer { piece.deallocate() }
        var done: Int64 = 0
        while done < count {
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<Int(min(Int64(piece.count), count - done))])
            try fill(part, at: offset + done)
            body(UnsafeRawBufferPointer(part))
            done += Int64(part.count)
        }
    }

    func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(PartFailure) {
        try Self.fill(buffer, from: descriptor, at: offset, path: path)
    }

    static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int64, path: String
    ) throws(PartFailure) {
        let count: Int
        do throws(FileFailure) { count = try File.readAll(buffer, at: offset, from: descriptor, path: path) } catch {
            throw PartFailure(error)
        }
        guard count == buffer.count else {
            throw .damaged("the file is cut short: it ends before byte \(offset + Int64(buffer.count))", in: path)
        }
    }
}
