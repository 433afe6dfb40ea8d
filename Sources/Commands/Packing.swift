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

    /// What packing begins with: nothing is built yet.
    struct Ground {
        let lock: Lock
        /// With the files that were fetched and unpacked, without those of its `image` inputs.
        let plan: Plan
        /// Folders of archives that were unpacked for its inputs.
        let unpacked: [String]
    }

    /// What a metro is made of, before it becomes images.
    struct Material {
        let plan: Plan
        /// As their images have them; sorted by their names.
        let environments: [(id: EnvironmentID, tree: LayeredTree)]
        /// By the environments' names.
        let notes: [String: PackedBefore.Notes]
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
        let ground = try await ground()
        if let (plan, environments, notes) = remembered(ground) {
            return try finish(ground, plan, environments, notes)
        }
        let material = try await material(ground)
        let writer = writer
        let before = PackedBefore(lash: context.lash)
        var environments: [Part] = []
        var images: [EnvironmentID: Digest] = [:]
        for (environment, tree) in material.environments {
            let title = "writing the image of the environment \(environment)"
            let part = try Stage.during(context.terminal, title) { stage in
                try writer.environment(tree, named: environment.name) { stage.update(done: $0, of: $1) }
            }
            environments.append(part)
            images[environment] = part.digest
            guard !isRelease, let locked = ground.lock.environments[environment.name] else { continue }
            try before.remember(
                part, of: locked, in: ground.plan, environment,
                notes: material.notes[environment.name] ?? .init(licences: [:]),
                by: maker)
        }
        try before.remember(material.plan, of: ground.plan, images)
        return try finish(ground, material.plan, environments, material.notes)
    }

    /// The metro's own image, and a note of what was packed.
    private func finish(
        _ ground: Ground, _ plan: Plan, _ environments: [Part], _ notes: [String: PackedBefore.Notes]
    ) throws -> Packed {
        let image = try image(of: plan, ground.lock, notes)
        let metro = try Stage.during(context.terminal, "writing the metro's own image") { stage in
            try writer.metro(image, named: plan.metro) { stage.update(done: $0, of: $1) }
        }
        let parts = environments + [metro]
        try PackedHere(context.lash).remember(metro.digest)
        KnownThings(context.lash).remember(
            metroWithLock: source.lockFile, ground.lock, parts: parts.map(\.digest), unpacked: ground.unpacked)
        return Packed(plan: plan, parts: parts)
    }

    /// Locks the needs, and fetches what inputs name.
    func ground() async throws -> Ground {
        Folder.clearAbandoned(in: context.lash.temporary)
        var lock = try await lock(try depot())
        let brought = try await bring(&lock)
        return Ground(
            lock: lock, plan: brought.isEmpty ? source.plan : try source.plan(with: brought),
            unpacked: brought.unpacked.values.map(\.folder).sorted())
    }

    /// Builds the environments' layers, and looks into them for what the metro takes from there.
    func material(_ ground: Ground) async throws -> Material {
        let depot = try depot()
        var trees: [EnvironmentID: LayeredTree] = [:]
        for environment in source.plan.environments {
            guard let locked = ground.lock.environments[environment.id.name] else { continue }
            let ahead = BlocksAhead(writer)
            defer { ahead.stop() }
            trees[environment.id] = try await display.during {
                try await depot.build(locked) { layers in
                    let whole = LayeredTree(layers: layers)
                    let slim = environment.needs.isSlim
                    ahead.begin(
                        slim ? Self.slimmed(whole, of: environment, locked, in: ground.plan, depot).tree.layers : layers
                    )
                }
            }
        }
        let plan = try ground.plan.resolvingImageInputs { environment in
            guard let tree = trees[environment] else { return ImageFiles(paths: []) }
            let merged = tree.merged()
            return ImageFiles(
                paths: merged.map { "/" + $0.path.string },
                locations: FileLocations(tree, merged: merged).locations)
        }
        var notes = trees.reduce(into: [String: PackedBefore.Notes]()) {
            $0[$1.key.name] = .init(licences: SBOM.licences(in: $1.value))
        }
        var slim = trees
        for environment in source.plan.environments where environment.needs.isSlim {
            guard let tree = trees[environment.id], let locked = ground.lock.environments[environment.id.name] else {
                continue
            }
            let slimmed = Self.slimmed(tree, of: environment, locked, in: plan, depot)
            slim[environment.id] = slimmed.tree
            notes[environment.id.name]?.leftOut = slimmed.leftOut
        }
        return Material(
            plan: plan, environments: slim.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, notes: notes)
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

    /// The metro's own files.
    func image(
        of plan: Plan, _ lock: Lock, _ notes: [String: PackedBefore.Notes]
    ) throws -> MetroImage {
        var image = MetroImage()
        image.add(try Self.path("plan.json"), bytes: JSONText.encode(plan))
        image.add(try Self.path("metro.yml"), bytes: source.text)
        image.add(try Self.path("metro.lock"), bytes: lock.text)
        image.add(
            try Self.path("sbom.spdx.json"),
            bytes: SBOM(metro: plan.metro, lock: lock, licences: notes.mapValues(\.licences)).text)
        image.add(
            try Self.path(Slimming.file),
            bytes: JSONText.encode(Slimming(environments: notes.compactMapValues(\.leftOut))))
        image.addFolder(try Self.path("made"))
        image.addFolder(try Self.path("inputs"))
        for folder in plan.packedFolders { image.addFolder(try Self.path(folder)) }
        var rights: Set<RelativePath> = []
        for file in plan.packedFiles {
            let path = try Self.path(file.path)
            switch file.content {
            case .text(let text): image.add(path, bytes: Array(text.utf8))
            case .file(let from):
                let place = from.hasPrefix("/") ? from : "\(source.folder)/\(from)"
                try image.add(path, fileAt: place)
                if File.hasSpecialRights(File.real(place) ?? place) { rights.insert(path) }
            }
        }
        if let note = SpecialRights(rights).note(givenBy: .metro) { context.terminal.say("note: " + Shown.whole(note)) }
        return image
    }
}
