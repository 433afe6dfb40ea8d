internal import Failures
internal import JSON
internal import Plan

/// A Job for each station, whose pods run one step each, and a conductor that releases them.
///
/// Every Job is there from the beginning, and held. One whose number of steps only the run can tell begins with one: the number
/// of an indexed Job may be changed together with how many run at a time, and that is what the conductor does when it releases it.
extension KubernetesManifest {
    struct Station {
        let id: StationID
        /// nil where only the run can tell.
        let steps: Int?
        let uses: Resources
        /// Tasks that a step runs one after another, at most, with all their attempts.
        let tasks: Int
        /// The names of those that it gets, sorted.
        let secrets: [String]
        /// Its `at`.
        let label: String?
        let environment: EnvironmentID?
    }

    /// Kubernetes' own limit of an indexed Job that limits failures for each index.
    private static let mostSteps = 100_000
    /// What kubectl keeps of an object in an annotation must have less than 256 KiB.
    static let largestText = 150_000
    private static let mostNames = 1000

    /// A role is given to an account of some namespace, so all objects are in one that is named.
    ///
    /// - Throws: for more steps than a Job may have, and for stations whose names come out the same.
    package func stations() throws -> [KubernetesObject] {
        guard options.namespace != nil else { return try with(namespace: "default").stations() }
        let stations = try known()
        var jobs: [(station: Station, name: String)] = []
        var taken: Set<String> = [name]
        for station in stations {
            let job = name + "-" + ObjectName.of(station.id.name, atMost: ObjectName.longest - 1 - name.utf8.count)
            guard taken.insert(job).inserted else {
                throw EngineFailure(
                    "the Job of the station “\(Shown.text(station.id.name))” would have the name of another one, \(job)",
                    fix: "give the station another name")
            }
            if let steps = station.steps, steps > Self.mostSteps {
                throw EngineFailure(
                    "the station “\(Shown.text(station.id.name))” has \(steps) steps, and a Job of Kubernetes at most \(Self.mostSteps)",
                    fix: "let a command do several of them, or use --single")
            }
            jobs.append((station, job))
        }
        let lists = lists(of: jobs)
        let held = try jobs.enumerated().map { number, job in
            try KubernetesObject(
                about: number == 0
                    ? [
                        "The stations, a Job for each, a pod for each item. They are held until the conductor releases them."
                    ] : [],
                self.job(job.name, of: job.station))
        }
        return [claim(.many, results: "run/results")] + rights(jobs.map(\.name)) + lists.objects
            + (carried?.objects ?? []) + held
            + [conductor(lists.names)]
    }

