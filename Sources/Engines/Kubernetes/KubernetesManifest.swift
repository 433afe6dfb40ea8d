internal import Failures
package import Plan

/// What `kubectl apply -f -` takes to run a metro: a pure function of the plan and of what is said of the cluster.
package struct KubernetesManifest: Sendable {
    let plan: Plan
    private(set) var options: KubernetesOptions
    /// What all objects are called after.
    package let name: String

    package init(_ plan: Plan, _ options: KubernetesOptions) throws(EngineFailure) {
        try options.check()
        try plan.refuseServers("Kubernetes")
        (self.plan, self.options) = (plan, options)
        name = options.name ?? ObjectName.of(plan.metro, atMost: KubernetesOptions.longestName)
    }

    func with(namespace: String) -> KubernetesManifest {
        var other = self
        other.options.namespace = namespace
        return other
    }

    /// Where the volume is in every pod.
    static let work = "/work"

    // MARK: One pod

    /// One Job, whose pod runs the whole metro.
    package func single() throws(EngineFailure) -> [KubernetesObject] {
        if plan.environments.count > 1 {
            let names = plan.environments.map { Shown.text($0.id.name) }.joined(separator: ", ")
            throw EngineFailure(
                "one pod has one environment, and the metro has \(plan.environments.count) (\(names))",
                fix: "leave --single out, or give all stations the same needs")
        }
        var nodes: [(key: String, value: String)] = []
        for label in Set(plan.stations.compactMap(\.label)).sorted() { nodes.append(try options.node(at: label)) }
        let all = plan.stations.map(\.uses)
        let uses = Resources(
            cpus: all.map(\.cpus).max() ?? 1, memory: all.compactMap(\.memory).max(), gpus: all.map(\.gpus).max() ?? 0)
        let pod = pod(
            arguments: [
                "run", "--run", name, "--lash", Self.work + "/lash", "--results", Self.work + "/results", "--cpus",
                "\(uses.cpus)",
            ], uses: uses, secrets: Set(plan.stations.flatMap(\.secrets)).sorted(), labels: labels(),
            nodes: nodes)
        let job: YAML = .group([
            .init("apiVersion", "batch/v1"), .init("kind", "Job"), .init("metadata", metadata(name)),
            .init(
                "spec",
                .group([
                    .init(
                        "backoffLimit", 3,
                        comment: "How often a pod that was lost is started again; it goes on where that one was."),
                    .init("podFailurePolicy", failurePolicy(ends: "FailJob")),
                    kept,
                    .init("template", pod),
                ])),
        ])
        return [claim(.once, results: "results")] + (carried?.objects ?? []) + [
            KubernetesObject(about: ["Runs the whole metro in one pod, one task after another."], job)
        ]
    }

    // MARK: What all have

    func labels(_ more: [YAML.Member] = []) -> YAML {
        .group(
            [
                .init("app.kubernetes.io/name", .text(name)), .init("app.kubernetes.io/managed-by", "las"),
                .init("las/run", .text(name)),
            ] + more)
    }

    func metadata(_ name: String, labels more: [YAML.Member] = [], annotations: [YAML.Member] = []) -> YAML {
        var members = [YAML.Member("name", .text(name))]
        if let namespace = options.namespace { members.append(.init("namespace", .text(namespace))) }
        members.append(.init("labels", labels(more)))
        // Only annotations may hold any text.
        members.append(.init("annotations", .group([.init("las/metro", .text(plan.metro))] + annotations)))
        return .group(members)
    }

    var claimName: String { name + "-work" }

    /// The volume that keeps the run's journal and what it makes.
    /// - Parameters:
    ///   - mode: where nobody asks for another.
    ///   - results: the folder that they are in.
    func claim(_ mode: KubernetesOptions.AccessMode, results: String) -> KubernetesObject {
        var spec: [YAML.Member] = [
            .init("accessModes", [.text((options.accessMode ?? mode).rawValue)]),
            .init(
                "resources", ["requests": ["storage": .text(options.size)]],
                comment: "Room for all that the stations make."),
        ]
        if let storage = options.storageClass { spec.insert(.init("storageClassName", .text(storage)), at: 0) }
        return KubernetesObject(
            about: [
                "Keeps the journal, what stations make, and the results, which are in its folder “\(results)”.",
                "It stays until you delete it.",
            ],
            .group([
                .init("apiVersion", "v1"), .init("kind", "PersistentVolumeClaim"),
                .init("metadata", metadata(claimName)), .init("spec", .group(spec)),
            ]))
    }

    /// A station's own failure counts; a node that is drained, or a pod that has to give way, does not.
    func failurePolicy(ends action: String) -> YAML {
        [
            "rules": [
                ["action": "Ignore", "onPodConditions": [["type": "DisruptionTarget", "status": "True"]]],
                [
                    "action": .text(action),
                    "onExitCodes": [
                        "containerName": .text(Self.container), "operator": "In",
                        // Stations failed, usage, integrity: what would come out the same once more.
                        "values": [1, 2, 5],
                    ],
                ],
            ]
        ]
    }

    var kept: YAML.Member {
        .init(
            "ttlSecondsAfterFinished", 604_800,
            comment: "A week after its end the Job and its pods go; the volume stays.")
    }
}

/// One document of the manifest.
package struct KubernetesObject: Sendable {
    /// Comments above it.
    package var about: [String]
    package var value: YAML

    init(about: [String] = [], _ value: YAML) { (self.about, self.value) = (about, value) }

    package var kind: String { value["kind"]?.text ?? "" }
    package var name: String { value["metadata"]?["name"]?.text ?? "" }
}

extension [KubernetesObject] {
    /// All of them as one file.
    /// - Parameter head: comments above it.
    package func text(head: [String]) -> String {
        var documents = map { (comment: $0.about, value: $0.value) }
        if !documents.isEmpty { documents[0].comment = head + (head.isEmpty ? [] : [""]) + documents[0].comment }
        return YAMLText.documents(documents)
    }
}
