internal import Bundle
internal import Depot
internal import Digests
internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Registry
internal import Terminal

let pushCommand = CommandSpec(
    name: "push", about: "send a metro as an image to a registry",
    arguments: [
        .init(
            name: "METRO-OR-BUNDLE", about: "the folder that holds metro.yml, a bundle, or a folder in OCI's layout",
            completes: .metro),
        .init(name: "REGISTRY/NAME:TAG", about: "where to: ghcr.io/alice/my-metro:1", completes: .nothing),
    ],
    options: [
        InputOption.option,
        .init(
            name: "--plain-http", about: "speak http without encryption to a registry on another machine",
            completes: .nothing),
        .init(
            name: "--with-bundle",
            about: "send the bundle as well, so that las pull gives it back: twice as much to send",
            completes: .nothing),
        .init(name: "--dry-run", about: "show what would be sent where, and send nothing", completes: .nothing),
        .init(name: "--json", about: "say as JSON what was sent", completes: .nothing),
    ],
    examples: [
        ("las push my-metro ghcr.io/alice/my-metro:1", "packs it as an OCI image and sends what the registry lacks"),
        (
            "las push my-metro.las 127.0.0.1:5000/my-metro",
            "a bundle that was packed before, to a registry on this machine"
        ),
    ],
    details: """
        Layers follow the needs, so that of an edited metro only the small layer with its own files is sent. The image starts
        the runtime: “podman run ghcr.io/alice/my-metro:1” runs the metro. It is there when all of it is, or not at all.
        The last line printed is its digest, which names it for good.

        With --with-bundle the bundle itself lies beside the image, in pieces of which only those are sent that have changed. The image
        names it by its digest; “las pull” brings it, and it runs as the one that was sent.

        The credentials are those of “las login”, else those that Podman and Docker keep for you. They are shown to that registry
        only. A registry on this machine (127.0.0.1, localhost) is spoken to without encryption.

        A metro whose stations have different needs becomes an image for each environment, under one tag. Each is printed
        before the last line, as “las manifest kubernetes --image” takes it; on its own, none of them runs the whole metro.
        """
) { invocation, context in
    let reference = try ImageReference(invocation.arguments[1])
    if reference.digest != nil {
        throw UsageFailure("an image is sent to a tag: its digest comes out of it", fix: "leave out “@sha256:…”")
    }
    let given = Context.absolute(invocation.arguments[0])
    if invocation.has("--dry-run") {
        let kind = try PushSource(given).words
        let more = invocation.has("--with-bundle") ? ", with its bundle" : ""
        context.terminal.print("\(Shown.whole(given)), \(kind), would be sent to \(reference)\(more)")
        return .done
    }
    let hold = try context.holdStore()
    defer { hold.release() }
    let pushed = try await PushSource.send(
        given, to: reference, invocation, withBundle: invocation.has("--with-bundle"), context)
    let whole = PushSource.name(of: pushed.digest, at: reference)
    let images = PushSource.environments(of: pushed, at: reference)
    if invocation.has("--json") {
        let told: JSONValue = [
            "image": .string(whole), "tag": .string(reference.tag), "digest": .string("sha256:" + pushed.digest.hex),
            "sent": .integer(pushed.sent), "there": .integer(pushed.there),
            "environments": .object(Dictionary(images.map { ($0.key, .string($0.value)) }) { first, _ in first }),
        ]
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
    } else {
        PushSource.tell(pushed, reference, context)
        for image in images { context.terminal.print("\(image.key)=\(image.value)") }
        context.terminal.print(whole)
    }
    return .done
}

/// What a person wants to send.
enum PushSource {
    case metro(String)
    case bundle(String)
    case layout(String)

    init(_ path: String) throws {
        guard let status = File.status(path, follow: true) else {
            throw UsageFailure("there is no \(Shown.whole(path))", fix: "name a folder with metro.yml, or a bundle")
        }
        if status.kind == .folder, File.exists(path + "/oci-layout") {
            self = .layout(path)
        } else if status.kind == .file, File.name(of: path) != "metro.yml", !path.ends(with: ".yml"),
            !path.ends(with: ".yaml")
        {
            if path.ends(with: ".tar") {
                throw UsageFailure(
                    "a tar of an image has to be unpacked before it is sent",
                    fix: "mkdir image && tar -xf \(Shown.word(File.name(of: path))) -C image, and send the folder")
            }
            self = .bundle(path)
        } else {
            self = .metro(path)
        }
    }

    var words: String {
        switch self {
        case .metro: "a metro"
        case .bundle: "a bundle"
        case .layout: "an image in OCI's layout"
        }
    }

