internal import Depot
internal import Digests
internal import Failures
internal import Files
internal import Metro
internal import Plan

/// What a metro was packed as, as far as that can be told without fetching, choosing or making anything.
extension Packing {
    struct Known {
        let plan: Plan
        /// The images that the environments were made into.
        let environments: [EnvironmentID: Digest]
    }

    /// - Returns: nil, and why, where too little is known.
    func known() async throws -> (Known?, reason: String) {
        if !File.exists(source.lockFile) { return (nil, "it was never packed") }
        let depot = try depot()
        let lock = try Lock.read(source.lockFile, update: source.updateCommand)
        if let misfit = lock.misfits(needs, architecture: depot.architecture).first {
            return (nil, "the lock does not fit the metro (\(misfit))")
        }
        guard let brought = try await brought(lock) else {
            return (nil, "not all that its inputs name has been fetched and unpacked yet")
        }
        let plan = brought.isEmpty ? source.plan : try source.plan(with: brought)
        let before = PackedBefore(lash: context.lash)
        var images: [EnvironmentID: Digest] = [:]
        for environment in plan.environments.map(\.id) {
            guard let locked = lock.environments[environment.name],
                let known = before.environment(locked, in: plan, environment)
            else { return (nil, "it was not packed here yet with these needs") }
            images[environment] = known.image
        }
        guard let resolved = before.resolved(plan, images) else { return (nil, "it was not packed here yet like this") }
        return (Known(plan: resolved, environments: images), "")
    }

    /// What was fetched and unpacked before; nil where something is missing.
    private func brought(_ lock: Lock) async throws -> InputFiles.Brought? {
        let wanted = InputFiles.remote(of: source.metro, replaced: source.replaced)
        let store = InputStore(context.lash)
        let locked = Dictionary(lock.inputs.map { ($0.address, $0) }, uniquingKeysWith: { first, _ in first })
        var brought = InputFiles.Brought()
        for address in wanted.map(\.address.text) {
            guard let file = locked[address], store.has(file) else { return nil }
            brought.fetched[address] = store.path(of: file.sha256)
        }
        let archives = InputFiles.archives(
            of: source.metro, in: source.folder, replaced: source.replaced, brought)
        let unpacked = archives.map { InputStore.Archive(path: $0.path, shown: $0.shown, place: $0.place) }
        guard unpacked.allSatisfy(store.hasUnpacked) else { return nil }
        return try await Bringing(context: context, display: display).unpack(archives, brought)
    }
}
