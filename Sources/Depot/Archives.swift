internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Threads

/// The signed release files of the machine's apt sources, and the package indexes that they vouch for.
struct Archives {
    let lash: LASH
    let sources: AptSources
    let architecture: Architecture
    /// Addresses whose release files need no signature, as the person said.
    let allowsUnsigned: Set<String>
    let observer: DepotObserver

    /// One index of packages, as text, with where it is from.
    struct Index: Sendable {
        let archive: LockedArchive
        /// Where package files are found: an address with a slash at the end.
        let base: String
        /// Ends with a NUL byte.
        let text: [UInt8]
        /// Its packages are for those who ask for them (backports, experimental).
        var isByRequest = false
        /// Further names of its suite.
        var suites: [String] = []
    }

    struct Offer: Sendable {
        let indexes: [Index]
        /// Names of sources that did not answer.
        let unreachable: [String]
    }

    private struct Release: Sendable {
        let source: AptSource
        let file: ReleaseFile
        let fingerprints: [String]
    }

    /// Asks all sources what they have now. Those that can't be reached are left out with a warning.
    ///
    /// - Throws: exit code 5 for a release file that can't be trusted, 4 when no source answers.
    func read() throws -> Offer {
        for warning in sources.warnings { observer(.warning(warning)) }
        for source in sources.sources where source.isTrusted && !allowsUnsigned.contains(source.uri) {
            throw DepotFailure(
                "the source \(Shown.whole(source.name)) is marked trusted, so anyone on the way could change its packages",
                place: source.place,
                fix:
                    "name its key with signed-by in the place of trusted, or allow it: las lock --allow-unsigned \(Shown.whole(source.uri))",
                .integrity)
        }
        let (releases, unreachable) = try Folder.withTemporary(in: lash.temporary, named: "archives") { folder in
            try self.releases(in: folder)
        }
        for name in unreachable {
            observer(.warning("\(Shown.whole(name.name)) can't be reached and is left out: \(name.reason)"))
        }
        guard !releases.isEmpty else {
            throw DepotFailure(
                "no apt source can be reached",
                cause: unreachable.map { "\(Shown.whole($0.name)): \($0.reason)" }.joined(separator: "; "),
                fix: "check the network and the machine's apt sources", .unreachable)
        }
        return Offer(indexes: try indexes(of: releases), unreachable: unreachable.map(\.name))
    }

    // MARK: Release files

    private func releases(in folder: String) throws -> ([Release], [(name: String, reason: String)]) {
        let groups = sources.sources
        var downloads = groups.enumerated().map { number, source in
            Download(
                address: Address.of("InRelease", in: source.releaseFolder), path: "\(folder)/\(number).InRelease",
                what: source.name, digest: nil, size: nil, limit: 1 << 24)
        }
        let first = get(downloads)
        let missing = groups.indices.filter { first[$0]?.kind == .missing }
        downloads = missing.flatMap { number in
            ["Release", "Release.gpg"].map { name in
                Download(
                    address: Address.of(name, in: groups[number].releaseFolder), path: "\(folder)/\(number).\(name)",
                    what: groups[number].name, digest: nil, size: nil, limit: 1 << 24)
            }
        }
        let second = downloads.isEmpty ? [] : get(downloads)

        var releases: [Release] = []
        var unreachable: [(name: String, reason: String)] = []
        for (number, source) in groups.enumerated() {
            var problem = first[number]
            let hasDetached = missing.firstIndex(of: number).map { second[2 * $0 + 1] == nil } ?? false
            if let place = missing.firstIndex(of: number) { problem = second[2 * place] }
            if let problem {
                guard problem.kind != .disk, problem.kind != .wrong else { throw problem.failure }
                unreachable.append(
                    (source.name, problem.kind == .missing ? "it has no release file" : Shown.whole(problem.reason)))
                continue
            }
            let isInline = first[number] == nil
            let path = "\(folder)/\(number)." + (isInline ? "InRelease" : "Release")
            let signed = isInline || hasDetached
            let own = "\(folder)/\(number)"
            try Folder.make(own, mode: 0o700)
            if !signed || source.isTrusted {
                guard allowsUnsigned.contains(source.uri) else { throw unsigned(source) }
            }
            let verified: ReleaseSignature.Verified
            if source.isTrusted || !signed {
                let text = try File.read(path)
                verified = .init(text: isInline ? Self.withoutArmour(text) : text, fingerprints: [])
            } else {
                verified = try ReleaseSignature.verify(
                    path, signature: isInline ? nil : "\(folder)/\(number).Release.gpg", source: source,
                    trusted: sources.trustedKeyrings, folder: own)
            }
            let file = try ReleaseFile(verified.text, place: source.name)
            try checkTime(of: file, source, folder: own)
            releases.append(Release(source: source, file: file, fingerprints: verified.fingerprints))
        }
        return (releases, unreachable)
    }

    private func unsigned(_ source: AptSource) -> DepotFailure {
        DepotFailure(
            "the release file of \(Shown.whole(source.name)) is not signed", place: source.place,
            fix: "use a signed archive, or allow this one: las lock --allow-unsigned \(Shown.whole(source.uri))",
            .integrity)
    }

