internal import Bundle
internal import Depot
internal import Failures
internal import Files
internal import JSON
internal import Layers
internal import Metro
internal import Parts
internal import Plan
internal import Terminal

/// A metro to parts: its needs locked and built, its images made, all in LASH's store.
struct Packing {
    let context: Context
    let source: MetroSource
    /// Addresses of archives whose release files need no signature.
    var allowsUnsigned: Set<String> = []
    let display: DepotDisplay

    init(context: Context, source: MetroSource) {
        (self.context, self.source, display) = (context, source, DepotDisplay(context.terminal))
    }

    /// What a metro became.
    struct Packed {
        let plan: Plan
        /// Environments and the metro; the runtime is added by who needs it.
        let parts: [Part]
    }

    var store: PartStore { PartStore(context.lash) }

    private var needs: [String: Needs] {
        Dictionary(source.plan.environments.map { ($0.id.name, $0.needs) }, uniquingKeysWith: { $1 })
    }

    func parts() async throws -> Packed {
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
        let writer = ImageWriter(context.lash)
        var parts: [Part] = []
        for (environment, tree) in trees.sorted(by: { $0.key < $1.key }) {
            let title = "writing the image of the environment \(environment)"
            parts.append(
                try Stage.during(context.terminal, title) { stage in
                    try writer.environment(tree, named: environment.name) { stage.update(done: $0, of: $1) }
                })
        }
        let image = try image(of: plan, lock)
        parts.append(
            try Stage.during(context.terminal, "writing the metro's own image") { stage in
                try writer.metro(image, named: plan.metro) { stage.update(done: $0, of: $1) }
            })
        return Packed(plan: plan, parts: parts)
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
    /// - Parameter inputs: what it says of files.
    func update(_ depot: Depot, inputs: [LockedInput] = []) async throws -> Lock {
        let lock = try await display.during { try await depot.lock(needs) }.with(inputs)
        try lock.write(to: source.lockFile)
        let count = Set(lock.environments.values.flatMap { $0.packages.map(\.title) }).count
        context.terminal.say("\(Amounts.count(count, "package")) chosen and written to \(Shown.whole(source.lockFile))")
        return lock
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

    private func image(of plan: Plan, _ lock: Lock) throws -> MetroImage {
        var image = MetroImage()
        image.add(try Self.path("plan.json"), bytes: JSONText.encode(plan))
        image.add(try Self.path("metro.yml"), bytes: source.text)
        image.add(try Self.path("metro.lock"), bytes: lock.text)
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
