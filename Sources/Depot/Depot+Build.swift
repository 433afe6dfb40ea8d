package import Digests
internal import Failures
internal import Files
package import Layers
internal import Metro
internal import Threads

extension Depot {
    /// Makes a locked environment's layers, or takes them from the store where they are there already: then neither a network
    /// nor the sources are needed.
    ///
    /// - Parameter unpacked: given the packages' layers where they are about to be configured, which leaves processors idle.
    /// - Returns: the skeleton, a layer for each package, and what configuring them changed.
    /// - Throws: exit code 4 where packages can't be fetched, 5 where they are not what the lock says, 6 where the machine
    ///   refuses something.
    package func build(
        _ environment: LockedEnvironment, unpacked: @escaping @Sendable ([Layer]) -> Void = { _ in }
    ) async throws -> LayeredTree {
        try await OwnThread.run {
            let tree = try buildHere(environment, unpacked: unpacked)
            // The disk may be busy: nobody has to wait for that, and where this process ends sooner only a power failure
            // matters, after which what was not settled is made again.
            try? OwnThread { try? LayerStore(lash: lash).settle(tree.layers.map(\.digest)) }.detach()
            return tree
        }
    }

    /// On the thread that calls it.
    func buildHere(
        _ environment: LockedEnvironment, unpacked: ([Layer]) -> Void = { _ in }
    ) throws -> LayeredTree {
        let debian = try tree(of: environment.debian, unpacked: unpacked)
        let (wheels, built) = (try wheelLayers(of: environment), try builtLayers(of: environment))
        let table = try LibraryCache(lash: lash, architecture: architecture).layer(of: debian, built)
        let tree = LayeredTree(
            layers: debian.layers + wheels + built + (table.map { [$0] } ?? []) + (try hostLayers(of: environment)))
        try checkLibraries(of: environment, built, in: tree)
        return tree
    }

    /// The layers of Debian packages: the skeleton, one for each package, and what configuring them changed.
    func tree(of environment: LockedPackages, unpacked: ([Layer]) -> Void = { _ in }) throws -> LayeredTree {
        let store = LayerStore(lash: lash)
        let unpacking = PackageUnpacking(architecture: architecture)
        let skeleton = Skeleton(architecture: architecture)
        var layers: [Digest: Layer] = [:]
        layers[skeleton.digest] =
            try store.layer(skeleton.digest)
            ?? store.publish([(skeleton.digest, try skeleton.prepare(in: store))]).first
        for layer in try Workers.each(
            environment.packages, on: 2, { try store.layer(unpacking.digest(of: $0.sha256)) })
        {
            if let layer { layers[layer.digest] = layer }
        }
        let missing = environment.packages.filter { layers[unpacking.digest(of: $0.sha256)] == nil }
        if !missing.isEmpty {
            try fetch(missing, of: environment)
            for layer in try unpack(missing, with: unpacking, in: store) { layers[layer.digest] = layer }
        }

        let configuring = Configuring(architecture: architecture, store: store, observer: observer)
        let digests = environment.packages.map { unpacking.digest(of: $0.sha256) }
        let configured = configuring.digest(of: [skeleton.digest] + digests)
        let controls = try environment.packages.map { package in
            let path = store.folder(of: unpacking.digest(of: package.sha256)) + "/control"
            return try PackageControl(try File.read(path), place: path)
        }
        let order = [skeleton.digest] + Self.inOrder(controls).map { digests[$0] }
        let tree = LayeredTree(layers: order.compactMap { layers[$0] })
        if let layer = try store.layer(configured) { return LayeredTree(layers: tree.layers + [layer]) }

        // One process at a time configures the same packages; the others find the layer then.
        let lock = try FileLock.take("\(lash.locks)/layer-\(configured)")
        if let layer = try store.layer(configured) { return LayeredTree(layers: tree.layers + [layer]) }
        unpacked(tree.layers)
        let prepared = try configuring.prepare(tree, controls)
        let published = try store.publish([(configured, prepared)])
        lock.release()
        return LayeredTree(layers: tree.layers + published)
    }