    /// In the order of the plan.
    private func known() throws -> [Station] {
        let checked = Dictionary(
            plan.inputs.map { (StationID("inputs/\($0.name)"), $0.checkedIn) }, uniquingKeysWith: { first, _ in first })
        if plan.knowsAllInputs {
            var graph = try TaskGraph(plan)
            let stations = Dictionary(plan.stations.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            return graph.allSteps().map {
                Station(
                    id: $0.station, steps: $0.states?.count, uses: $0.uses, tasks: $0.turns * $0.attempts,
                    secrets: (stations[$0.station]?.secrets ?? []).sorted(), label: stations[$0.station]?.label,
                    environment: stations[$0.station]?.environment ?? checked[$0.station] ?? nil)
            }
        }
        let checks = plan.inputs.filter { $0.valid?.passes != nil && $0.checkedIn != nil }.map {
            Station(
                id: StationID("inputs/\($0.name)"), steps: nil, uses: Resources(), tasks: 1, secrets: [], label: nil,
                environment: $0.checkedIn)
        }
        return checks
            + plan.stations.map {
                let turns = $0.turns?.isOneByOne == true ? $0.turns?.count ?? 1 : 1
                return Station(
                    id: $0.id, steps: nil, uses: $0.uses, tasks: turns * ($0.retry + 1), secrets: $0.secrets.sorted(),
                    label: $0.label, environment: $0.environment)
            }
    }

    // MARK: Stations

    private func job(_ job: String, of station: Station) throws(EngineFailure) -> YAML {
        let of: [YAML.Member] = [.init("las/station", .text(ObjectName.of(station.id.name, atMost: 63)))]
        let steps = station.steps ?? 1
        let nodes = try station.label.map { label throws(EngineFailure) in [try options.node(at: label)] } ?? []
        let arguments = [
            "step", "--work", Self.run, "--run", name, "--station", station.id.name, "--number",
            "$(JOB_COMPLETION_INDEX)", "--lash", "/tmp/lash",
        ]
        // Images are pulled in this time too.
        let deadline = station.uses.time.map { Int64(min($0 * Double(station.tasks), 1e9)) + 3600 }
        let image = try options.image(of: station.environment, in: plan)
        return .group([
            .init("apiVersion", "batch/v1"), .init("kind", "Job"),
            .init("metadata", metadata(job, labels: of, annotations: [.init("las/station", .text(station.id.name))])),
            .init(
                "spec",
                .group([
                    .init("suspend", true), .init("completionMode", "Indexed"),
                    .init(
                        "completions", .number(Int64(steps)),
                        comment: station.steps == nil
                            ? "How many there are is known when others have run; the conductor says so then." : nil),
                    .init("parallelism", .number(Int64(min(steps, options.parallel)))),
                    .init("backoffLimitPerIndex", 3),
                    .init("podFailurePolicy", failurePolicy(ends: "FailIndex")), kept,
                    .init(
                        "template",
                        pod(
                            arguments: arguments.map(Self.literal), uses: station.uses, secrets: station.secrets,
                            labels: labels(of),
                            deadline: deadline, image: image, nodes: nodes,
                            isBesideConductor: options.accessMode == .once)),
                ])),
        ])
    }

    /// The folder of the run on the volume.
    static let run = work + "/run"

    /// In arguments `$(…)` stands for a variable, and `$$` for a dollar; no station's name may be taken for that.
    private static func literal(_ text: String) -> String {
        text == "$(JOB_COMPLETION_INDEX)"
            ? text : text.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$")
    }

    // MARK: The conductor

    private static let role: YAML.Member = .init("las/role", "conductor")

    private func conductor(_ lists: [String]) -> KubernetesObject {
        let files = lists.indices.map { "/jobs/\($0).json" }
        let sources: [YAML] = lists.enumerated().map { number, list in
            [
                "configMap": [
                    "name": .text(list), "items": [["key": "stations.json", "path": .text("\(number).json")]],
                ]
            ]
        }
        var words: [String] = []
        if options.stay > 0 { words += ["--stay", "\(options.stay)"] }
        if let again = options.again { words += ["--again", again] }
        var pod = pod(
            arguments: words + [Self.run, name] + files, uses: Resources(memory: 100_000_000), cpu: "100m",
            labels: labels([Self.role]),
            command: "/.las/las-conductor", account: name)
        pod = pod.adding(volume: ["name": "jobs", "projected": ["sources": .list(sources)]], at: "/jobs")
        return KubernetesObject(
            about: ["Looks what is done, releases what may start, and gathers the results at the end."],
            .group([
                .init("apiVersion", "batch/v1"), .init("kind", "Job"),
                .init("metadata", metadata(name, labels: [Self.role])),
                .init(
                    "spec",
                    .group([
                        .init(
                            "backoffLimit", 20,
                            comment: "One that was lost is started again; it needs nothing of the one before."),
                        .init("podFailurePolicy", failurePolicy(ends: "FailJob")), kept, .init("template", pod),
                    ])),
            ]))
    }

    /// Which Job is which station's.
    private func lists(of jobs: [(station: Station, name: String)]) -> (names: [String], objects: [KubernetesObject]) {
        var texts: [String] = []
        var entries: [JSONValue] = []
        var size = 0
        func close() {
            if entries.isEmpty { return }
            texts.append(JSONText.string(of: ["stations": .array(entries)], indented: true))
            (entries, size) = ([], 0)
        }
        for job in jobs {
            entries.append([
                "station": .string(job.station.id.name), "job": .string(job.name),
                "parallel": .integer(Int64(options.parallel)),
            ])
            // Quoted, a letter may take ten.
            size += 200 + 4 * job.station.id.name.utf8.count
            if size > Self.largestText { close() }
        }
        close()
        let names = texts.indices.map { "\(name)-jobs" + (texts.count > 1 ? "-\($0 + 1)" : "") }
        let objects = zip(names, texts).map { list, text in
            KubernetesObject(
                about: ["For the conductor: which Job is which station's, and how many pods of it run at a time."],
                .group([
                    .init("apiVersion", "v1"), .init("kind", "ConfigMap"), .init("metadata", metadata(list)),
                    .init("data", ["stations.json": .text(text)]),
                ]))
        }
        return (names, objects)
    }

    /// The conductor may look at, change and delete these Jobs, and nothing else.
    private func rights(_ jobs: [String]) -> [KubernetesObject] {
        let account = KubernetesObject(
            about: ["Who the conductor is, and what it may do: these Jobs and nothing else."],
            .group([
                .init("apiVersion", "v1"), .init("kind", "ServiceAccount"), .init("metadata", metadata(name)),
                .init("automountServiceAccountToken", false),
            ]))
        var objects = [account]
        let parts = stride(from: 0, to: jobs.count, by: Self.mostNames).map {
            jobs[$0..<min($0 + Self.mostNames, jobs.count)]
        }
        for (number, part) in parts.enumerated() {
            let role = name + (parts.count > 1 ? "-\(number + 1)" : "")
            objects.append(
                KubernetesObject(
                    .group([
                        .init("apiVersion", "rbac.authorization.k8s.io/v1"), .init("kind", "Role"),
                        .init("metadata", metadata(role)),
                        .init(
                            "rules",
                            [
                                [
                                    "apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "patch", "delete"],
                                    "resourceNames": .list(part.map { .text($0) }),
                                ]
                            ]),
                    ])))
            let subject: YAML = [
                "kind": "ServiceAccount", "name": .text(name), "namespace": .text(options.namespace ?? ""),
            ]
            objects.append(
                KubernetesObject(
                    .group([
                        .init("apiVersion", "rbac.authorization.k8s.io/v1"), .init("kind", "RoleBinding"),
                        .init("metadata", metadata(role)),
                        .init(
                            "roleRef",
                            ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": .text(role)]),
                        .init("subjects", [subject]),
                    ])))
        }
        return objects
    }
}

extension YAML {
    /// A pod's template with a further volume, which its container may read.
    fileprivate func adding(volume: YAML, at place: String) -> YAML {
        guard let name = volume["name"] else { return self }
        return changed("spec") { spec in
            spec.changed("volumes") { $0.appending(volume) }.changed("containers") { list in
                guard case .list(let containers) = list else { return list }
                return .list(
                    containers.map { container in
                        container.changed("volumeMounts") {
                            $0.appending(["name": name, "mountPath": .text(place), "readOnly": true])
                        }
                    })
            }
        }
    }

    private func changed(_ key: String, _ change: (YAML) -> YAML) -> YAML {
        guard case .group(var members) = self, let place = members.firstIndex(where: { $0.key == key }) else {
            return self
        }
        members[place].value = change(members[place].value)
        return .group(members)
    }

    private func appending(_ item: YAML) -> YAML {
        if case .list(let items) = self { .list(items + [item]) } else { self }
    }
}
