package import Digests
package import Files
internal import Layers
internal import Metro

/// What of LASH's store a lock stands for, by the names that things have there.
package struct LockContents: Sendable {
    /// A file that was fetched, as it must be.
    package struct Source: Hashable, Sendable {
        /// Below LASH: `packages/SHA256.deb`.
        package let path: String
        /// For people: `samtools 1.16.1-1`, an address.
        package let title: String
        /// nil for what is known by another name than its digest: a commit.
        package let sha256: Digest?
    }

    /// A layer that is made of them.
    package struct MadeLayer: Hashable, Sendable {
        package let digest: Digest
        package let title: String
        /// Nothing that was fetched makes it: it is of the machine's own programs.
        package var isOfMachine = false
        /// The SHA-256 of those of its files that the lock names, by where they lie in it.
        package var files: [String: Digest] = [:]
    }

    /// Each once.
    package private(set) var sources: [Source] = []
    package private(set) var layers: [MadeLayer] = []

    private let lash: LASH

    /// Of a commit's files as they were archived here; nil where they are not here.
    package func digest(ofArchive source: Source) -> Digest? {
        guard source.path.hasSuffix(".git.tar") else { return nil }
        let line = try? File.read(GitStore.digestPath(of: "\(lash.root)/\(source.path)"), atMost: 4096)
        return line.flatMap { Digest(hex: String(decoding: $0.prefix(64), as: UTF8.self)) }
    }

    package init(of lock: Lock, in lash: LASH) throws {
        self.lash = lash
        let architecture = Architecture(lock.architecture)
        let depot = Depot(lash: lash, sources: .none, architecture: architecture)
        let unpacking = PackageUnpacking(architecture: architecture)
        let configuring = Configuring(
            architecture: architecture, store: LayerStore(lash: lash), observer: { _ in })
        let skeleton = Skeleton(architecture: architecture).digest
        var seen: Set<String> = []
        func add(_ path: String, _ title: String, _ digest: Digest?) {
            if seen.insert(path).inserted { sources.append(Source(path: path, title: title, sha256: digest)) }
        }
        func add(_ layer: MadeLayer) { if seen.insert(layer.digest.hex).inserted { layers.append(layer) } }
        func add(_ packages: LockedPackages, _ title: String) {
            for package in packages.packages {
                add("packages/\(package.sha256).deb", package.title, package.sha256)
                add(MadeLayer(digest: unpacking.digest(of: package.sha256), title: package.title))
            }
            add(MadeLayer(digest: skeleton, title: "skeleton"))
            let digests = packages.packages.map { unpacking.digest(of: $0.sha256) }
            add(MadeLayer(digest: configuring.digest(of: [skeleton] + digests), title: title))
        }
        for (name, environment) in lock.environments.sorted(by: { $0.key < $1.key }) {
            add(environment.debian, "configuration of \(name)")
            for (tools, packages) in environment.tools.sorted(by: { $0.key < $1.key }) {
                add(packages, "configuration with \(tools)")
            }
            for wheel in environment.wheels.flatMap(\.all) { add(wheel.kept, wheel.title, wheel.sha256) }
            if !environment.wheels.isEmpty {
                add(MadeLayer(digest: try depot.wheelDigest(of: environment), title: "Python's packages of \(name)"))
            }
            for file in environment.files { add("inputs/\(file.sha256)", file.address, file.sha256) }
            for commit in environment.commits {
                let path = "packages/\(commit.commit).git.tar"
                add(path, commit.repository, nil)
                add(GitStore.digestPath(of: path), commit.repository, nil)
            }
            for need in environment.needs.builds {
                add(MadeLayer(digest: try depot.builtDigest(of: need, in: environment), title: need.words))
            }
            if !environment.needs.builds.isEmpty {
                let below = environment.debian.packages.map { unpacking.digest(of: $0.sha256) }
                let built = try environment.needs.builds.map { try depot.builtDigest(of: $0, in: environment) }
                let table = LibraryCache(lash: lash, architecture: architecture)
                    .digest(of: [skeleton] + below + [configuring.digest(of: [skeleton] + below)] + built)
                add(MadeLayer(digest: table, title: "table of shared libraries of \(name)"))
            }
            if let host = environment.host {
                add(
                    MadeLayer(
                        digest: depot.hostDigest(of: host, environment.needs.host),
                        title: "programs of \(host.machine)", isOfMachine: true,
                        files: Dictionary(
                            host.files.map { ("usr/local/\($0.place)", $0.sha256) },
                            uniquingKeysWith: { first, _ in first }
                        )))
            }
        }
        for input in lock.inputs { add("inputs/\(input.sha256)", input.address, input.sha256) }
    }
}