    /// The layers of the packages that an environment's needs name themselves.
    package func askedLayers(of environment: LockedEnvironment) -> Set<Digest> {
        let names = Set(environment.needs.debian.compactMap { DebianRequest($0)?.name })
        let unpacking = PackageUnpacking(architecture: architecture)
        return Set(environment.packages.filter { names.contains($0.name) }.map { unpacking.digest(of: $0.sha256) })
    }

    /// By name, save that a package comes after those whose files it replaces.
    private static func inOrder(_ packages: [PackageControl]) -> [Int] {
        let places = Dictionary(packages.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        var order: [Int] = []
        var begun: Set<Int> = []
        func visit(_ place: Int) {
            guard begun.insert(place).inserted else { return }
            for name in packages[place].replaces.sorted() { if let other = places[name] { visit(other) } }
            order.append(place)
        }
        for place in packages.indices.sorted(by: { packages[$0].name < packages[$1].name }) { visit(place) }
        return order
    }

    func fetch(_ packages: [LockedPackage], of environment: LockedPackages) throws {
        // Two processes would write the same half-fetched files.
        let lock = try FileLock.take(lash.locks + "/fetch")
        try Folder.make(lash.packages)
        let bases = Dictionary(environment.archives.map { ($0.name, $0.uri) }, uniquingKeysWith: { first, _ in first })
        // What a package's file has become on the disk would become a layer.
        let isThere = try Workers.each(packages, on: 2) { package in
            if Download.isWhole(file(of: package), size: package.size, digest: package.sha256) { return true }
            File.remove(file(of: package))
            return false
        }
        var downloads: [Download] = []
        for (package, isThere) in zip(packages, isThere)
        where !isThere && !downloads.contains(where: { $0.path == file(of: package) }) {
            guard let base = bases[package.archive] else {
                throw DepotFailure(
                    "the lock names no archive for \(Shown.whole(package.title))", fix: update, .integrity)
            }
            downloads.append(
                Download(
                    address: Address.of(package.file, in: base), path: file(of: package), what: package.name,
                    digest: package.sha256, size: package.size))
        }
        guard !downloads.isEmpty else { return }
        let total = downloads.reduce(0) { $0 + ($1.size ?? 0) }
        let problems = Downloader { now in
            observer(.progress(DepotProgress(.fetching, done: now.done, total: total, what: now.what)))
        }.get(downloads).compactMap { $0 }
        lock.release()
        guard let first = problems.first else { return }
        if first.kind == .missing {
            throw DepotFailure(
                "the archive no longer has \(Shown.whole(first.address))"
                    + (problems.count > 1 ? " and \(problems.count - 1) more" : ""),
                cause: Shown.whole(first.reason), fix: "take what it has now: \(update)", .unreachable)
        }
        throw first.failure
    }

    private func unpack(
        _ packages: [LockedPackage], with unpacking: PackageUnpacking, in store: LayerStore
    ) throws -> [Layer] {
        let total = packages.reduce(0) { $0 + $1.size }
        let count = Monitor(Int64(0))
        let finished = Monitor([PreparedLayer]())
        var isWhole = false
        // On a full disk every byte counts.
        defer { if !isWhole { for layer in finished.change({ $0 }) { layer.discard() } } }
        // The largest first, so that the threads end together.
        let prepared = try Workers.each(packages.sorted { ($1.size, $0.name) < ($0.size, $1.name) }, on: 2) {
            package in
            let layer = try unpacking.prepare(package, file: file(of: package), in: store)
            finished.change { $0.append(layer) }
            let done = count.change {
                $0 += package.size
                return $0
            }
            observer(.progress(DepotProgress(.unpacking, done: done, total: total, what: package.name)))
            return (digest: unpacking.digest(of: package.sha256), layer: layer)
        }
        isWhole = true
        return try store.publish(prepared)
    }

    private func file(of package: LockedPackage) -> String { "\(lash.packages)/\(package.sha256).deb" }
}
