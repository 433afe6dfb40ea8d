internal import Bundle
internal import Depot
internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import JSON
internal import Parts
internal import Store
internal import Terminal

let packCommand = CommandSpec(
    name: "pack", about: "compile a metro with all its needs into one file",
    arguments: [metroArgument],
    options: [
        InputOption.option,
        .init(name: "--output", value: "FILE", about: "the file to write (NAME.las, or with the format's own ending)"),
        .init(
            name: "--format", value: "FORMAT", about: "bundle (as usual), squashfs, tar or oci",
            completes: .oneOf(PackFormat.allCases.map(\.rawValue))),
        .init(
            name: "--release", about: "compress harder: smaller, and several times slower to pack", completes: .nothing),
        .init(name: "--dry-run", about: "show what would be packed, and write nothing", completes: .nothing),
        .init(name: "--json", about: "say as JSON what was packed, or would be", completes: .nothing),
    ],
    examples: [
        ("las pack my-metro", "writes my-metro.las, which runs on any x86-64 Linux: ./my-metro.las run"),
        ("las pack my-metro --output out/a.las", "under another name"),
        ("las pack my-metro --format oci", "my-metro.oci.tar, for skopeo, podman and registries"),
    ],
    details: """
        The same metro, lock and las give the same bytes, wherever and whenever it is packed. What was fetched and built once
        is kept in LASH, and not made again.

        The other formats hold the same files without the bundle around them, for a metro with one environment: squashfs (one
        image), tar (compressed with zstd), oci (an image for container engines; a folder where --output does not end
        with .tar). The metro and the runtime are in /.las there.
        """
) { invocation, context in
    let source = try MetroSource.read(
        invocation.arguments.first ?? ".", inputs: try InputOption.values(invocation, context))
    if invocation.has("--dry-run") {
        if invocation.has("--json") {
            let format = try PackFormat.asked(invocation)
            let output = Context.absolute(invocation.value("--output") ?? "\(source.plan.metro).\(format.ending)")
            let told: JSONValue = [
                "bundle": .string(output), "plan": JSONValue(encoding: source.plan),
                "lock": File.exists(source.lockFile) ? .string(source.lockFile) : .null,
            ]
            context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
            return .done
        }
        context.terminal.print(Shown.whole(source.plan.text, keepingLines: true))
        let locked = File.exists(source.lockFile)
        context.terminal.print(
            locked
                ? "The packages are those of \(Shown.whole(source.lockFile))."
                : "There is no lock yet: packing would choose the packages and write \(Shown.whole(source.lockFile)).")
        return .done
    }
    let format = try PackFormat.asked(invocation)
    let output = Context.absolute(invocation.value("--output") ?? "\(source.plan.metro).\(format.ending)")
    guard File.status(File.parent(of: output), follow: true)?.kind == .folder else {
        throw UsageFailure(
            "there is no folder \(File.parent(of: output)) to write the bundle into", fix: "make it first")
    }
    let hold = try context.holdStore()
    defer { hold.release() }
    let packing = Packing(context: context, source: source, isRelease: invocation.has("--release"))
    // When the lock is made now, this is told there.
    if File.exists(source.lockFile) {
        for note in try Lock.read(source.lockFile, update: source.updateCommand).machineNotes {
            context.terminal.warn(note)
        }
    }
    if format != .bundle { return try await packing.export(format, to: output, asJSON: invocation.has("--json")) }
    var packed = try await packing.parts()
    for note in packed.plan.notes + source.notesOfUnseenFiles { context.terminal.say("note: " + Shown.whole(note)) }
    let runtime = try packing.store.add(runtimeAt: context.runtime())
    func write() throws -> Digest {
        try Stage.during(context.terminal, "writing the bundle") { stage in
            try BundleWriter(packing.store).write([runtime] + packed.parts, to: output) {
                stage.update(done: $0, of: $1)
            }
        }
    }
    var written: Digest?
    while written == nil {
        do { written = try write() } catch let failure as PartFailure {
            // Damaged blocks have left the store then, and are made again from their layer: one layer's at a time.
            if packed.parts.allSatisfy({ packing.store.has($0.digest) }) { throw failure }
            context.terminal.say("making again what was damaged in LASH: \(Shown.whole(failure.summary))")
            packed = try await packing.parts()
        }
    }
    guard let identity = written else { return .resources }
    KnownThings(context.lash).remember(bundle: output, parts: ([runtime] + packed.parts).map(\.digest))
    let size = File.status(output)?.size ?? 0
    if invocation.has("--json") {
        let parts = ([runtime] + packed.parts).map { JSONValue(encoding: $0) }
        let told: JSONValue = [
            "bundle": .string(output), "identity": .string(identity.hex), "size": .integer(size),
            "parts": .array(parts),
        ]
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
    } else {
        context.terminal.say("\(Shown.whole(output)): \(Amounts.bytes(size)), identity \(identity.short)")
    }
    return .done
}
