internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import Layers
internal import Metro

/// What is built from archives and from commits, a layer for each.
extension Depot {
    /// Counts up whenever the same files would become another layer.
    private static let version = 3

    // MARK: Choosing

    /// The files and commits that an environment's needs stand for now.
    ///
    /// - Parameters:
    ///   - old: what is to stay; nil to look anew at all.
    ///   - free: addresses that are looked at anew all the same.
    func sources(
        of needs: Needs, keeping old: LockedEnvironment? = nil, besides free: Set<String> = []
    ) throws -> (files: [LockedInput], commits: [LockedCommit]) {
        var files: [String: LockedInput] = [:]
        var commits: [LockedCommit] = []
        for need in needs.builds {
            switch need.source {
            case .archive(let address, let digest):
                let before = free.contains(address) ? nil : old?.files.first { $0.address == address }
                let kept = try fetch(address, locked: before)
                if let digest, digest != kept.locked.sha256.hex {
                    throw DepotFailure(
                        "\(Shown.whole(address)) is not what the metro says",
                        cause: "its SHA-256 digest is \(kept.locked.sha256)",
                        fix: "check where the file is from; if this is the one that you mean, write this digest",
                        .integrity)
                }
                files[address] = kept.locked
            case .git(let repository, let commit):
                let store = GitStore(lash: lash, update: update)
                let before = old?.commits.first { $0.repository == repository && $0.asked == commit }
                let locked =
                    try free.contains(repository)
                    ? store.resolve(repository, commit)
                    : before ?? store.resolve(repository, commit)
                // So that one that can't be had, or not be used, is told when it is chosen.
                try store.fetch(locked)
                if !commits.contains(locked) { commits.append(locked) }
            }
        }
        return (
            files.values.sorted { $0.address.utf8.lexicographicallyPrecedes($1.address.utf8) },
            commits.sorted { ($0.repository, $0.asked ?? "") < ($1.repository, $1.asked ?? "") }
        )
    }

    private func fetch(_ address: String, locked: LockedInput?) throws -> InputStore.Kept {
        let store = InputStore(lash, observer: observer)
        let parsed: WebAddress
        do throws(WebAddress.Mistake) { parsed = try WebAddress(address) } catch {
            throw DepotFailure(Shown.whole(error.message), fix: error.fix, .usage)
        }
        let kept = try store.fetchHere([.init(parsed, locked: locked, place: "needs", input: nil)], update: update)
        guard let file = kept.first else {
            throw DepotFailure("nothing came from \(Shown.whole(address))", .unreachable)
        }
        return file
    }

    // MARK: Building

    /// The layers of what is built for an environment, in the metro's order.
    func builtLayers(of environment: LockedEnvironment) throws -> [Layer] {
        try environment.needs.builds.map { try layer(of: $0, in: environment) }
    }

    /// Sees to it that what built programs name is in the environment.
    ///
    /// - Parameter tree: all of the environment.
    /// - Throws: exit code 2, naming a library that is missing, and the package that has it if that is known.
    func checkLibraries(of environment: LockedEnvironment, _ built: [Layer], in tree: LayeredTree) throws {
        let store = LayerStore(lash: lash)
        let noted = built.map { SharedLibraries(ofLayerIn: store.folder(of: $0.digest)) }
        if noted.allSatisfy(\.needed.isEmpty) { return }
        var names: Set<ExactText> = []
        for layer in tree.layers { for entry in layer.entries { names.insert(ExactText(entry.path.name)) } }
        for (need, libraries) in zip(environment.needs.builds, noted) {
            guard let missing = libraries.missing(among: names) else { continue }
            let package = try packages(with: missing.library, among: need, of: environment).sorted().first
            let likely = package ?? SharedLibraries.customaryPackage(of: missing.library)
            let fix: String =
                if let package {
                    "add \(package), which has it, to the packages below “debian”"
                } else if let likely {
                    "add the package that has it to those below “debian”; it may be called \(likely)"
                } else {
                    "add the package that has it to those below “debian”"
                }
            throw DepotFailure(
                "\(Shown.whole(missing.file)) needs the shared library \(Shown.whole(missing.library)), and nothing brings it",
                cause: "it was built from \(Shown.whole(need.words))", fix: Shown.whole(fix), .usage)
        }
    }

