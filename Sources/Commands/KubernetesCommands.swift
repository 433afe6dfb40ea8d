internal import Digests
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
                mayRepeat: true, completes: .nothing),
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
        let images = invocation.values("--image")
        guard let image = images.first else {
            throw UsageFailure(
                "--image is missing: where the cluster's nodes fetch the metro from",
                fix: "name a registry that they reach: --image ghcr.io/alice/my-metro:1")
        }
        // A tag is pushed to; what has a digest was pushed before.
        let target = images.count == 1 && !image.contains("=") ? try ImageReference(image) : nil
        let isPushed = target.map { $0.digest == nil } ?? false
        let nothing = Digest(of: "")
        var options = try KubernetesWords(invocation).options(
            for: target.flatMap { isPushed ? [PushSource.name(of: nothing, at: $0)] : nil } ?? images)
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
        // An image that was pushed before has other files: small ones go with the run's objects.
        let inputs = try InputOption.values(invocation, context)
        if !isPushed, !inputs.isEmpty { options.inputs = try material.carried(inputs, context).1 }
        // What the cluster could not be given is told before anything is sent.
        if let plan = material.readPlan(context.lash) {
            if isPushed, let image = options.imageOfAll, plan.environments.count > 1 {
                options.images = plan.environments.map { (key: $0.id.name, value: image) }
            }
            let patches = try patch.map { [try KubernetesPatch(Array($0.utf8), file: "--patch")] } ?? []
            _ = try KubernetesSubmission(plan, options, patches: patches)
        }
        if isPushed, let target {
            let pushed = try await PushSource.send(Context.absolute(given), to: target, invocation, context)
            PushSource.tell(pushed, target, context)
            options.imageOfAll = PushSource.name(of: pushed.images[0].manifest.digest, at: target)
            options.images = PushSource.environments(of: pushed, at: target)
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
