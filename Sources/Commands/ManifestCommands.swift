internal import Engines
internal import Failures
internal import Files
internal import JSON
internal import Parts
internal import Plan
internal import Registry
internal import Terminal
internal import Unpacking

let manifestKubernetesCommand = CommandSpec(
    name: "manifest kubernetes", about: "write what kubectl takes to run a metro in a cluster",
    arguments: [
        .init(
            name: "METRO-OR-BUNDLE", about: "the folder that holds metro.yml, or a bundle: what was pushed",
            completes: .metro)
    ],
    options: KubernetesWords.options + [
        .init(
            name: "--image", value: "REF@DIGEST",
            about:
                "the image of the metro, as “las push” prints it; of several environments ENVIRONMENT=REF@DIGEST for each",
            mayRepeat: true, completes: .nothing),
        .init(name: "--single", about: "one Job, whose pod runs the whole metro", completes: .nothing),
        InputOption.option,
    ],
    examples: [
        (
            "las manifest kubernetes my-metro --image ghcr.io/alice/my-metro@sha256:… | kubectl apply -f -",
            "runs what was pushed, a pod for each item of each station"
        ),
        (
            "las manifest kubernetes my-metro --single --image ghcr.io/alice/my-metro@sha256:…",
            "one pod runs all of it, one task after another: a volume that one node has is enough"
        ),
        (
            "las manifest kubernetes my-metro --image ghcr.io/alice/my-metro@sha256:… --input reads='new/*.fq'",
            "the same image on other files: small ones stand in the manifest"
        ),
    ],
    details: """
        Nothing is sent anywhere: the manifest goes to the standard output, and is the same for the same metro and options. It
        is there to be read and changed. The pods ask for what the stations' “uses” say, may do nothing that the profile
        “restricted” forbids, and write to one volume, which keeps the results: in its folder “run/results”, with --single in
        “results”. That volume must be for many nodes (ReadWriteMany), or --access-mode ReadWriteOnce keeps all pods on one node.

        Files of --input stand in the manifest, up to 100 KB each and 1 MB in all; larger ones are sent with the metro, by
        “las push --input”.
        """
) { invocation, context in
    let images = invocation.values("--image")
    if images.isEmpty {
        throw UsageFailure(
            "--image is missing: which image holds the metro",
            fix: "push it, and name it as the last line says: las push METRO REGISTRY/NAME:TAG")
    }
    var options = try KubernetesWords(invocation).options(for: images)
    let inputs = try InputOption.values(invocation, context)
    let plan: Plan
    if inputs.isEmpty {
        plan = try PlanSource.read(invocation.arguments[0], inputs: [])
    } else {
        let hold = try context.holdStore()
        defer { hold.release() }
        let material = try await RunMaterial.prepare(invocation.arguments[0], inputs: inputs, context)
        (plan, options.inputs) = try material.carried(inputs, context)
    }
    let manifest = try KubernetesManifest(plan, options)
    let given = invocation.arguments[0]
    let isSingle = invocation.has("--single")
    let head = [
        "The metro \(plan.metro), written by: las manifest kubernetes \(Shown.word(given)) \(options.shownImages)"
            + (isSingle ? " --single" : "")
    ]
    var objects = isSingle ? try manifest.single() : try manifest.stations()
    for file in invocation.values("--patch") {
        objects = try KubernetesPatch(try File.read(file, atMost: 16 << 20), file: file).applied(to: objects)
    }
    context.terminal.print(bytes: Array(objects.text(head: head).utf8))
    return .done
}

/// What is said of a cluster on the command line.
struct KubernetesWords {
    static let options: [CommandSpec.Option] = [
        .init(
            name: "--name", value: "NAME", about: "what all objects are called after; the metro's name when left out",
            completes: .nothing),
        .init(name: "--namespace", value: "NAME", about: "the namespace of all objects", completes: .nothing),
        .init(
            name: "--storage-class", value: "NAME", about: "of the volume; the cluster's own when left out",
            completes: .nothing),
        .init(
            name: "--access-mode", value: "MODE", about: "of the volume: \(modes.joined(separator: ", "))",
            completes: .oneOf(modes)),
        .init(name: "--size", value: "SIZE", about: "of the volume; 10Gi when left out", completes: .nothing),
        .init(
            name: "--node", value: "LABEL=VALUE", about: "a label that nodes must have; repeat it for more",
            mayRepeat: true, completes: .nothing),
        .init(
            name: "--pull-secret", value: "NAME", about: "a secret with the registry's credentials; repeat it for more",
            mayRepeat: true, completes: .nothing),
        .init(
            name: "--secret", value: "NAME",
            about:
                "a secret of the cluster whose keys are what the stations' “secrets” name; las-secrets when left out",
            completes: .nothing),
        .init(
            name: "--at", value: "LABEL=KEY=VALUE",
            about: "the label of a node that stands for a station's “at: LABEL”; las/LABEL=true when left out",
            mayRepeat: true, completes: .nothing),
        .init(
            name: "--patch", value: "FILE",
            about: "YAML that is merged into the objects of its kind and name; repeat it for more", mayRepeat: true),
        .init(
            name: "--claim", value: "NAME=/FOLDER",
            about: "a PersistentVolumeClaim that is there already, and where all pods find it; repeat it for more",
            mayRepeat: true, completes: .nothing),
        .init(
            name: "--parallel", value: "N", about: "pods of a station at a time, at most; 500 when left out",
            completes: .nothing),
    ]

