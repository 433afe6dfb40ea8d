import Files
import Metro
import Plan
import TestSupport
import Testing

@testable import Engines

/// What a manifest brings besides the image: small files of other inputs, and claims that are there already.
@Suite struct CarriedInputsTests {
    private func plan(_ files: [PlannedFile]) -> Plan {
        Plan(
            metro: "words", environments: [PlannedEnvironment(id: .main, needs: Needs())],
            inputs: [
                PlannedInput(name: "texts", kind: .files, files: files),
                PlannedInput(
                    name: "title", kind: .files, files: [PlannedFile(name: "t", path: "/.las/inputs/title/t")]),
            ],
            stations: [
                PlannedStation(
                    id: StationID("count"), line: "one", environment: .main, takes: [],
                    forEach: [Taken(.input("texts"))], command: "date", outputs: ["d"], uses: Resources())
            ], results: [])
    }

    private func options(_ inputs: CarriedInputs) -> KubernetesOptions {
        var options = KubernetesOptions(image: KubernetesManifestTests.image)
        options.inputs = inputs
        return options
    }

    @Test(.enabled(if: KubernetesJudge.isThere, "kubernetes-validate can't be installed"))
    func theirFilesStandInObjectsOfTheClusterAndLieWhereTheImagesDid() throws {
        let strange = "a b: {c} $(HOME)\n---\nkind: Secret"
        let plan = plan([
            PlannedFile(name: "x", path: "/.las/inputs/texts/x.txt"),
            PlannedFile(name: "f", path: "/.las/inputs/texts/f", contents: ["one", "deep/two"]),
            PlannedFile(name: "s", path: "/.las/inputs/texts/\(strange)"),
        ])
        var asked: [String] = []
        let inputs = try CarriedInputs(["texts"], of: plan, text: Array("the plan".utf8)) {
            asked.append($0.string)
            return Array("bytes of \($0)".utf8)
        }
        #expect(asked == ["x.txt", "f/one", "f/deep/two", strange].map { "inputs/texts/" + $0 })
        let manifest = try KubernetesManifest(plan, options(inputs))
        for objects in [try manifest.single(), try manifest.stations()] {
            let maps = objects.filter { $0.kind == "ConfigMap" && $0.name == "words-inputs" }
            try #require(maps.count == 1)
            // “the plan”, by the base64 of another program.
            #expect(maps[0].value["binaryData"]?["f0"] == "dGhlIHBsYW4=")
            // All pods see the same plan, the conductor's too.
            for job in objects where job.kind == "Job" {
                guard case .list(let containers)? = job.value["spec"]?["template"]?["spec"]?["containers"],
                    case .list(let mounts)? = containers[0]["volumeMounts"]
                else { return #expect(Bool(false), "no mounts") }
                for (inside, place) in [
                    ("plan.json", "/.las/plan.json"), ("inputs/texts", "/.las/inputs/texts"),
                ] {
                    #expect(
                        mounts.contains([
                            "name": "inputs", "mountPath": .text(place), "subPath": .text(inside), "readOnly": true,
                        ]), "\(job.name)")
                }
            }
            try withScratch { folder in
                try File.write(objects.text(head: []), to: folder + "/manifest.yaml")
                #expect(
                    try KubernetesJudge.objections(
                        to: [folder + "/manifest.yaml"], versions: Array(KubernetesJudge.versions)) == "")
            }
        }
    }

    @Test func manyFilesAreSpreadOverObjectsThatKubectlTakesAndLargeOnesAreRefused() throws {
        let files = (0..<900).map { PlannedFile(name: "f\($0)", path: "/.las/inputs/texts/f\($0)") }
        let inputs = try CarriedInputs(["texts"], of: plan(files), text: [1]) { _ in Array(repeating: 7, count: 1000) }
        let objects = try KubernetesManifest(plan(files), options(inputs)).stations()
        let maps = objects.filter { $0.kind == "ConfigMap" && $0.name.hasPrefix("words-inputs-") }
        #expect(maps.count > 5 && maps.allSatisfy { [$0].text(head: []).utf8.count < 250_000 })
        var count = 0
        for map in maps {
            guard case .group(let members)? = map.value["binaryData"] else { continue }
            count += members.count
        }
        #expect(count == 901)
        for size in [100_001, 1200] {
            #expect(throws: EngineFailure.self) {
                try CarriedInputs(["texts"], of: plan(files), text: [1]) { _ in Array(repeating: 7, count: size) }
            }
        }
    }

    @Test(.enabled(if: KubernetesJudge.isThere, "kubernetes-validate can't be installed"))
    func claimsThatAreThereAlreadyAreMounted() throws {
        var options = KubernetesOptions(image: KubernetesManifestTests.image)
        options.claims = [(key: "genomes", value: "/genomes"), (key: "scratch.fast", value: "/mnt/scratch")]
        options = try KubernetesOptions(options.words)
        let objects = try KubernetesManifest(plan([PlannedFile(name: "x", path: "/.las/inputs/texts/x")]), options)
            .stations()
        let text = objects.text(head: [])
        let lines = text.split(separator: "\n").map { $0.drop { $0 == " " || $0 == "-" } }
        func follows(_ second: String, on first: String) -> Bool {
            zip(lines, lines.dropFirst()).contains { $0 == first && $1 == second }
        }
        #expect(follows("persistentVolumeClaim:", on: "name: claim-1") && text.contains("claimName: genomes"))
        #expect(follows("mountPath: /genomes", on: "name: claim-1"))
        #expect(follows("mountPath: /mnt/scratch", on: "name: claim-2"))
        try withScratch { folder in
            try File.write(text, to: folder + "/manifest.yaml")
            #expect(
                try KubernetesJudge.objections(
                    to: [folder + "/manifest.yaml"], versions: Array(KubernetesJudge.versions)) == "")
        }
        for (name, place) in [
            ("a", "/work/x"), ("a", "data"), ("a", "/"), ("a", "/data/../etc"), ("a", "/da ta"), ("A", "/data"),
        ] {
            options.claims = [(key: name, value: place)]
            #expect(throws: EngineFailure.self, "\(name) \(place)") { try options.check() }
        }
        options.claims = [(key: "a", value: "/data"), (key: "b", value: "/data")]
        #expect(throws: EngineFailure.self) { try options.check() }
    }
}