    /// The packages that had a file while something was built.
    private func packages(
        with file: String, among need: BuildNeed, of environment: LockedEnvironment
    ) throws -> [String] {
        if need.tools.isEmpty { return [] }
        let store = LayerStore(lash: lash)
        let unpacking = PackageUnpacking(architecture: architecture)
        return try tools(need.tools, of: environment).packages.filter { package in
            let layer = try store.layer(unpacking.digest(of: package.sha256))
            return layer?.entries.contains { $0.path.name == file } == true
        }.map(\.name)
    }

    /// Of the layer that a need is built into: of all that makes it.
    func builtDigest(of need: BuildNeed, in environment: LockedEnvironment) throws -> Digest {
        let tools = need.tools.isEmpty ? environment.debian : try self.tools(need.tools, of: environment)
        let source = try identity(of: need, in: environment)
        let by = need.commands == nil ? "" : tools.packages.map(\.sha256.hex).sorted().joined(separator: "\n")
        var hasher = SHA256()
        for text in [
            "las: built layer, \(Self.version)", architecture.name, source, need.commands ?? "", need.into ?? "",
            need.keep.joined(separator: "\n"), by,
        ] { hasher.update(text + "\0") }
        return hasher.digest()
    }

    private func layer(of need: BuildNeed, in environment: LockedEnvironment) throws -> Layer {
        let tools = need.tools.isEmpty ? environment.debian : try self.tools(need.tools, of: environment)
        let digest = try builtDigest(of: need, in: environment)
        let store = LayerStore(lash: lash)
        if let layer = try store.layer(digest) { return layer }
        let lock = try FileLock.take("\(lash.locks)/layer-\(digest)")
        defer { withExtendedLifetime(lock) {} }
        if let layer = try store.layer(digest) { return layer }
        let files = try unpacked(need, in: environment)
        let prepared = try store.prepare(name: need.words) { folder in
            let local = folder + "/tree/usr/local"
            try Folder.make(local)
            if need.commands == nil {
                try Self.copy(files, to: local + (need.into.map { "/" + $0 } ?? ""))
            } else {
                try build(need, from: files, with: try tree(of: tools), into: local)
            }
            let (kept, unmatched) = try BuiltTree(root: folder + "/tree", place: "usr/local").contents(
                keeping: need.keep)
            if let pattern = unmatched {
                throw DepotFailure(
                    "of \(Shown.whole(need.words)) nothing is \(Shown.whole(pattern)), which is to be kept",
                    cause: Self.list(kept.entries), fix: "look at “keep”: its patterns are for paths below /usr/local",
                    .usage)
            }
            if kept.entries.isEmpty {
                throw DepotFailure(
                    "building \(Shown.whole(need.words)) brought nothing",
                    cause: "only what is installed below /usr/local becomes part of the environment",
                    fix: "let “build” end with what installs it there: make install, or cp tool /usr/local/bin/", .usage
                )
            }
            try SharedLibraries.note(of: kept.entries, in: folder)
            if let note = kept.rights.note(givenBy: .build) { observer(.note("\(need.words): \(note)")) }
            return kept.entries
        }
        guard let layer = try store.publish([(digest, prepared)]).first else {
            throw DepotFailure("the layer of \(Shown.whole(need.words)) is not there", .resources)
        }
        return layer
    }

    private static func list(_ entries: [LayerEntry]) -> String? {
        let files = entries.filter { $0.kind != .folder }.map {
            String($0.path.string.dropFirst("usr/local/".utf8.count))
        }
        return files.isEmpty ? nil : "there is " + Shown.whole(files.sorted().prefix(8).joined(separator: ", "))
    }