    /// Those of them that were given.
    static func given(_ invocation: Invocation) -> [String] { options.map(\.name).filter(invocation.has) }

    private static let modes = KubernetesOptions.AccessMode.allCases.map(\.rawValue)

    private let invocation: Invocation

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// - Parameter images: one, or `ENVIRONMENT=IMAGE` for each environment.
    func options(for images: [String]) throws -> KubernetesOptions {
        var options = KubernetesOptions()
        for image in images {
            let parts = image.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let reference = try ImageReference(parts.last ?? image)
            guard let digest = reference.digest else {
                throw UsageFailure(
                    "“\(Shown.whole(image))” does not say which image: a tag may name another one tomorrow",
                    fix:
                        "name it by its digest, as the last line of “las push” does: \(reference.registry)/\(reference.name)@sha256:…"
                )
            }
            let name = PushSource.name(of: digest, at: reference)
            options.imageOfAll = options.imageOfAll ?? name
            if parts.count == 2 { options.images.append((key: parts[0], value: name)) }
        }
        if images.count > 1, options.images.count != images.count {
            throw UsageFailure(
                "several images are those of a metro's environments, and each says whose it is",
                fix: "--image ENVIRONMENT=REF@DIGEST for each, as “las push” prints them")
        }
        options.name = invocation.value("--name")
        options.namespace = invocation.value("--namespace")
        options.storageClass = invocation.value("--storage-class")
        options.accessMode = invocation.value("--access-mode").flatMap(KubernetesOptions.AccessMode.init)
        options.size = invocation.value("--size") ?? options.size
        options.pullSecrets = invocation.values("--pull-secret")
        options.secret = invocation.value("--secret") ?? options.secret
        if let text = invocation.value("--parallel") {
            guard let count = Int(text), (1...100_000).contains(count) else {
                throw UsageFailure("--parallel takes a number from 1 to 100000, not “\(Shown.text(text))”")
            }
            options.parallel = count
        }
        options.nodes = try pairs(
            "--node", "a label and its value",
            fix: "as “kubectl get nodes --show-labels” shows them: --node kubernetes.io/arch=amd64")
        options.places = try pairs(
            "--at", "a station's label, and that of a node with its value", fix: "--at ssd=disktype=ssd")
        options.claims = try pairs("--claim", "a claim and a folder", fix: "--claim genomes=/genomes")
        return options
    }

    private func pairs(_ option: String, _ what: String, fix: String) throws -> [(key: String, value: String)] {
        try invocation.values(option).map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, text.utf8.allSatisfy({ $0 >= 0x20 }) else {
                throw UsageFailure("\(option) takes \(what), and not “\(Shown.text(text))”", fix: fix)
            }
            return (key: parts[0], value: parts[1])
        }.sorted { ($0.key, $0.value) < ($1.key, $1.value) }
    }

    /// The texts of the patch files, as one.
    func patch() throws -> String? {
        let texts = try invocation.values("--patch").map { file in
            let text = try File.read(file, atMost: 1 << 20)
            _ = try KubernetesPatch(text, file: file)
            return String(decoding: text, as: UTF8.self)
        }
        return texts.isEmpty ? nil : texts.joined(separator: "\n---\n")
    }
}

extension RunMaterial {
    /// The plan, and what of it the manifest brings itself.
    func carried(_ inputs: [ReplacedInputs.Value], _ context: Context) throws -> (Plan, CarriedInputs) {
        guard let metro = parts.first(where: { $0.kind == .metro }) else {
            throw UsageFailure("there is no image of the metro's own")
        }
        let image = try ImageReader(PartStore(context.lash).whole(metro))
        let text = try image.read(try Packing.path("plan.json"), atMost: 256 << 20)
        let plan = try JSONText.decode(Plan.self, from: text)
        let names = try ReplacedInputs.find(inputs, known: plan.replaceable).names
        return (plan, try CarriedInputs(names, of: plan, text: text) { try image.read($0) })
    }
}

/// The plan of a metro, or of a bundle.
enum PlanSource {
    static func read(_ given: String, inputs: [ReplacedInputs.Value]) throws -> Plan {
        guard File.status(given, follow: true)?.kind == .file, !given.hasSuffix(".yml"), !given.hasSuffix(".yaml")
        else {
            return try MetroSource.read(given, inputs: inputs).plan
        }
        let bundle = try BundleFile.open(given)
        let bytes = try ImageReader(bundle.path, offset: bundle.metro.offset).read(
            try Packing.path("plan.json"), atMost: 256 << 20)
        do { return try JSONText.decode(Plan.self, from: bytes) } catch {
            throw UsageFailure(
                "the plan of this bundle can't be read: another las has packed it", fix: "pack the metro with this las")
        }
    }
}
