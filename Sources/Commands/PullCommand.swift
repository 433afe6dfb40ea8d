internal import Bundle
internal import Depot
internal import Failures
internal import Files
internal import JSON
internal import Registry
internal import Terminal

let pullCommand = CommandSpec(
    name: "pull", about: "fetch an image from a registry",
    arguments: [
        .init(
            name: "REGISTRY/NAME:TAG", about: "with “@sha256:…” to have exactly that one", completes: .nothing)
    ],
    options: [
        .init(
            name: "--output", value: "FILE",
            about: "a folder in OCI's layout, or a tar of it where it ends with .tar (NAME.oci.tar)"),
        .init(
            name: "--plain-http", about: "speak http without encryption to a registry on another machine",
            completes: .nothing),
        .init(name: "--json", about: "say as JSON what was fetched", completes: .nothing),
    ],
    examples: [
        ("las pull ghcr.io/alice/my-metro:1", "my-metro.oci.tar, for podman, skopeo and other registries"),
        ("las pull ghcr.io/alice/my-metro:1 --output image", "as a folder, which las push takes"),
    ],
    details: "Every layer is held to its digest before the file appears."
) { invocation, context in
    let reference = try ImageReference(invocation.arguments[0])
    let name = File.name(of: "/" + reference.name)
    let output = Context.absolute(invocation.value("--output") ?? "\(name).oci.tar")
    if File.exists(output) {
        throw UsageFailure(
            "there is a \(Shown.whole(output)) already", fix: "remove it, or name another place with --output")
    }
    guard File.status(File.parent(of: output), follow: true)?.kind == .folder else {
        throw UsageFailure("there is no folder \(Shown.whole(File.parent(of: output)))", fix: "make it first")
    }
    // Beside its place, so that it can be renamed into it.
    let digest = try Folder.withTemporary(in: File.parent(of: output), named: ".las-pull") { folder in
        let pull = try RegistryPull(
            reference, Credentials(context.lash, environment: context.environment),
            isPlain: invocation.has("--plain-http"))
        let architecture = try Architecture.ofThisMachine().name
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
