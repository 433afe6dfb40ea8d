internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
internal import Parts
internal import Plan
internal import Signatures
internal import Store
internal import Terminal
internal import Unpacking

/// What `las run` and `las deploy` are given, as parts in LASH's store.
struct RunMaterial {
    let metro: String
    /// nil for a bundle, which is not read again: its plan is looked at where it runs.
    var plan: Plan?
    /// The environments and the metro.
    let parts: [Part]

    /// The bundle that all of them are from, with its signatures.
    var bundle: SentBundle?

    var size: Int64 { parts.reduce(0) { $0 + $1.size } }

    /// - Parameter given: a metro (a folder, or its file), or a bundle.
    /// - Parameter inputs: what the command line gives to its inputs.
    static func prepare(
        _ given: String, inputs: [ReplacedInputs.Value], _ context: Context
    ) async throws -> RunMaterial {
        if isBundle(given) {
            let material = try unpack(given, context)
            return inputs.isEmpty ? material : try await material.replacing(inputs, context)
        }
        let source = try MetroSource.read(given, inputs: inputs)
        for note in source.notesOfUnseenFiles { context.terminal.say("note: " + Shown.whole(note)) }
        let packed = try await Packing(context: context, source: source).parts()
        return RunMaterial(metro: source.plan.metro, plan: packed.plan, parts: packed.parts)
    }

    /// The plan, read from the metro's image where it is a bundle's; nil where this las can't read it, as who runs it will tell.
    func readPlan(_ lash: LASH) -> Plan? {
        if let plan { return plan }
        guard let metro = parts.first(where: { $0.kind == .metro }), let path = RelativePath("plan.json"),
            let text = try? ImageReader(PartStore(lash).whole(metro)).read(path, atMost: 256 << 20)
        else { return nil }
        return try? JSONText.decode(Plan.self, from: text)
    }

    /// Whether workspaces of the run lie on a server, too.
    func hasServers(_ lash: LASH) -> Bool { readPlan(lash)?.workspaces.contains { $0.server != nil } ?? false }

    /// A bundle begins with a program; a metro is text.
    private static func isBundle(_ given: String) -> Bool {
        if given.hasSuffix(".las"), File.status(given, follow: true)?.kind == .file { return true }
        let descriptor = open(given, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: 4)
        return read(descriptor, &head, 4) == 4 && head == [0x7F, 0x45, 0x4C, 0x46]
    }

    private static func unpack(_ path: String, _ context: Context) throws -> RunMaterial {
        let bundle = try BundleFile.open(path)
        try Trust(context.lash).admit(bundle.identity, bundle.signatures, in: path)
        let store = PartStore(context.lash)
        try Stage.during(context.terminal, "checking the bundle") { stage in
            try bundle.verifyOnce(in: context.lash) { stage.update(done: $0, of: $1) }
            for placed in bundle.parts where placed.part.kind != .runtime { try store.add(placed, from: bundle) }
        }
        KnownThings(context.lash).remember(bundle: Context.absolute(path), parts: bundle.parts.map(\.part.digest))
        return RunMaterial(
            metro: bundle.metro.part.name, parts: bundle.parts.map(\.part).filter { $0.kind != .runtime },
            bundle: SentBundle(parts: bundle.parts.map(\.part), signatures: bundle.signatures))
    }
}
