package import Digests
internal import Files
internal import Glibc
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
    /// Not read again are layers that this process has made itself, and those that were made since the machine was started and
    /// of which no file has changed since then, by its change time, which can't be set by hand. `condition` reads all.
    ///
    /// - Throws: a `LayerFailure` of the first that is damaged; all damaged ones have left the store then, and are made again.
    package func check(_ layers: [Layer]) throws {
        var first: LayerFailure?
        let changed = try Workers.each(layers.filter { !$0.isFresh }, on: Workers.processors) { layer in
            hasChanged(layer) ? layer : nil
        }
        for layer in changed.compactMap({ $0 }) {
            guard case .damaged(let files) = try condition(of: layer.digest) else { continue }
            try remove(layer.digest)
            first = first ?? .damaged(layer, files, in: folder(of: layer.digest))
        }
        if let first { throw first }
    }

    /// Whether it was made before the machine was started, or one of its files changed since its digests were written down (or
    /// in the same moment), or is not there; true where there are no digests.
    private func hasChanged(_ layer: Layer) -> Bool {
        func changed(_ path: String) -> Int64? {
            var info = stat()
            guard lstat(path, &info) == 0 else { return nil }
            return Int64(info.st_ctim.tv_sec) * 1_000_000_000 + Int64(info.st_ctim.tv_nsec)
        }
        guard let written = changed("\(folder(of: layer.digest))/\(LayerDigests.name)") else { return true }
        if written < MachineStart.time { return true }
        return layer.entries.contains { entry in
            guard case .file = entry.kind else { return false }
            return changed("\(layer.tree)/\(entry.path)").map { $0 >= written } ?? true
        }
    }

    /// Takes a layer out of the store, as one.
    package func remove(_ digest: Digest) throws {
        let away = try Folder.makeTemporary(in: lash.temporary, named: "layer")
        try File.move(folder(of: digest), to: away)
        try Folder.remove(away)
    }
}