    private func checkTime(of file: ReleaseFile, _ source: AptSource, folder: String) throws {
        guard let until = file.validUntil, source.checksValidUntil, until < Int64(time(nil)) else { return }
        if sources.followsAptConfiguration {
            let answer = try? Program.run(
                "apt-config", ["shell", "CHECK", "Acquire::Check-Valid-Until/b"], folder: folder)
            if let answer, String(decoding: answer.output, as: UTF8.self).contains("CHECK='false'") {
                observer(
                    .warning(
                        "\(Shown.whole(source.name)) is out of date since \(ReleaseDate.text(until)); "
                            + "it is used all the same, as this machine's apt configuration says"))
                return
            }
        }
        throw DepotFailure(
            "the release file of \(Shown.whole(source.name)) is out of date since \(ReleaseDate.text(until))",
            place: source.place, cause: "a mirror that is not updated any more hides security fixes",
            fix:
                "check this machine's clock; use another mirror, or write check-valid-until=no into the source if it is an archive of old versions",
            .integrity)
    }

    /// The text of a message whose signature is not asked for.
    private static func withoutArmour(_ text: [UInt8]) -> [UInt8] {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let empty = lines.firstIndex(where: \.isEmpty),
            let end = lines.firstIndex(where: { $0.elementsEqual("-----BEGIN PGP SIGNATURE-----".utf8) }), empty < end
        else { return text }
        return Array(lines[(empty + 1)..<end].joined(separator: [UInt8(ascii: "\n")]))
    }

    // MARK: Indexes

    private func indexes(of releases: [Release]) throws -> [Index] {
        struct Wanted {
            let archive: LockedArchive
            let base: String
            let item: ReleaseFile.Item
            let plainSize: Int64?
            let path: RelativePath
            let release: Release
        }
        var wanted: [Wanted] = []
        for release in releases {
            for component in release.source.isFlat ? [nil] : release.source.components.map(Optional.some) {
                let names = [architecture.name] + (release.file.repeatsAll ? [] : ["all"])
                let found = names.compactMap { release.file.packagesIndex(component, $0) }
                if found.isEmpty {
                    observer(
                        .warning(
                            "\(Shown.whole(release.source.name)) has no packages of \(component ?? "its folder") for \(architecture)"
                        ))
                }
                for index in found {
                    wanted.append(
                        Wanted(
                            archive: LockedArchive(
                                uri: release.source.uri, suite: release.source.suite, component: component ?? "",
                                date: release.file.date.map(ReleaseDate.text) ?? "", keys: release.fingerprints),
                            base: release.source.uri, item: index.item, plainSize: index.plainSize, path: index.path,
                            release: release))
                }
            }
        }
        try Folder.make(lash.archives)
        // Two processes would write the same half-fetched files; who waited finds them there.
        let lock = try FileLock.take(lash.locks + "/archives")
        func place(_ index: Wanted) -> String { lash.archives + "/" + index.item.digest.hex }
        for byHash in [true, false] {
            var downloads: [Download] = []
            for index in wanted
            where !downloads.contains(where: { $0.path == place(index) })
                && !Download.isWhole(place(index), size: index.item.size, digest: index.item.digest)
            {
                let folder = File.parent(of: index.path.string)
                let name =
                    byHash && index.release.file.hasByHash
                    ? (folder == "." ? "" : folder + "/") + "by-hash/SHA256/\(index.item.digest)" : index.path.string
                downloads.append(
                    Download(
                        address: Address.of(name, in: index.release.source.releaseFolder), path: place(index),
                        what: index.release.source.name, digest: index.item.digest, size: index.item.size))
            }
            let problems = downloads.isEmpty ? [] : get(downloads).compactMap { $0 }
            if let problem = problems.first(where: { !byHash || $0.kind != .missing }) { throw problem.failure }
        }
        lock.release()
        return try Workers.each(wanted, on: 2) { index in
            let path = lash.archives + "/" + index.item.digest.hex
            let text = try Decompression.bytes(of: path, atMost: index.plainSize ?? 1 << 30)
            let file = index.release.file
            return Index(
                archive: index.archive, base: index.base, text: text + [0], isByRequest: file.isByRequest,
                suites: [file.suite, file.codename].compactMap { $0 })
        }
    }

    private func get(_ downloads: [Download]) -> [DownloadProblem?] {
        let total = downloads.reduce(0) { $0 + ($1.size ?? 0) }
        return Downloader { now in
            observer(.progress(DepotProgress(.indexes, done: now.done, total: max(total, now.done), what: now.what)))
        }.get(downloads)
    }
}

enum Address {
    /// - Parameters:
    ///   - path: relative, not yet percent-encoded.
    ///   - base: an address with a slash at the end.
    static func of(_ path: String, in base: String) -> String {
        var text = base
        if base.hasPrefix("file:/"), !base.hasPrefix("file:///") { text = "file://" + base.dropFirst(5) }
        for byte in path.utf8 {
            let letter = Character(UnicodeScalar(byte))
            if byte < 128, letter.isLetter || letter.isNumber || "-._~+/:,=@!".contains(letter) {
                text.append(letter)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}
