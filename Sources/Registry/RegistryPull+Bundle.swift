internal import Digests
internal import Files
internal import Glibc
internal import JSON
internal import Threads

extension RegistryPull {
    /// The bundle that was sent with the image; nil where there is none.
    /// - Throws: where the image, or the bundle that it names, can't be had.
    package func bundle(architecture: String) throws -> AttachedBundle? {
        let connection = try WebConnection()
        let (found, index) = try manifests(architecture, over: connection)
        guard let digest = index.map({ AttachedBundle.named(in: $0) }) ?? AttachedBundle.named(in: found[0].1) else {
            return nil
        }
        let (_, bytes) = try manifest("sha256:" + digest.hex, digest, architecture, over: connection)
        return try AttachedBundle(bytes, place: reference.description)
    }

    /// Brings its bytes, each piece held to its digest.
    ///
    /// - Parameters:
    ///   - path: a file that does not exist; half there where this throws.
    ///   - folder: empty, on the same file system.
    package func fetch(
        _ bundle: AttachedBundle, to path: String, by folder: String,
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) throws {
        let done = Monitor(Int64(0))
        let total = bundle.size
        var wanted: [OCILayout.Blob] = []
        for piece in bundle.pieces where !wanted.contains(where: { $0.digest == piece.digest }) { wanted.append(piece) }
        _ = try Workers.each(wanted, on: Self.width) { piece in
            try fetch(piece, to: "\(folder)/\(piece.digest.hex)", over: WebConnection()) { count in
                done.change { done in
                    done += count
                    progress(min(done, total), total)
                }
            }
        }
        let target = try File.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode: 0o755, action: "write")
        defer { close(target) }
        var offset: Int64 = 0
        for piece in bundle.pieces {
            let place = "\(folder)/\(piece.digest.hex)"
            let source = try File.open(place, O_RDONLY | O_CLOEXEC, action: "read")
            defer { close(source) }
            try File.copyRange(piece.size, from: source, at: 0, named: place, to: target, at: offset, named: path)
            offset += piece.size
        }
        if fsync(target) != 0 { throw FileFailure("write", path) }
    }
}
