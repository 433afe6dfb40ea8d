internal import Depot
internal import Digests
internal import Files
internal import JSON
internal import Layers
internal import Parts
internal import Plan

/// What needs and inputs became when a metro was packed here, in LASH's `made`: so that what is done already can be told
/// without packing it again.
struct PackedBefore {
    let lash: LASH

    /// An environment's image, and the packages in it.
    struct Environment: Hashable, Codable {
        let image: Digest
        /// Versions by the packages' names.
        let packages: [String: String]
    }

    // MARK: Environments

    /// - Parameter plan: before the files of its `image` inputs were known.
    func remember(_ part: Part, of locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID) throws {
        let environment = Environment(image: part.digest, packages: locked.versions)
        if self.environment(locked, in: plan, id) == environment { return }
        try write(environment, to: place(of: locked, in: plan, id))
    }

    /// - Returns: nil for one that was not packed here.
    func environment(_ locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID) -> Environment? {
        read(place(of: locked, in: plan, id))
    }

    /// What is known of the environment that became this image, if anything.
    func environment(ofImage image: Digest) -> Environment? {
        for name in (try? Folder.names(in: lash.made)) ?? [] where name.hasPrefix("environment-") {
            if let found: Environment = read("\(lash.made)/\(name)"), found.image == image { return found }
        }
        return nil
    }

    /// Besides the lock it matters what the image does without, and what it keeps all the same.
    private func place(of locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID) -> String {
        let isSlim = plan.environments.first { $0.id == id }?.needs.isSlim ?? true
        let kept = plan.imageInputs.filter { $0.environments.contains(id) }
        let madeOf: JSONValue = [
            "locked": JSONValue(encoding: locked), "slim": isSlim ? .string(SlimRules.standard.digest.hex) : .null,
            "kept": isSlim ? JSONValue(encoding: kept) : .null,
        ]
        return "\(lash.made)/environment-\(Digest(of: JSONText.bytes(of: madeOf)).hex)"
    }

    // MARK: Inputs of images

    /// - Parameters:
    ///   - resolved: the same plan with the files of its `image` inputs.
    ///   - images: what its environments became.
    func remember(_ resolved: Plan, of plan: Plan, _ images: [EnvironmentID: Digest]) throws {
        guard plan.hasImageInputs else { return }
        let place = place(of: plan, images)
        if File.exists(place) { return }
        try write(resolved.imageInputs, to: place)
    }

    /// The plan with the files of its `image` inputs; nil where they are not known.
    func resolved(_ plan: Plan, _ images: [EnvironmentID: Digest]) -> Plan? {
        if !plan.hasImageInputs { return plan }
        let inputs: [PlannedInput]? = read(place(of: plan, images))
        return inputs.flatMap(plan.with(imageInputs:))
    }

    private func place(of plan: Plan, _ images: [EnvironmentID: Digest]) -> String {
        let environments = images.sorted { $0.key < $1.key }.map {
            JSONValue.array([.string($0.key.name), .string($0.value.hex)])
        }
        let madeOf: JSONValue = ["inputs": JSONValue(encoding: plan.imageInputs), "environments": .array(environments)]
        return "\(lash.made)/inputs-\(Digest(of: JSONText.bytes(of: madeOf)).hex)"
    }

    // MARK: Files

    private func read<Value: Decodable>(_ path: String) -> Value? {
        (try? File.read(path, atMost: 1 << 26)).flatMap { try? JSONText.decode(Value.self, from: $0) }
    }

    private func write(_ value: some Encodable, to path: String) throws {
        try Folder.make(lash.made)
        try File.write(JSONText.encode(value), to: path)
    }
}