    private func identity(of need: BuildNeed, in environment: LockedEnvironment) throws -> String {
        switch need.source {
        case .archive(let address, _): "archive \(try locked(address, in: environment).sha256)"
        case .git(let repository, let commit): "commit \(try locked(repository, commit, in: environment).commit)"
        }
    }

    private func locked(_ address: String, in environment: LockedEnvironment) throws(DepotFailure) -> LockedInput {
        if let found = environment.files.first(where: { $0.address == address }) { return found }
        throw DepotFailure("the lock does not have \(Shown.whole(address))", fix: update, .integrity)
    }

    private func locked(
        _ repository: String, _ asked: String?, in environment: LockedEnvironment
    ) throws(DepotFailure) -> LockedCommit {
        if let found = environment.commits.first(where: { $0.repository == repository && $0.asked == asked }) {
            return found
        }
        throw DepotFailure("the lock does not have \(Shown.whole(repository))", fix: update, .integrity)
    }

    /// The folder of what a need's archive has in it, without the one folder that all of it may lie in.
    private func unpacked(_ need: BuildNeed, in environment: LockedEnvironment) throws -> String {
        let path: String
        switch need.source {
        case .archive(let address, _): path = try fetch(address, locked: locked(address, in: environment)).path
        case .git(let repository, let commit):
            let locked = try locked(repository, commit, in: environment)
            let store = GitStore(lash: lash, update: update)
            try store.fetch(locked)
            path = store.path(of: locked.commit)
        }
        let unpacked = try InputStore(lash, observer: observer).unpack(
            .init(path: path, shown: need.words, place: "needs"), limits: nil)
        let names = try Folder.names(in: unpacked.folder)
        if names.count == 1, File.status("\(unpacked.folder)/\(names[0])")?.kind == .folder {
            return "\(unpacked.folder)/\(names[0])"
        }
        return unpacked.folder
    }

    private func build(_ need: BuildNeed, from files: String, with tree: LayeredTree, into local: String) throws {
        observer(.progress(DepotProgress(.building, done: 0, total: 0, what: Shown.text(need.words, atMost: 200))))
        // So that “cp tool /usr/local/bin/” does; nothing in it leaves none.
        try Folder.make(local + "/bin")
        defer { rmdir(local + "/bin") }
        try Folder.withTemporary(in: lash.temporary, named: "build") { folder in
            try Self.copy(files, to: folder + "/work")
            let outcome = try BuildRoot.with(tree, in: lash) { root in
                try root.run(
                    BuildRoot.Work(
                        commands: "exec bash -euo pipefail -c \"$COMMANDS\"", folder: folder + "/work", local: local,
                        variables: ["COMMANDS": need.commands ?? ""]))
            }
            guard outcome.end.isSuccess else {
                let kept = lash.temporary + "/build.log"
                try? File.create(kept, outcome.log)
                throw DepotFailure(
                    "\(Shown.whole(need.words)) can't be built", cause: outcome.lastWords,
                    fix:
                        "look at its “build” and “needs”; there is no network while it is built; the whole log is \(kept)",
                    .usage)
            }
        }
    }

    /// Copies a folder's files, of which all may be changed then; their times are all the same, so that make finds nothing
    /// to be older than what it was made from.
    private static func copy(_ from: String, to path: String) throws {
        try Folder.make(path)
        let times = [timespec(tv_sec: Int(PackageUnpacking.folderTime), tv_nsec: 0)]
        for name in try Folder.names(in: from) {
            let (source, target) = ("\(from)/\(name)", "\(path)/\(name)")
            if File.status(source)?.kind == .folder {
                try copy(source, to: target)
                continue
            }
            let isProgram = access(source, X_OK) == 0
            try File.copy(source, to: target, mode: 0o644)
            guard chmod(target, isProgram ? 0o755 : 0o644) == 0,
                utimensat(AT_FDCWD, target, times + times, AT_SYMLINK_NOFOLLOW) == 0
            else { throw FileFailure("write", target) }
        }
    }
}
