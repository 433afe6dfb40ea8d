internal import Engines
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Hosts
internal import Parts
internal import Plan
internal import Registry
internal import Terminal

/// `las deploy --kubernetes`: the metro is pushed as an image, the user's kubectl applies the run's objects, and a process of this machine
/// keeps the run's journal.
enum KubernetesDeployment {
    static let options: [CommandSpec.Option] =
        [
            .init(name: "--kubernetes", about: "run it in a Kubernetes cluster, by your kubectl", completes: .nothing),
            .init(
                name: "--image", value: "REGISTRY/NAME:TAG",
                about: "Kubernetes: where the metro is pushed to; with @sha256:… what was pushed before",
                completes: .nothing),
            .init(
                name: "--context", value: "NAME",
                about: "Kubernetes: the cluster, as “kubectl config get-contexts” lists it",
                completes: .nothing),
            .init(
                name: "--plain-http", about: "Kubernetes: push without encryption to a registry on another machine",
                completes: .nothing),
        ]
        + KubernetesWords.options.map {
            var option = $0
            option.about = "Kubernetes: " + option.about
            return option
        }

    /// Those that say nothing without `--kubernetes`.
    static func given(_ invocation: Invocation) -> [String] {
        ["--image", "--context", "--plain-http"].filter(invocation.has) + KubernetesWords.given(invocation)
    }

    static func run(_ given: String, _ invocation: Invocation, _ context: Context) async throws -> ExitCode {
        for option in ["--host", "--label", "--cpus", "--engine", "--slurm"] where invocation.has(option) {
            throw UsageFailure("\(option) says nothing to Kubernetes", fix: "leave \(option) out")
        }
        try RunOptions.check(invocation)
        guard let image = invocation.value("--image") else {
            throw UsageFailure(
                "--image is missing: where the cluster's nodes fetch the metro from",
                fix: "name a registry that they reach: --image ghcr.io/alice/my-metro:1")
        }
        let reference = try ImageReference(image)
        let nothing = String(repeating: "0", count: 64)
        var options = try KubernetesWords(invocation).options(
            for: reference.digest == nil ? "\(reference.registry)/\(reference.name)@sha256:\(nothing)" : image)
        let patch = try KubernetesWords(invocation).patch()
        if invocation.has("--dry-run") {
            try await DryRun(given, invocation, on: ["Kubernetes"], context).tell(context.terminal)
            return .done
        }
        let tools = try KubernetesTools(
            environment: context.environment, context: invocation.value("--context"), namespace: options.namespace)
        options.namespace = try tools.ownNamespace()
        try tools.check()

        let hold = try context.holdStore()
        defer { hold.release() }
        let material = try await RunMaterial.prepare(
            given, inputs: try InputOption.values(invocation, context), context)
        options.name = options.name ?? KubernetesOptions.newName(for: material.metro)
        // What the cluster could not be given is told before anything is sent.
        if let plan = material.readPlan(context.lash) {
            let patches = try patch.map { [try KubernetesPatch(Array($0.utf8), file: "--patch")] } ?? []
            _ = try KubernetesSubmission(plan, options, patches: patches)
        }
        if reference.digest == nil {
            let pushed = try await PushSource.send(Context.absolute(given), to: reference, invocation, context)
            PushSource.tell(pushed, reference, context)
            options = options.with(image: PushSource.name(of: pushed, at: reference))
        }
        var words = options.words
        (words["context"], words["patch"]) = (invocation.value("--context"), patch)
        var following = try RunOptions.following(invocation, context, material, hold, secrets: false)
        following.cluster = ClusterStart(engine: "kubernetes", options: words)
        following.isDetached = invocation.has("--detach")
        return try await context.connector().withSession(to: .local) { [following] session in
            try await Deployment.ship(material, to: .local, session, context)
            return try await following.run(on: .local, session, tethered: false)
        }
    }

    /// What a run that did not end well has left in its cluster goes with it.
    static func forget(_ run: RunID, _ context: Context) {
        let folder = RunFolder(run, in: context.lash)
        guard let cluster = try? folder.readStart().cluster, cluster.engine == "kubernetes",
            let name = cluster.options["name"], Journal.last(folder.journal)?.succeeded != true
        else { return }
        do {
            try KubernetesTools(
                environment: context.environment, context: cluster.options["context"],
                namespace: cluster.options["namespace"]
            ).remove(name, everything: true)
        } catch { context.terminal.fail(error) }
    }
}
