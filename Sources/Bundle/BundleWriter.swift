package import Digests
internal import Files
internal import Glibc
package import Parts

/// Writes `NAME.las`: parts of the store in one executable file.
package struct BundleWriter: Sendable {
    package let store: PartStore

    package init(_ store: PartStore) { self.store = store }

    /// The same parts give the same file. Its name appears only when it is whole, verified and synced.
    ///
    /// - Parameter parts: the runtime, the environments and the metro, in any order; all in the store.
    /// - Returns: the bundle's identity.
    @discardableResult package func write(
        _ parts: [Part], to path: String, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws -> Digest {
        var laid: [(part: Part, extents: ExtentList)] = []
        for part in parts { laid.append((part, try store.extents(of: part.digest))) }
        let index = try BundleIndex(laying: laid)
        Folder.clearAbandoned(beside: path)
        let beside = "\(path).new-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        do {
            try write(index, to: beside, named: path, progress: progress)
            try File.rename(beside, to: path)
            return index.identity
        } catch {
            File.remove(beside)
            throw error
        }
    }

    /// What was given to the system is what was hashed, here or when the same files of the store were copied before, and fsync
    /// tells where it did not reach the disk; reading it again would only read the system's memory.
    private func write(
        _ index: BundleIndex, to beside: String, named path: String,
        progress: (_ done: Int64, _ total: Int64) -> Void
    ) throws {
        let descriptor = try File.open(beside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o755, action: "write")
        defer { close(descriptor) }
        let total = index.parts.reduce(0) { $0 + $1.part.size }
        var done: Int64 = 0
        for placed in index.parts {
            try store.copy(placed, to: descriptor, path: path) { count in
                done += count
                progress(done, total)
            }
        }
        let tail = index.tail()
        guard lseek(descriptor, off_t(index.offset), SEEK_SET) >= 0 else { throw FileFailure("write", path) }
        try File.writeAll(tail, to: descriptor, path: path)
        if fsync(descriptor) != 0 { throw FileFailure("write", path) }
    }
}
