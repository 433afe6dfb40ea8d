internal import Bundle
internal import Depot
internal import Digests
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Metro
internal import Parts
internal import Plan
internal import Store
internal import Terminal

/// A metro to parts: its needs locked and built, its images made, all in LASH's store.
struct Packing {
    let context: Context
    let source: MetroSource
    /// Addresses of archives whose release files need no signature.
    var allowsUnsigned: Set<String> = []
    let display: DepotDisplay
    /// Whether images are compressed for those who fetch them rather than for who packs.
    let isRelease: Bool

    init(context: Context, source: MetroSource, isRelease: Bool = false) {
        (self.context, self.source, display) = (context, source, DepotDisplay(context.terminal))
        self.isRelease = isRelease
    }

    var writer: ImageWriter {
        ImageWriter(context.lash, options: isRelease ? ImageOptions(level: ImageOptions.releaseLevel) : ImageOptions())
    }

    /// What a metro became.
    struct Packed {
        let plan: Plan
        /// Environments and the metro; the runtime is added by who needs it.
        let parts: [Part]
    }

    var store: PartStore { PartStore(context.lash) }

    /// What the lock is about, by the environments' names.
    var needs: [String: Needs] {
        Dictionary(source.plan.environments.map { ($0.id.name, $0.needs.chosen) }, uniquingKeysWith: { $1 })
    }

    /// What the metro asks for, by the names of packages and by addresses.
    var asked: [String] {
        needs.values.flatMap { needs in
            needs.debian.compactMap { DebianRequest($0)?.name }
                + (needs.pip?.packages ?? []).compactMap { PipRequirement($0)?.name }
                + needs.builds.map { build in
                    switch build.source {
                    case .archive(let address, _): address
                    case .git(let repository, _): repository
                    }
                }
        }
    }

    /// What a metro is made of, before it becomes images.
    struct Material {
        let plan: Plan
        /// As their images have them; sorted by their names.
        let environments: [(id: EnvironmentID, tree: LayeredTree)]
        var image: MetroImage
        /// Before the files of its `image` inputs were known.
        let unresolved: Plan
        let lock: Lock
        /// Folders of archives that were unpacked for its inputs.
        let unpacked: [String]
    }

    /// What is found to be damaged in the store on the way leaves it, and is made again.
    func parts() async throws -> Packed {
        for _ in 0..<3 {
            do { return try await made() } catch let failure as LayerFailure where failure.hasLeft {
                context.terminal.say("making again what was damaged in LASH: \(Shown.whole(failure.summary))")
            }
        }
        return try await made()
    }

    private func made() async throws -> Packed {
        let material = try await material()
        let writer = writer
        var parts: [Part] = []
        var images: [EnvironmentID: Digest] = [:]
        for (environment, tree) in material.environments {
            let title = "writing the image of the environment \(environment)"
            let part = try Stage.during(context.terminal, title) { stage in
                try writer.environment(tree, named: environment.name) { stage.update(done: $0, of: $1) }
            }
            parts.append(part)
            images[environment] = part.digest
            guard !isRelease, let locked = material.lock.environments[environment.name] else { continue }
            try PackedBefore(lash: context.lash).remember(part, of: locked, in: material.unresolved, environment)
        }
        try PackedBefore(lash: context.lash).remember(material.plan, of: material.unresolved, images)
        parts.append(
            try Stage.during(context.terminal, "writing the metro's own image") { stage in
                try writer.metro(material.image, named: material.plan.metro) { stage.update(done: $0, of: $1) }
            })
        KnownThings(context.lash).remember(
            metroWithLock: source.lockFile, material.lock, parts: parts.map(\.digest), unpacked: material.unpacked)
        return Packed(plan: material.plan, parts: parts)
    }