    /// - Parameters:
    ///   - given: an absolute path.
    ///   - withBundle: whether the bundle goes along; it is there before the image that names it.
    static func send(
        _ given: String, to reference: ImageReference, _ invocation: Invocation, withBundle: Bool = false,
        _ context: Context
    ) async throws -> Pushed {
        let source = try PushSource(given)
        if withBundle, case .layout = source {
            throw UsageFailure(
                "\(Shown.whole(given)) is an image, of which no bundle can be made",
                fix: "send the metro or the bundle that it was made of")
        }
        let folder = try Folder.makeTemporary(in: context.lash.temporary, named: "push")
        defer { try? Folder.remove(folder) }
        var layout = try await source.layout(in: folder, invocation, context)
        func send(_ layout: OCILayout, to reference: ImageReference, _ title: String) throws -> Pushed {
            let push = try RegistryPush(
                layout, to: reference, Credentials(context.lash, environment: context.environment), context.lash,
                isPlain: invocation.has("--plain-http"))
            return try Stage.during(context.terminal, title) { stage in
                try push.run { stage.update(done: $0, of: $1) }
            }
        }
        var before: (sent: Int64, there: Int64) = (0, 0)
        if withBundle {
            let file = try await source.bundleFile(in: folder, invocation, context)
            let borders = file.parts.map(\.offset) + [file.index.offset]
            let (pieces, bundle) = try AttachedBundle.layout(of: file.path, cutAt: borders, in: folder + "/pieces")
            let place = try ImageReference("\(reference.registry)/\(reference.name):\(bundle.tag)")
            let pushed = try send(pieces, to: place, "sending the bundle to \(reference.registry)")
            before = (pushed.sent, pushed.there)
            layout = try layout.naming(bundle)
        }
        let pushed = try send(layout, to: reference, "sending to \(reference.registry)")
        return pushed.adding(sent: before.sent, there: before.there)
    }

    /// The bundle, or the one that a metro becomes.
    private func bundleFile(
        in folder: String, _ invocation: Invocation, _ context: Context
    ) async throws -> BundleFile {
        switch self {
        case .bundle(let path), .layout(let path): return try BundleFile.open(path)
        case .metro(let path):
            let source = try MetroSource.read(path, inputs: try InputOption.values(invocation, context))
            let packing = Packing(context: context, source: source)
            let packed = try await packing.parts()
            let runtime = try packing.store.add(runtimeAt: context.runtime())
            let output = folder + "/bundle.las"
            try Stage.during(context.terminal, "writing the bundle") { stage in
                _ = try BundleWriter(packing.store).write([runtime] + packed.parts, to: output) {
                    stage.update(done: $0, of: $1)
                }
            }
            return try BundleFile.open(output)
        }
    }

    /// By its digest, which names it for good.
    static func name(of digest: Digest, at reference: ImageReference) -> String {
        "\(reference.registry)/\(reference.name)@sha256:\(digest.hex)"
    }

    /// The images of a metro's environments, where it has several.
    static func environments(of pushed: Pushed, at reference: ImageReference) -> [(key: String, value: String)] {
        pushed.images.compactMap { image in
            image.environment.map { (key: $0, value: name(of: image.manifest.digest, at: reference)) }
        }
    }

    static func tell(_ pushed: Pushed, _ reference: ImageReference, _ context: Context) {
        context.terminal.say(
            "\(reference): \(Amounts.bytes(pushed.sent)) sent, \(Amounts.bytes(pushed.there)) were there")
    }

    /// - Parameter folder: empty, and there as long as the layout is used.
    func layout(in folder: String, _ invocation: Invocation, _ context: Context) async throws -> OCILayout {
        switch self {
        case .layout(let path): return try OCILayout(path)
        case .metro(let path):
            let source = try MetroSource.read(path, inputs: try InputOption.values(invocation, context))
            try await Packing(context: context, source: source).ociLayout(at: folder + "/image")
        case .bundle(let path):
            let bundle = try BundleFile.open(path)
            try Stage.during(context.terminal, "checking the bundle") { stage in
                _ = try bundle.verifyOnce(in: context.lash) { stage.update(done: $0, of: $1) }
            }
            let trees = try BundleTree.exported(
                bundle, conductor: try context.conductor(), into: folder, context.terminal)
            try Stage.during(context.terminal, "writing the image") { stage in
                try ImageWriter(context.lash, options: ImageOptions()).oci(
                    trees, architecture: try Architecture.ofThisMachine().name, to: folder + "/image"
                ) { stage.update(done: $0, of: $1) }
            }
        }
        return try OCILayout(folder + "/image")
    }
}
