package import Digests
internal import Failures
internal import Files
internal import Glibc
internal import JSON
internal import Threads

/// Archives of inputs, unpacked once: `unpacked/DIGEST/tree`, with the list of its files in `files`.
extension InputStore {
    /// An archive to be unpacked.
    package struct Archive: Sendable {
        package let path: String
        /// As a person knows it.
        package let shown: String
        /// Who names it, for errors: `metro.yml:4:12`.
        package let place: String

        package init(path: String, shown: String, place: String) {
            (self.path, self.shown, self.place) = (path, shown, place)
        }
    }

    /// What was in one.
    package struct Unpacked: Sendable {
        package let folder: String
        /// Its files, sorted, relative to the folder.
        package let files: [String]
    }

    /// Unpacks what is not unpacked yet, two at a time.
    ///
    /// - Returns: in the order of the archives.
    /// - Throws: exit code 2 for what is no archive or is encrypted, 5 for one that is damaged or has entries that are
    ///   refused, 6 where it becomes too much.
    package func unpack(_ archives: [Archive]) async throws -> [Unpacked] {
        try await OwnThread.run {
            let total = archives.reduce(0) { $0 + (File.status($1.path, follow: true)?.size ?? 0) }
            let done = Monitor([String: Int64]())
            return try Workers.each(archives, on: 2) { archive in
                try unpack(archive, limits: nil) { position in
                    let sum = done.change { done in
                        done[archive.path] = position
                        return done.values.reduce(0, +)
                    }
                    observer(.progress(DepotProgress(.archives, done: sum, total: total, what: archive.shown)))
                }
            }
        }
    }

    /// - Parameter limits: nil for those of a disk and an archive like these.
    func unpack(
        _ archive: Archive, limits: ArchiveTree.Limits?, progress: (Int64) -> Void = { _ in }
    ) throws -> Unpacked {
        let size = File.status(archive.path, follow: true)?.size ?? 0
        let folder = try folder(of: archive)
        if let there = unpacked(folder, reading: true) { return there }
        // Two processes would unpack the same; who waited finds it there.
        let lock = try FileLock.take("\(lash.locks)/unpacked-\(File.name(of: folder))")
        defer { withExtendedLifetime(lock) {} }
        if let there = unpacked(folder, reading: true) { return there }
        try Folder.remove(folder)
        try Folder.make(lash.unpacked)
        let beside = try Folder.makeTemporary(in: lash.temporary, named: "unpacked")
        do {
            try Folder.make(beside + "/tree")
            let limits = limits ?? .init(ofArchive: size, free: Folder.freeDisk(at: beside))
            var files = try ArchiveTree.unpack(
                ArchiveFile(path: archive.path), into: beside + "/tree", limits: limits, progress: progress)
            for number in files.indices {
                files[number].sha256 = try Download.digest(of: "\(beside)/tree/\(files[number].path)")
            }
            try File.create(beside + "/files", JSONText.encode(files))
            try Folder.syncDisk(of: beside)
            try File.rename(beside, to: folder)
            return Unpacked(folder: folder + "/tree", files: files.map(\.path.string))
        } catch {
            try? Folder.remove(beside)
            throw Self.failure(error, archive)
        }
    }

    /// Whether nothing is left to be unpacked of it.
    package func hasUnpacked(_ archive: Archive) -> Bool { (try? folder(of: archive)).flatMap { unpacked($0) } != nil }

    private func folder(of archive: Archive) throws -> String {
        "\(lash.unpacked)/\(Self.name(ofArchive: try Download.digest(of: archive.path)))"
    }

    /// Unpacks an archive into an empty folder; nothing of it is kept in the store.
    /// - Throws: as `unpack` does.
    package static func unpack(
        _ archive: Archive, into folder: String, progress: (_ position: Int64) -> Void = { _ in }
    ) throws {
        let size = File.status(archive.path, follow: true)?.size ?? 0
        do {
            _ = try ArchiveTree.unpack(
                ArchiveFile(path: archive.path), into: folder,
                limits: .init(ofArchive: size, free: Folder.freeDisk(at: folder)), progress: progress)
        } catch { throw failure(error, archive) }
    }

