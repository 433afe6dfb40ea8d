internal import Digests
internal import Files
internal import Glibc

/// A part's bytes, wherever they lie: a file of the store, or a slice of a bundle. The file stays open as long as this lives.
package final class PartReader: Sendable {
    package let path: String
    /// Where the part begins in the file.
    package let offset: Int64
    package let size: Int64
    let file: OpenFile

    init(_ file: OpenFile, offset: Int64, size: Int64) {
        (self.file, self.path, self.offset, self.size) = (file, file.path, offset, size)
    }

    /// - Returns: `count` bytes at `position` of the part, fewer only at its end.
    package func read(at position: Int64, count: Int) throws(PartFailure) -> [UInt8] {
        let wanted = min(Int64(count), max(0, size - position))
        guard position >= 0, wanted > 0 else { return [] }
        return try file.read(at: offset + position, count: Int(wanted))
    }

    /// Copies the part to an open file, sharing its blocks where the file system can.
    /// - Parameter target: the path that an error tells.
    package func copy(to descriptor: Int32, at position: Int64, named target: String) throws(PartFailure) {
        do throws(FileFailure) {
            try File.copyRange(
                size, from: file.descriptor, at: offset, named: path, to: descriptor, at: position, named: target)
        } catch { throw PartFailure(error) }
    }

    /// Hashes every extent.
    /// - Parameters:
    ///   - name: what to call the part in an error: "the environment “base”".
    ///   - progress: told how many bytes more were hashed.
    package func verify(_ extents: ExtentList, named name: String, progress: (Int64) -> Void = { _ in })
        throws(PartFailure)
    {
        guard extents.size == size else {
            throw .damaged("\(name) has \(size) bytes, but must have \(extents.size)", in: path)
        }
        var position = offset
        for (number, extent) in extents.extents.enumerated() {
            guard try file.digest(at: position, count: extent.length) == extent.digest else {
                throw .damaged(
                    "\(name) was changed: extent \(number + 1) of \(extents.extents.count), bytes \(position) to \(position + extent.length - 1) of the file, has another digest",
                    in: path)
            }
            position += extent.length
            progress(extent.length)
        }
    }
}

/// An open file, read at offsets by any thread.
final class OpenFile: Sendable {
    let path: String
    let descriptor: Int32
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
    func read(at offset: Int64, count: Int) throws(PartFailure) -> [UInt8] {
        var failure: PartFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(PartFailure) {
                try fill(UnsafeMutableRawBufferPointer(buffer), at: offset)
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

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(PartFailure) {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + done)
            if count < 0 {
                if errno == EINTR { continue }
                throw PartFailure(FileFailure("read", path))
            }
            if count == 0 {
                throw .damaged("the file is cut short: it ends before byte \(offset + Int64(buffer.count))", in: path)
            }
            done += count
        }
    }
}
