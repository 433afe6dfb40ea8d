internal import Bundle
internal import Depot
internal import Digests
internal import Files
internal import Parts
internal import Plan

/// Needs that were packed here before as they are: then nothing is built, and the layers are not looked at.
extension Packing {
    /// This very las, with the libraries that decide how images are compressed: another one may make other bytes of the same
    /// needs.
    var maker: String {
        let program = File.status(context.program).map {
            "\($0.device) \($0.inode) \($0.size) \($0.modified).\($0.modifiedNanoseconds)"
        }
        return "\(program ?? "unknown"); \(writer.options.words)"
    }

    /// - Returns: nil where an environment was not packed here by this las, or its image is not all there.
    func remembered(
        _ ground: Ground
    ) -> (plan: Plan, environments: [Part], notes: [String: PackedBefore.Notes])? {
        if isRelease { return nil }
        let before = PackedBefore(lash: context.lash)
        var parts: [Part] = []
        var images: [EnvironmentID: Digest] = [:]
        var notes: [String: PackedBefore.Notes] = [:]
        for id in source.plan.environments.map(\.id).sorted() {
            guard let locked = ground.lock.environments[id.name] else { continue }
            guard let image = before.image(of: locked, in: ground.plan, id, by: maker),
                store.has(image.digest)
            else { return nil }
            parts.append(Part(kind: .environment, name: id.name, size: image.size, digest: image.digest))
            images[id] = image.digest
            notes[id.name] = image.notes
        }
        guard let plan = before.resolved(ground.plan, images) else { return nil }
        return (plan, parts, notes)
    }
}
