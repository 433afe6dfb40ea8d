package import Digests
internal import Files
internal import Threads

/// Whether a layer's files are as they were when it was made.
extension LayerStore {
    package enum Condition: Sendable, Equatable {
        case good
        /// Which of its files, below its folder, are not as they were.
        case damaged([String])
        /// Made by a las that did not write its files' digests down.
        case unknown
    }

    /// Reads all of a layer's files.
    ///
    /// - Parameter progress: told how many bytes more were read; from any thread.
    package func condition(
        of digest: Digest, threads: Int = Workers.processors, progress: @Sendable (Int64) -> Void = { _ in }
    ) throws -> Condition {
        let folder = folder(of: digest)
        guard File.exists("\(folder)/\(LayerDigests.name)") else { return .unknown }
        guard let text = try? File.read("\(folder)/\(LayerDigests.name)"), let digests = LayerDigests(text) else {
            return .damaged([LayerDigests.name])
        }
        let step = 32
        let batches = stride(from: 0, to: digests.lines.count, by: step).map {
            digests.lines[$0..<min($0 + step, digests.lines.count)]
        }
        let damaged = try Workers.each(batches, on: threads) { lines in
            lines.filter { line in
                let path = "\(folder)/\(line.path)"
                let isGood = (try? FileDigest.digest(of: path)) == line.digest
                progress(File.status(path)?.size ?? 0)
                return !isGood
            }.map(\.path)
        }.flatMap { $0 }
        return damaged.isEmpty ? .good : .damaged(damaged)
    }

    /// The digests of a layer's files, as they were written down when it was made.
    package func digests(of digest: Digest) throws -> LayerDigests { try digests(at: folder(of: digest)) }

    package func digests(at folder: String) throws -> LayerDigests {
        let path = "\(folder)/\(LayerDigests.name)"
        guard let digests = LayerDigests(try File.read(path)) else {
            throw LayerFailure("the digests of a layer's files can't be read", place: path)
        }
        return digests
    }

    /// To be asked before something new is made of layers' files: what was made wrong would keep its name for ever.
    /// Layers that this process has made itself are not read again.
    ///
    /// - Throws: a `LayerFailure` of the first that is damaged; all damaged ones have left the store then, and are made again.
    package func check(_ layers: [Layer]) throws {
        var first: LayerFailure?
        for layer in layers where !layer.isFresh {
            guard case .damaged(let files) = try condition(of: layer.digest) else { continue }
            try remove(layer.digest)
            first = first ?? .damaged(layer, files, in: folder(of: layer.digest))
        }
        if let first { throw first }
    }

    /// Takes a layer out of the store, as one.
    package func remove(_ digest: Digest) throws {
        let away = try Folder.makeTemporary(in: lash.temporary, named: "layer")
        try File.move(folder(of: digest), to: away)
        try Folder.remove(away)
    }
}