    /// What the folder of an archive's files is called.
    package static func name(ofArchive digest: Digest) -> String {
        var hasher = SHA256()
        hasher.update("las unpacked archive 1\0")
        hasher.update(digest.bytes)
        return hasher.digest().hex
    }

    /// What is there already, unless files of it are gone, or, where they are read, are not as they were.
    private func unpacked(_ folder: String, reading: Bool = false) -> Unpacked? {
        guard let bytes = try? File.read(folder + "/files"),
            let files = try? JSONText.decode([ArchiveTree.File].self, from: bytes),
            files.allSatisfy({ file in
                let status = File.status("\(folder)/tree/\(file.path)")
                return status?.kind == .file && status?.size == file.size
            }), !reading || (try? Self.damaged(files, in: folder)) == []
        else { return nil }
        return Unpacked(folder: folder + "/tree", files: files.map(\.path.string))
    }

    /// Which files of an unpacked archive are not as they were.
    private static func damaged(_ files: [ArchiveTree.File], in folder: String) throws -> [String] {
        let step = 64
        let batches = stride(from: 0, to: files.count, by: step).map { files[$0..<min($0 + step, files.count)] }
        return try Workers.each(batches, on: 2) { files in
            files.filter { file in
                guard let digest = file.sha256 else { return false }
                return (try? Download.digest(of: "\(folder)/tree/\(file.path)")) != digest
            }.map(\.path.string)
        }.flatMap { $0 }
    }

    /// Which files of an unpacked archive, by the name of its folder, are not as they were.
    ///
    /// - Returns: nil where the list of them is damaged itself.
    package func damaged(unpacked name: String) throws -> [String]? {
        let folder = "\(lash.unpacked)/\(name)"
        guard let bytes = try? File.read(folder + "/files"),
            let files = try? JSONText.decode([ArchiveTree.File].self, from: bytes)
        else { return nil }
        let missing = files.filter { File.status("\(folder)/tree/\($0.path)")?.size != $0.size }.map(\.path.string)
        return missing + (try Self.damaged(files, in: folder)).filter { !missing.contains($0) }
    }

    private static func failure(_ error: any Error, _ archive: Archive) -> any Error {
        let shown = Shown.text(archive.shown, atMost: 300)
        switch error {
        case ArchiveFile.Trouble.unknown:
            return DepotFailure(
                "\(shown) is no archive that las unpacks", place: archive.place,
                cause: "it is neither zip nor 7z, nor tar, plain or with gzip, bzip2, xz, zstd or lz4",
                fix: "take “unpack” out; a file that is only compressed is for the command to unpack", .usage)
        case ArchiveFile.Trouble.encrypted:
            return DepotFailure(
                "\(shown) is encrypted", place: archive.place,
                fix: "unpack it yourself, and name the files", .usage)
        case ArchiveFile.Trouble.damaged(let reason):
            return DepotFailure(
                "can't unpack \(shown)", place: archive.place, cause: Shown.whole(reason),
                fix: "the archive is damaged: get it once more", .integrity)
        case ArchiveFile.Trouble.notUTF8(let number):
            return DepotFailure(
                "\(shown) is refused", place: archive.place, cause: "the name of its entry \(number) is not UTF-8",
                fix: "unpack it yourself, rename the file, and name the files", .integrity)
        case ArchiveTree.Refusal.entry(let name, let what):
            return DepotFailure(
                "\(shown) is refused", place: archive.place,
                cause: "its entry “\(Shown.text(name, atMost: 200))” \(what)", fix: "check where the archive is from",
                .integrity)
        case ArchiveTree.Refusal.tooMuch(let what):
            return DepotFailure(
                "\(shown) becomes too much", place: archive.place, cause: "it unpacks to \(what)",
                fix: "check where the archive is from; to take it all the same, unpack it yourself", .resources)
        default: return error
        }
    }
}
