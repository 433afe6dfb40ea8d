import Failures
import Files
import Foundation
import Metro
import Plan
import TestSupport
import Testing

@testable import Engines

/// Manifests, held to their texts and to Kubernetes' own schemas.
@Suite struct KubernetesManifestTests {
    static let image = "registry.example/words@sha256:" + String(repeating: "0123456789abcdef", count: 4)
    static let templates = ((try? Folder.names(in: BuiltPrograms.templates)) ?? []).filter {
        File.exists("\(BuiltPrograms.templates)/\($0)/metro.yml")
    }

    static func plan(ofTemplate name: String) throws -> Plan {
        let folder = "\(BuiltPrograms.templates)/\(name)"
        let metro = try MetroReader.read(path: folder + "/metro.yml")
        return try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))
    }

    static func plan(_ text: String) throws -> Plan {
        try Planner.plan(try MetroReader.read(text: text, file: "metro.yml"), files: InputFiles())
    }

    /// All that Kubernetes has against it.
    private func objections(_ texts: [String], _ versions: some Sequence<String> = KubernetesJudge.versions) throws
        -> String
    {
        try withScratch { folder in
            let files = texts.indices.map { "\(folder)/\($0).yaml" }
            for (text, file) in zip(texts, files) { try File.write(text, to: file) }
            return try KubernetesJudge.objections(to: files, versions: Array(versions))
        }
    }

    /// An image for each environment, where there are several.
    static func options(for plan: Plan) -> KubernetesOptions {
        var options = KubernetesOptions(image: image)
        if plan.environments.count > 1 {
            options.images = plan.environments.enumerated().map { number, environment in
                (key: environment.id.name, value: image.replacing("0123456789", with: "000000000\(number)"))
            }
        }
        return options
    }

    /// Its forms: one pod has one environment.
    private static func forms(_ name: String) throws -> [(objects: [KubernetesObject], ending: String)] {
        let plan = try plan(ofTemplate: name)
        let manifest = try KubernetesManifest(plan, options(for: plan))
        if plan.environments.count > 1 {
            #expect(throws: EngineFailure.self) { try manifest.single() }
            return [(try manifest.stations(), "")]
        }
        return [(try manifest.single(), "-single"), (try manifest.stations(), "")]
    }

    @Test(arguments: templates) func theManifestOfATemplateIsTheOneKept(_ name: String) throws {
        for (objects, ending) in try Self.forms(name) {
            let text = objects.text(head: ["The metro \(name)."])
            let kept = GoodMetros.checkout + "/Tests/EnginesTests/Manifests/\(name)\(ending).yaml"
            if ProcessInfo.processInfo.environment["LAS_RENEW"] != nil { try File.write(text, to: kept) }
            #expect(text == String(decoding: try File.read(kept), as: UTF8.self))
        }
    }

    @Test(.enabled(if: KubernetesJudge.isThere, "kubernetes-validate can't be installed"))
    func kubernetesTakesThoseOfAllTemplates() throws {
        var texts: [String] = []
        for name in Self.templates {
            texts += try Self.forms(name).map { $0.objects.text(head: []) }
        }
        #expect(try objections(texts) == "")
        // The judge does object.
        #expect(try objections([texts[0].replacing("backoffLimit:", with: "backofLimit:")]).contains("backofLimit"))
    }

    @Test(.enabled(if: KubernetesJudge.isThere, "kubernetes-validate can't be installed"))
    func whatIsSaidOfTheClusterStandsInItsPlace() throws {
        var options = KubernetesOptions(image: Self.image)
        (options.name, options.namespace, options.storageClass) = ("run-1", "lab", "fast.ssd")
        (options.accessMode, options.size, options.pullSecrets) = (.many, "500Gi", ["registry"])
        options.nodes = [("kubernetes.io/arch", "amd64"), ("pool", "")]
        func station(_ name: String, _ uses: Resources) -> PlannedStation {
            PlannedStation(
                id: StationID(name), line: "one", environment: .main, takes: [], forEach: [], command: "date",
                outputs: ["d"], uses: uses)
        }
        // A plan may come from anywhere: no reader of metros would take this name.
        let plan = Plan(
            metro: "Größe: #1 {x}\nkind: Secret", environments: [PlannedEnvironment(id: .main, needs: Needs())],
            inputs: [],
            stations: [
                station("a", Resources(cpus: 3, memory: 2_000_000_000)),
                station("b", Resources(memory: 512_000_000, gpus: 2)),
            ], results: [])
        let manifest = try KubernetesManifest(plan, options)
        let text = try manifest.single().text(head: [])
        #expect(try objections([text, try manifest.stations().text(head: [])]) == "")
        for line in [
            "storageClassName: fast.ssd", "- ReadWriteMany", "storage: \"500Gi\"", "namespace: lab", "name: run-1-work",
            "- name: registry", "kubernetes.io/arch: amd64", "pool: \"\"", "cpu: \"3\"", "memory: \"2100M\"",
            "nvidia.com/gpu: \"2\"", "las/metro: |-", "Größe: #1 {x}", "      kind: Secret",
        ] { #expect(text.contains(line), "\(line)") }
    }

    @Test func everyStationHasTheImageOfItsEnvironment() throws {
        let plan = try Self.plan(ofTemplate: "nested-quality-check")
        #expect(plan.environments.count > 1)
        let options = Self.options(for: plan)
        let jobs = try KubernetesManifest(plan, options).stations().filter { $0.kind == "Job" }
        var used: Set<String> = []
        for station in plan.stations {
            let job = jobs.first {
                $0.value["metadata"]?["annotations"]?["las/station"]?.text == station.id.name
            }
            guard case .list(let containers)? = job?.value["spec"]?["template"]?["spec"]?["containers"] else {
                return #expect(Bool(false), "\(station.id) has no Job")
            }
            let image = options.images.first { $0.key == station.environment.name }?.value ?? ""
            #expect(containers[0]["image"]?.text == image)
            used.insert(image)
        }
        #expect(used.count == plan.environments.count)
        #expect(try KubernetesOptions(options.words).images.map(\.value) == options.images.map(\.value))
        // One that is missing is named.
        var some = options
        some.images.removeLast()
        let refused = #expect(throws: EngineFailure.self) { try KubernetesManifest(plan, some).stations() }
        #expect(refused?.summary.contains(plan.environments.last?.id.name ?? "?") == true)
    }

    private func large(_ stations: [PlannedStation], inputs: [PlannedInput] = []) -> Plan {
        Plan(
            metro: "large", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: inputs,
            stations: stations, results: [])
    }

    private func station(_ name: String, each input: String? = nil, uses: Resources = Resources()) -> PlannedStation {
        PlannedStation(
            id: StationID(name), line: "one", environment: .main, takes: [],
            forEach: input.map { [Taken(.input($0))] } ?? [], command: "date", outputs: ["d"], uses: uses)
    }

    @Test(.enabled(if: KubernetesJudge.isThere, "kubernetes-validate can't be installed"))
    func hundredsOfStationsAndThousandsOfItemsStayBelowTheLimits() throws {
        let names = (0..<498).map { "Station-\($0)-größe-" + String(repeating: "x", count: 90) }
        let files = (0..<10_000).map { PlannedFile(name: "f\($0)", path: "/.las/inputs/all/f\($0)") }
        let plan = large(
            names.map { station($0) } + [
                station("each", each: "all"), station("a b: {c}\nkind: Secret\n---\n$(HOME) $$x"),
            ],
            inputs: [PlannedInput(name: "all", kind: .files, files: files)])
        let objects = try KubernetesManifest(plan, KubernetesOptions(image: Self.image)).stations()
        #expect(objects.filter { $0.kind == "Job" }.count == 501)
        #expect(Set(objects.map { $0.kind + " " + $0.name }).count == objects.count)
        for object in objects {
            #expect([object].text(head: []).utf8.count < 250_000)
            #expect(throws: Never.self) { try ObjectName.check(object.name, as: "x", atMost: 63) }
        }
        let text = objects.text(head: [])
        #expect(text.contains("completions: 10000\n  parallelism: 500\n"))
        #expect(text.contains(#""a b: {c}\nkind: Secret\n---\n$$(HOME) $$$$x""#) || text.contains("$$(HOME) $$$$x"))
        // All that are not alike.
        let some = (objects.filter { $0.kind != "Job" } + objects.suffix(20)).text(head: [])
        #expect(try objections([some], KubernetesJudge.versions.suffix(1)) == "")
        let tooMany = large(
            [station("each", each: "all")],
            inputs: [
                PlannedInput(
                    name: "all", kind: .files,
                    files: (0...100_000).map { PlannedFile(name: "f\($0)", path: "/.las/inputs/all/f\($0)") })
            ])
        #expect(throws: EngineFailure.self) {
            try KubernetesManifest(tooMany, KubernetesOptions(image: Self.image)).stations()
        }
    }

    @Test(.enabled(if: KubernetesJudge.isThere, "kubernetes-validate can't be installed"))
    func secretsAreReferences() throws {
        let plan = try Self.plan(
            """
            metro: asks
            lines:
              one:
                - { station: ask, command: "test $TOKEN = x", out: a, secrets: [TOKEN, KEY] }
                - { station: look, command: "ls {in}", out: b }
            """)
        let options = KubernetesOptions(image: Self.image)
        let manifest = try KubernetesManifest(plan, options)
        let reference =
            "valueFrom:\n                secretKeyRef:\n                  name: las-secrets\n                  key: "
        let (single, all) = (try manifest.single().text(head: []), try manifest.stations().text(head: []))
        for text in [single, all] {
            #expect(text.split(separator: reference).count == 3, "one station has two secrets:\n\(text)")
        }
        #expect(try objections([single, all]) == "")
    }

    @Test func whatAStationsAtMeansForNodesIsSaid() throws {
        let plan = try Self.plan(
            """
            metro: places
            lines:
              one:
                - { station: fast, command: "date", out: a, at: ssd }
                - { station: any, command: "ls {in}", out: b }
            """)
        var options = KubernetesOptions(image: Self.image)
        options.nodes = [(key: "pool", value: "x")]
        let jobs = try KubernetesManifest(plan, options).stations().filter { $0.kind == "Job" }
        func selector(_ name: String, _ jobs: [KubernetesObject]) -> YAML? {
            jobs.first { $0.name == "places-" + name }?.value["spec"]?["template"]?["spec"]?["nodeSelector"]
        }
        #expect(selector("fast", jobs) == ["pool": "x", "las/ssd": "true"])
        #expect(selector("any", jobs) == ["pool": "x"])
        options.places = [(key: "ssd", value: "disktype=ssd")]
        let given = try KubernetesManifest(plan, options)
        #expect(selector("fast", try given.stations()) == ["pool": "x", "disktype": "ssd"])
        #expect(try given.single().text(head: []).contains("disktype: ssd"))
        #expect(try objections([try given.stations().text(head: [])]) == "")
        options.places = [(key: "ssd", value: "disk type=ssd")]
        #expect(throws: EngineFailure.self) { try KubernetesManifest(plan, options) }
        options.places = []
        let odd = try Self.plan(
            "metro: m\nlines: { l: [{ station: a, command: date, out: a, at: \"große Platte\" }] }")
        #expect(throws: EngineFailure.self) { try KubernetesManifest(odd, options).stations() }
    }

    @Test func optionsAreTheSameWhenTheyComeBackFromWords() throws {
        var options = KubernetesOptions(image: Self.image)
        (options.name, options.namespace, options.storageClass) = ("a-run", "lab", "fast")
        (options.accessMode, options.size, options.parallel) = (.once, "5Gi", 7)
        (options.pullSecrets, options.secret) = (["a", "b"], "mine")
        (options.nodes, options.places) = (
            [(key: "pool", value: ""), (key: "x", value: "y")], [(key: "s", value: "k=v")]
        )
        let again = try KubernetesOptions(options.words)
        #expect(again.words == options.words)
        #expect(again.nodes.map(\.key) == ["pool", "x"] && again.pullSecrets == ["a", "b"] && again.parallel == 7)
        #expect(throws: EngineFailure.self) { try KubernetesOptions(["image": Self.image, "namespace": "Lab"]) }
    }

    @Test func runsOfAMetroHaveNamesOfTheirOwn() throws {
        for metro in ["variants", "Große Metro mit einem langen, langen Namen", "-"] {
            let (one, other) = (KubernetesOptions.newName(for: metro), KubernetesOptions.newName(for: metro))
            #expect(one != other && one.utf8.count <= KubernetesOptions.longestName)
            var options = KubernetesOptions(image: Self.image)
            options.name = one
            #expect(throws: Never.self) { try options.check() }
        }
    }

    @Test func aPatchChangesWhatItNames() throws {
        let manifest = try KubernetesManifest(
            try Self.plan(ofTemplate: "word-count"), KubernetesOptions(image: Self.image))
        func patched(_ patch: String) throws -> [KubernetesObject] {
            try KubernetesPatch(Array(patch.utf8), file: "patch.yaml").applied(to: try manifest.stations())
        }
        let all = try patched(
            """
            # For all of them.
            kind: Job
            spec:
              ttlSecondsAfterFinished: null
              backoffLimitPerIndex: 1
              template:
                spec:
                  priorityClassName: "1"
                  tolerations: [{ key: gpu, operator: Exists }]
                  containers:
                    - name: metro
                      env: [{ name: A, value: "yes" }]
                      volumeMounts: [{ mountPath: /data, name: data, readOnly: true }, { mountPath: /tmp, $patch: delete }]
                  volumes: [{ name: data, emptyDir: {} }]
            ---
            kind: Job
            metadata: { name: word-count-total }
            spec: { parallelism: 7, podFailurePolicy: { $patch: replace, rules: [] } }
            """)
        let jobs = all.filter { $0.kind == "Job" }
        for job in jobs {
            let spec = job.value["spec"]
            #expect(spec?["ttlSecondsAfterFinished"] == nil && spec?["backoffLimitPerIndex"] == 1)
            let pod = spec?["template"]?["spec"]
            #expect(pod?["priorityClassName"] == "1" && pod?["tolerations"] == [["key": "gpu", "operator": "Exists"]])
            guard case .list(let containers)? = pod?["containers"],
                case .list(let mounts)? = containers[0]["volumeMounts"]
            else { return #expect(Bool(false), "no container") }
            #expect(containers.count == 1 && containers[0]["image"] == .text(Self.image))
            #expect(mounts.map { $0["mountPath"]?.text ?? "" }.prefix(2) == ["/work", "/.las/here"])
            #expect(mounts.last == ["mountPath": "/data", "name": "data", "readOnly": true])
            #expect(!mounts.contains { $0["mountPath"] == "/tmp" })
            let isOne = job.name == "word-count-total"
            #expect((spec?["parallelism"] == 7) == isOne)
            #expect((spec?["podFailurePolicy"] == ["rules": []]) == isOne)
        }
        #expect(jobs.count == 4)

        func refuses(_ patch: String, _ because: String) {
            do {
                _ = try patched(patch)
                #expect(Bool(false), "\(patch)")
            } catch { #expect("\(error)".contains(because), "\(error)") }
        }
        refuses("spec: {}", "does not say what it changes")
        refuses("kind: Jobs", "did you mean Job?")
        refuses("kind: Job\nmetadata: { name: word-count-totl }", "did you mean word-count-total?")
        refuses("kind: Job\n---\nkind: [", "the patch can't be read: patch.yaml:4")
        refuses("kind: Job\nkind: Job", "“kind” is given twice")
    }

    @Test func aVolumeOfOneNodeKeepsAllPodsThere() throws {
        var options = KubernetesOptions(image: Self.image)
        let plan = large([station("a", uses: Resources(time: 7200))])
        #expect(!(try KubernetesManifest(plan, options).stations()).text(head: []).contains("affinity"))
        options.accessMode = .once
        let text = try KubernetesManifest(plan, options).stations().text(head: [])
        #expect(text.contains("podAffinity:") && text.contains("topologyKey: kubernetes.io/hostname"))
        #expect(text.contains("activeDeadlineSeconds: 10800"))
    }

    @Test func whatKubernetesWouldRefuseIsRefusedBefore() throws {
        func refuses(_ change: (inout KubernetesOptions) -> Void) {
            var options = KubernetesOptions(image: Self.image)
            change(&options)
            #expect(throws: EngineFailure.self) { try options.check() }
        }
        for name in ["", "Run", "-a", "a-", "a_b", "a\nb", "ü", String(repeating: "a", count: 31)] {
            refuses { $0.name = name }
        }
        refuses { $0.namespace = "a.b" }
        refuses { $0.storageClass = "a..b" }
        refuses { $0.pullSecrets = ["ok", "not ok"] }
        for size in ["", "0", "ten", "10 Gi", "10GB", "1e9", "-1Gi", "10Gi\n"] { refuses { $0.size = size } }
        for (key, value) in [("", "x"), ("a b", "x"), ("a/b/c", "x"), ("a", "x y"), ("a", "-x"), ("a\n", "x")] {
            refuses { $0.nodes = [(key, value)] }
        }
    }

    @Test func namesStayDifferentAndAreSuchAsKubernetesTakes() {
        let names = [
            "align", "Align", "a_b", "a-b", "a.b", "a b", "größe", "文字", "-", "qc/trim", "qc-trim", "1", "a\nb: c",
            String(repeating: "x", count: 52), String(repeating: "x", count: 53), String(repeating: "x", count: 54),
        ]
        let given = names.map { ObjectName.of($0) }
        #expect(Set(given).count == names.count)
        #expect(given[0] == "align" && given[3] == "a-b" && given[10] == "qc-trim")
        for name in given {
            #expect(throws: Never.self, "\(name)") { try ObjectName.check(name, as: "a name") }
        }
    }
}
