internal import CSolv
internal import Digests
internal import Failures

/// What a lock says of the packages that were chosen.
extension PackageSolver {
    func identify(
        _ id: Id
    ) throws(DepotFailure) -> (index: Archives.Index, solvable: UnsafeMutablePointer<Solvable>, digest: Digest) {
        guard let solvable = pool_id2solvable(pool, id), let repo = solvable.pointee.repo,
            let index = indexes[repo.pointee.repoid]
        else { throw DepotFailure("libsolv chose a package of no archive", .integrity) }
        var type: Id = 0
        let checksum = solvable_lookup_checksum(solvable, Id(SOLVABLE_CHECKSUM.rawValue), &type).map {
            String(cString: $0)
        }
        guard type == Id(REPOKEY_TYPE_SHA256.rawValue), let digest = checksum.flatMap({ Digest(hex: $0) }) else {
            throw incomplete(solvable, index)
        }
        return (index, solvable, digest)
    }

    func package(
        _ solvable: UnsafeMutablePointer<Solvable>, of index: Archives.Index, _ digest: Digest, size: Int64?
    ) throws(DepotFailure) -> LockedPackage {
        func text(_ id: Id) -> String { String(cString: pool_id2str(pool, id)) }
        var medium: UInt32 = 0
        guard let size, let file = solvable_lookup_location(solvable, &medium).map({ String(cString: $0) }) else {
            throw incomplete(solvable, index)
        }
        return LockedPackage(
            name: text(solvable.pointee.name), version: text(solvable.pointee.evr),
            architecture: text(solvable.pointee.arch),
            archive: index.archive.name, file: file.hasPrefix("./") ? String(file.dropFirst(2)) : file, size: size,
            sha256: digest)
    }

    private func incomplete(_ solvable: UnsafeMutablePointer<Solvable>, _ index: Archives.Index) -> DepotFailure {
        let name = Shown.whole(String(cString: pool_id2str(pool, solvable.pointee.name)))
        return DepotFailure(
            "the archive \(index.archive.name) gives no file, size or SHA-256 digest for \(name)", .integrity)
    }

    /// The sizes of package files, which libsolv does not keep: one walk over each index.
    func sizes(of wanted: [(index: Archives.Index, digest: Digest)]) throws(DepotFailure) -> [Digest: Int64] {
        var sizes: [Digest: Int64] = [:]
        let digests = Set(wanted.map { $0.digest.hex })
        var seen: Set<String> = []
        for index in wanted.map(\.index) where seen.insert(index.archive.name).inserted {
            IndexText.paragraphs(with: "\nSHA256: ", in: index.text) { value, paragraph in
                guard let digest = Digest(hex: value), digests.contains(value) else { return }
                for line in paragraph.split(separator: UInt8(ascii: "\n")) where line.starts(with: "Size: ".utf8) {
                    sizes[digest] = Int64(String(decoding: line.dropFirst(6), as: UTF8.self))
                }
            }
        }
        return sizes
    }

    /// The archives that these packages are from.
    func archives(of packages: [LockedPackage]) -> [LockedArchive] {
        let names = Set(packages.map(\.archive))
        var seen: Set<String> = []
        return indexes.sorted { $0.key < $1.key }.map(\.value.archive)
            .filter { names.contains($0.name) && seen.insert($0.name).inserted }.sorted { $0.name < $1.name }
    }
}
