internal import Plan

/// A pod that the profile “restricted” of the Pod Security Standards takes: it is nobody, and can become nobody else; all that
/// it can write to are three volumes.
extension KubernetesManifest {
    static let container = "metro"
    static let user: Int64 = 10001

    /// - Parameters:
    ///   - arguments: of the runtime.
    ///   - secrets: their names, sorted.
    ///   - cpu: what it asks for, in the place of what `uses` says.
    ///   - deadline: seconds after which it is ended.
    ///   - image: another one than that of all.
    ///   - command: another program of the image than its own.
    ///   - nodes: labels that a node must have, besides those of the options.
    ///   - account: whose rights it has; nil for none.
    ///   - isBesideConductor: on the same node, since the volume is on one node at a time.
    /// - Returns: the template of a Job.
    func pod(
        arguments: [String], uses: Resources, cpu: String? = nil, secrets: [String] = [], labels: YAML,
        deadline: Int64? = nil, image: String? = nil,
        command: String? = nil, account: String? = nil, nodes: [(key: String, value: String)] = [],
        isBesideConductor: Bool = false
    ) -> YAML {
        let more = volumes()
        var container: [YAML.Member] = [
            .init("name", .text(Self.container)), .init("image", .text(image ?? options.image)),
        ]
        if let command { container.append(.init("command", [.text(command)])) }
        container.append(.init("args", .list(arguments.map { .text($0) })))
        if !secrets.isEmpty {
            let named = YAML.text(options.secret)
            let references = secrets.map { name -> YAML in
                [
                    "name": .text(name),
                    "valueFrom": ["secretKeyRef": ["name": named, "key": .text(name)]],
                ]
            }
            container.append(
                .init(
                    "env", .list(references),
                    comment: "What the stations' “secrets” name: keys of a Secret that you make."))
        }
        container += [
            .init("resources", resources(uses, cpu: cpu ?? "\(uses.cpus)")),
            .init(
                "securityContext",
                [
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": ["drop": ["ALL"]],
                ]),
            .init(
                "volumeMounts",
                .list(
                    [
                        ["name": "work", "mountPath": .text(Self.work)], ["name": "here", "mountPath": "/.las/here"],
                        ["name": "tmp", "mountPath": "/tmp"],
                    ] + more.mounts)),
        ]
        var spec: [YAML.Member] = [.init("restartPolicy", "Never")]
        if let deadline { spec.append(.init("activeDeadlineSeconds", .number(deadline))) }
        let nodes = options.nodes.filter { given in !nodes.contains { $0.key == given.key } } + nodes
        if !nodes.isEmpty {
            spec.append(.init("nodeSelector", .group(nodes.map { .init($0.key, .text($0.value)) })))
        }
        if !options.pullSecrets.isEmpty {
            spec.append(.init("imagePullSecrets", .list(options.pullSecrets.map { ["name": .text($0)] })))
        }
        if isBesideConductor {
            let term: YAML = [
                "labelSelector": ["matchLabels": ["las/run": .text(name), "las/role": "conductor"]],
                "topologyKey": "kubernetes.io/hostname",
            ]
            spec.append(
                .init(
                    "affinity", ["podAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": [term]]],
                    comment: "The volume is on one node at a time: all pods run where the conductor runs."))
        }
        if let account { spec.append(.init("serviceAccountName", .text(account))) }
        spec += [
            .init("automountServiceAccountToken", .flag(account != nil)), .init("enableServiceLinks", false),
            .init(
                "securityContext",
                [
                    "runAsNonRoot": true, "runAsUser": .number(Self.user), "runAsGroup": .number(Self.user),
                    "fsGroup": .number(Self.user), "fsGroupChangePolicy": "OnRootMismatch",
                    "seccompProfile": ["type": "RuntimeDefault"],
                ]),
            .init("containers", .list([.group(container)])),
            .init(
                "volumes",
                .list(
                    [
                        ["name": "work", "persistentVolumeClaim": ["claimName": .text(claimName)]],
                        ["name": "here", "emptyDir": [:]], ["name": "tmp", "emptyDir": [:]],
                    ] + more.volumes)),
        ]
        return ["metadata": ["labels": labels], "spec": .group(spec)]
    }

    /// What the options bring besides the run's own volume.
    private func volumes() -> (volumes: [YAML], mounts: [YAML]) {
        var (volumes, mounts): ([YAML], [YAML]) = ([], [])
        if let carried {
            volumes.append(carried.volume)
            mounts += carried.places.map {
                [
                    "name": "inputs", "mountPath": .text($0.place), "subPath": .text($0.inside), "readOnly": true,
                ]
            }
        }
        for (number, claim) in options.claims.enumerated() {
            let volume = YAML.text("claim-\(number + 1)")
            volumes.append(["name": volume, "persistentVolumeClaim": ["claimName": .text(claim.key)]])
            mounts.append(["name": volume, "mountPath": .text(claim.value)])
        }
        return (volumes, mounts)
    }

    /// What the runtime itself takes of a pod's memory.
    private static let own: Int64 = 100_000_000

    private func resources(_ uses: Resources, cpu: String) -> YAML {
        var requests: [YAML.Member] = [.init("cpu", .text(cpu))]
        var limits: [YAML.Member] = []
        if let memory = uses.memory {
            let amount = YAML.text(Self.quantity(memory + Self.own))
            requests.append(.init("memory", amount))
            limits.append(.init("memory", amount))
        }
        if uses.gpus > 0 { limits.append(.init("nvidia.com/gpu", .text("\(uses.gpus)"))) }
        var members = [
            YAML.Member(
                "requests", .group(requests),
                comment: uses.memory == nil
                    ? "The metro says nothing of memory: “uses: { memory: 2 GB }” in it asks for some." : nil)
        ]
        if !limits.isEmpty { members.append(.init("limits", .group(limits))) }
        return .group(members)
    }

    /// Bytes in the largest unit that gives a whole number.
    static func quantity(_ bytes: Int64) -> String {
        for (unit, size) in [("G", Int64(1_000_000_000)), ("M", 1_000_000), ("k", 1000)] where bytes % size == 0 {
            return "\(bytes / size)\(unit)"
        }
        return "\(bytes)"
    }
}
