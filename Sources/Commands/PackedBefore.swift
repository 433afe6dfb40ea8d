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

    /// What the metro's image tells of an environment.
    struct Notes: Hashable, Codable {
        /// For the SBOM: the names of licences by the packages' names.
        var licences: [String: [String]]
        /// What its image does without; nil where it keeps all.
        var leftOut: [SlimmedTree.LeftOut]?
    }

    /// What a set of locked needs became, so that packing it again need not look into its layers.
    struct Image: Hashable, Codable {
        let digest: Digest
        let size: Int64
        let notes: Notes
        let maker: String
    }

    /// - Parameters:
    ///   - plan: before the files of its `image` inputs were known.
    ///   - maker: what has made it.
    func remember(
        _ part: Part, of locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID, notes: Notes, by maker: String
    ) throws {
        let image = Image(digest: part.digest, size: part.size, notes: notes, maker: maker)
        if self.image(of: locked, in: plan, id, by: maker) != image {
            try write(image, to: place("image", of: locked, in: plan, id))
        }
        let environment = Environment(image: part.digest, packages: locked.versions)
        if self.environment(locked, in: plan, id) == environment { return }
        try write(environment, to: place("environment", of: locked, in: plan, id))
    }

    /// - Returns: nil where it was not packed here, or by another las.
    func image(of locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID, by maker: String) -> Image? {
        let image: Image? = read(place("image", of: locked, in: plan, id))
        return image?.maker == maker ? image : nil
    }

    /// - Returns: nil for one that was not packed here.
    func environment(_ locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID) -> Environment? {
        read(place("environment", of: locked, in: plan, id))
    }

    /// What is known of the environment that became this image, if anything.
    func environment(ofImage image: Digest) -> Environment? {
        for name in (try? Folder.names(in: lash.made)) ?? [] where name.hasPrefix("environment-") {
            if let found: Environment = read("\(lash.made)/\(name)"), found.image == image { return found }
        }
        return nil
    }

    /// Besides the lock it matters what the image does without, and what it keeps all the same.
    private func place(_ what: String, of locked: LockedEnvironment, in plan: Plan, _ id: EnvironmentID) -> String {
        let isSlim = plan.environments.first { $0.id == id }?.needs.isSlim ?? true
        let kept = plan.imageInputs.filter { $0.environments.contains(id) }
        let madeOf: JSONValue = [
            "locked": JSONValue(encoding: locked), "slim": isSlim ? .string(SlimRules.standard.digest.hex) : .null,
            "kept": isSlim ? JSONValue(encoding: kept) : .null,
        ]
        return "\(lash.made)/\(what)-\(Digest(of: JSONText.bytes(of: madeOf)).hex)"
    }

    // MARK: Inputs of images

    private struct Inputs: Codable {
        let inputs: [PlannedInput]
    }

    /// - Parameters:
    ///   - resolved: the same plan with the files of its `image` inputs.
    ///   - images: what its environments became.
    func remember(_ resolved: Plan, of plan: Plan, _ images: [EnvironmentID: Digest]) throws {
        guard plan.hasImageInputs else { return }
        if self.resolved(plan, images) != nil { return }
        try write(Inputs(inputs: resolved.imageInputs), to: place(of: plan, images))
    }

    /// The plan with the files of its `image` inputs; nil where they are not known.
    func resolved(_ plan: Plan, _ images: [EnvironmentID: Digest]) -> Plan? {
        if !plan.hasImageInputs { return plan }
        let found: Inputs? = read(place(of: plan, images))
        return found.flatMap { plan.with(imageInputs: $0.inputs) }
    }

    private func place(of plan: Plan, _ images: [EnvironmentID: Digest]) -> String {
        let environments = images.sorted { $0.key < $1.key }.map {
            JSONValue.array([.string($0.key.name), .string($0.value.hex)])
        }
        let madeOf: JSONValue = ["inputs": JSONValue(encoding: plan.imageInputs), "environments": .array(environments)]
        return "\(lash.made)/inputs-\(Digest(of: JSONText.bytes(of: madeOf)).hex)"
    }

    // MARK: Files

    /// - Returns: nil for what is not there, or not as it was written.
    private func read<Value: Decodable>(_ path: String) -> Value? {
        guard let text = try? File.read(path, atMost: 1 << 26),
            case .object(var members) = try? JSONText.parse(text), let check = members.removeValue(forKey: "check"),
            check.string == Digest(of: JSONText.bytes(of: .object(members))).hex
        else { return nil }
        return try? JSONText.decode(Value.self, from: text)
    }

    /// A member more, `check`, tells a note that was damaged.
    private func write(_ value: some Encodable, to path: String) throws {
        guard case .object(var members) = JSONValue(encoding: value) else { return }
        members["check"] = .string(Digest(of: JSONText.bytes(of: .object(members))).hex)
        try Folder.make(lash.made)
        try File.put(JSONText.bytes(of: .object(members)), at: path)
    }
}