    func material() async throws -> Material {
        Folder.clearAbandoned(in: context.lash.temporary)
        let depot = try depot()
        var lock = try await lock(depot)
        let brought = try await bring(&lock)
        let known = brought.isEmpty ? source.plan : try source.plan(with: brought)
        var trees: [EnvironmentID: LayeredTree] = [:]
        for environment in source.plan.environments {
            guard let locked = lock.environments[environment.id.name] else { continue }
            trees[environment.id] = try await display.during { try await depot.build(locked) }
        }
        let plan = try known.resolvingImageInputs { environment in
            guard let tree = trees[environment] else { return ImageFiles(paths: []) }
            let merged = tree.merged()
            return ImageFiles(
                paths: merged.map { "/" + $0.path.string },
                locations: FileLocations(tree, merged: merged).locations)
        }
        var slimming = Slimming()
        var slim = trees
        for environment in source.plan.environments where environment.needs.isSlim {
            guard let tree = trees[environment.id], let locked = lock.environments[environment.id.name] else {
                continue
            }
            let slimmed = Self.slimmed(tree, of: environment, locked, in: plan, depot)
            slim[environment.id] = slimmed.tree
            slimming.environments[environment.id.name] = slimmed.leftOut
        }
        var image = try image(of: plan, lock, trees)
        image.add(try Self.path(Slimming.file), bytes: JSONText.encode(slimming))
        return Material(
            plan: plan, environments: slim.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, image: image,
            unresolved: known, lock: lock, unpacked: brought.unpacked.values.map(\.folder).sorted())
    }

    /// The lock beside the metro; made when there is none.
    func lock(_ depot: Depot) async throws -> Lock {
        if File.exists(source.lockFile) {
            let lock = try Lock.read(source.lockFile, update: source.updateCommand)
            try lock.fits(
                needs, architecture: depot.architecture, place: source.lockFile, update: source.updateCommand)
            return lock
        }
        return try await update(depot)
    }

    /// Chooses packages anew, and writes the lock.
    ///
    /// - Parameters:
    ///   - inputs: what it says of files.
    ///   - old: what is to stay as it is, save `only`.
    func update(
        _ depot: Depot, inputs: [LockedInput] = [], keeping old: Lock? = nil, only: Set<String> = []
    ) async throws -> Lock {
        let lock = try await chosen(depot, keeping: old, only: only).with(inputs)
        try lock.write(to: source.lockFile)
        let count = Set(lock.environments.values.flatMap { $0.packages.map(\.title) }).count
        context.terminal.say("\(Amounts.count(count, "package")) chosen and written to \(Shown.whole(source.lockFile))")
        return lock
    }

    /// What would be chosen now.
    func chosen(_ depot: Depot, keeping old: Lock? = nil, only: Set<String> = []) async throws -> Lock {
        try await display.during { try await depot.lock(needs, keeping: old, besides: only) }
    }

    func depot() throws -> Depot {
        let architecture = try Architecture.ofThisMachine()
        return Depot(
            lash: context.lash,
            sources: try AptSources.ofMachine(environment: context.environment, architecture: architecture),
            architecture: architecture, allowsUnsigned: allowsUnsigned,
            pip: .ofMachine(environment: context.environment), update: source.updateCommand,
            observer: { [display] in display.show($0) })
    }

    static func path(_ text: String) throws -> RelativePath {
        guard let path = RelativePath(text) else {
            throw UsageFailure("“\(Shown.whole(text))” can't be packed under this name", fix: "rename the file")
        }
        return path
    }

    private func image(
        of plan: Plan, _ lock: Lock, _ trees: [EnvironmentID: LayeredTree]
    ) throws -> MetroImage {
        let named = Dictionary(trees.map { ($0.key.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        var image = MetroImage()
        image.add(try Self.path("plan.json"), bytes: JSONText.encode(plan))
        image.add(try Self.path("metro.yml"), bytes: source.text)
        image.add(try Self.path("metro.lock"), bytes: lock.text)
        image.add(
            try Self.path("sbom.spdx.json"), bytes: SBOM(metro: plan.metro, lock: lock, trees: named).text)
        image.addFolder(try Self.path("made"))
        image.addFolder(try Self.path("inputs"))
        for folder in plan.packedFolders { image.addFolder(try Self.path(folder)) }
        for file in plan.packedFiles {
            switch file.content {
            case .text(let text): image.add(try Self.path(file.path), bytes: Array(text.utf8))
            case .file(let from):
                try image.add(try Self.path(file.path), fileAt: from.hasPrefix("/") ? from : "\(source.folder)/\(from)")
            }
        }
        return image
    }
}
