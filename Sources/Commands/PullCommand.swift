internal import Bundle
internal import Depot
internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Registry
internal import Terminal

let pullCommand = CommandSpec(
    name: "pull", about: "fetch a bundle, or an image, from a registry",
    arguments: [
        .init(
            name: "REGISTRY/NAME:TAG", about: "with “@sha256:…” to have exactly that one", completes: .nothing)
    ],
    options: [
        .init(
            name: "--output", value: "FILE",
            about: "a bundle where it ends with .las, a tar of the image where with .tar, else a folder in OCI's layout"
        ),
        .init(
            name: "--plain-http", about: "speak http without encryption to a registry on another machine",
            completes: .nothing),
        .init(name: "--json", about: "say as JSON what was fetched", completes: .nothing),
    ],
    examples: [
        ("las pull ghcr.io/alice/my-metro:1", "my-metro.las, where it was pushed with its bundle"),
        (
            "las pull ghcr.io/alice/my-metro:1 --output my-metro.oci.tar",
            "the image, for podman, skopeo and other registries"
        ),
        ("las pull ghcr.io/alice/my-metro:1 --output image", "as a folder, which las push takes"),
    ],
    details: """
        Every layer is held to its digest before the file appears. A bundle is there where it was sent along (las push --with-bundle);
        without --output las takes it, and else the image: NAME.las, NAME.oci.tar.
        """
) { invocation, context in
    let reference = try ImageReference(invocation.arguments[0])
    let name = File.name(of: "/" + reference.name)
    let pull = try RegistryPull(
        reference, Credentials(context.lash, environment: context.environment), isPlain: invocation.has("--plain-http"))
    let architecture = try Architecture.ofThisMachine().name
    let given = invocation.value("--output")
    let bundle = given?.hasSuffix(".las") ?? true ? try pull.bundle(architecture: architecture) : nil
    if bundle == nil, given != nil, given?.hasSuffix(".las") == true {
        throw UsageFailure(
            "there is no bundle with \(reference), only an image",
            fix: "las pull \(reference) --output \(name).oci.tar fetches the image; las push --with-bundle sends both")
    }
    let output = Context.absolute(given ?? "\(name).\(bundle == nil ? "oci.tar" : "las")")
    if File.exists(output) {
        throw UsageFailure(
            "there is a \(Shown.whole(output)) already", fix: "remove it, or name another place with --output")
    }
    guard File.status(File.parent(of: output), follow: true)?.kind == .folder else {
        throw UsageFailure("there is no folder \(Shown.whole(File.parent(of: output)))", fix: "make it first")
    }
    if let bundle { return try PulledBundle(bundle, pull).take(to: output, invocation, context) }
    // Beside its place, so that it can be renamed into it.
    let digest = try Folder.withTemporary(in: File.parent(of: output), named: ".las-pull") { folder in
        let layout = try Stage.during(context.terminal, "fetching from \(reference.registry)") { stage in
            try pull.run(into: folder + "/image", architecture: architecture) { stage.update(done: $0, of: $1) }
        }
        if output.ends(with: ".tar") {
            try ImageWriter.archive(ofLayout: folder + "/image", to: output)
        } else {
            try Folder.syncDisk(of: folder + "/image")
            try File.rename(folder + "/image", to: output)
        }
        return layout.manifest.digest
    }
    if invocation.has("--json") {
        let told: JSONValue = ["output": .string(output), "digest": .string("sha256:" + digest.hex)]
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
    } else {
        context.terminal.say("\(Shown.whole(output)): \(reference.registry)/\(reference.name)@sha256:\(digest.hex)")
    }
    return .done
}

/// A bundle that lies beside an image.
struct PulledBundle {
    private let bundle: AttachedBundle
    private let pull: RegistryPull

    init(_ bundle: AttachedBundle, _ pull: RegistryPull) { (self.bundle, self.pull) = (bundle, pull) }

    /// Its name appears when it is whole, and what it says it is.
    func take(to output: String, _ invocation: Invocation, _ context: Context) throws -> ExitCode {
        let reference = pull.reference
        let identity = try Folder.withTemporary(in: File.parent(of: output), named: ".las-pull") { folder in
            let path = folder + "/bundle"
            try Stage.during(context.terminal, "fetching from \(reference.registry)") { stage in
                try Folder.make(folder + "/pieces")
                try pull.fetch(bundle, to: path, by: folder + "/pieces") { stage.update(done: $0, of: $1) }
            }
            let file = try BundleFile.open(path)
            try Stage.during(context.terminal, "checking the bundle") { stage in
                try file.verify { stage.update(done: $0, of: $1) }
            }
            try File.rename(path, to: output)
            return file.identity
        }
        let digest = "sha256:" + bundle.digest.hex
        if invocation.has("--json") {
            let told: JSONValue = [
                "output": .string(output), "digest": .string(digest), "identity": .string(identity.hex),
            ]
            context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
        } else {
            let size = Amounts.bytes(bundle.size)
            context.terminal.say(
                "\(Shown.whole(output)): \(size), identity \(identity.short), \(reference.registry)/\(reference.name)@\(digest)"
            )
        }
        return .done
    }
}
