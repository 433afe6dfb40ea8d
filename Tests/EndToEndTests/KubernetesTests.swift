import Files
import Foundation
import Glibc
import TestSupport
import Testing

/// What `las manifest kubernetes` writes, started as a cluster would start it.
@Suite(.enabled(if: BuiltPrograms.areThere && geteuid() == 0 && Pods.missing == nil, "needs las, root, runc and umoci"))
struct KubernetesTests {
    static let image = "registry.example/metro@sha256:" + String(repeating: "0123456789abcdef", count: 4)

    private func layout(_ template: Template) throws -> String {
        let packed = try template.las("pack", "metro", "--format", "oci", "--output", "image")
        try #require(packed.status == 0, "\(packed.errors)")
        return template.folder + "/image"
    }

    @Test func aWholeMetroRunsInAPodThatMayDoNothing() throws {
        try withScratch { folder in
            let template = try Template("lambda-variants", in: folder)
            try template.run()
            let layout = try layout(template)
            let written = try template.las("manifest", "kubernetes", "metro", "--image", Self.image, "--single")
            try #require(written.status == 0, "\(written.errors)")
            try File.write(written.output, to: folder + "/job.yaml")
            let pods = try Pods(layout, manifest: folder + "/job.yaml", in: folder + "/pods")
            let ended = try pods.run("lambda-variants")
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            let compared = try Program("diff").run("-r", "-I", "; Date=", template.results, pods.work + "/results")
            #expect(compared.status == 0, "\(compared.output)")

            // The same pod once more, as after a node went away: nothing is run again.
            let again = try pods.run("lambda-variants")
            #expect(again.status == 0 && again.errors.contains("has ended well already"), "\(again.errors)")
        }
    }

    @Test func aPodGoesOnWhereTheOneBeforeWasKilled() throws {
        try withScratch { folder in
            try Folder.make(folder + "/metro")
            try File.write(
                """
                metro: slow
                lines:
                  one:
                    - { station: first, command: "date +%N", out: first }
                    - { station: second, command: "test -e /tmp/again || exit 7; cat {in}", out: second }
                results: [first, second]

                """, to: folder + "/metro/metro.yml")
            let las = LasCommand(in: folder)
            let packed = try las("pack", "metro", "--format", "oci", "--output", "image")
            try #require(packed.status == 0, "\(packed.errors)")
            let written = try las("manifest", "kubernetes", "metro", "--image", Self.image, "--single", "--name", "one")
            try #require(written.status == 0, "\(written.errors)")
            try File.write(written.output, to: folder + "/job.yaml")
            let pods = try Pods(folder + "/image", manifest: folder + "/job.yaml", in: folder + "/pods")
            let failed = try pods.run("one")
            #expect(failed.status == 1, "\(failed.output)\(failed.errors)")
            let first = try File.read(pods.work + "/results/first/first")
            try File.write([], to: pods.temporary(of: "one") + "/again")
            let ended = try pods.run("one")
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            #expect(try File.read(pods.work + "/results/second/second") == first)
        }
    }

    /// The conductor, in its own pod, against a server of Jobs; the stations' pods by what it releases.
    @Test(arguments: ["lambda-variants", "word-count"])
    func theConductorReleasesStationAfterStation(_ name: String) throws {
        try withScratch { folder in
            let template = try Template(name, in: folder)
            try template.run()
            let layout = try layout(template)
            let written = try template.las("manifest", "kubernetes", "metro", "--image", Self.image)
            try #require(written.status == 0, "\(written.errors)")
            try File.write(written.output, to: folder + "/jobs.yaml")
            let pods = try Pods(layout, manifest: folder + "/jobs.yaml", in: folder + "/pods")
            let ended = try pods.apply(until: name)
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            let compared = try Program("diff").run("-r", "-I", "; Date=", template.results, pods.work + "/run/results")
            #expect(compared.status == 0, "\(compared.output)")
            #expect(ended.output.contains(#""kind":"runEnded""#))
            #expect(try pods.requests().allSatisfy { $0.hasSuffix(" 200") })
        }
    }

    @Test func countsThatOnlyTheRunTellsFailuresAndLostPods() throws {
        try withScratch { folder in
            try Folder.make(folder + "/metro")
            try File.write(
                """
                metro: counts
                lines:
                  first:
                    - { station: some, command: "for i in 1 2 3 4 5; do echo $i > {out}/$i.txt; done", out: some/ }
                    - { station: one, for_each: some/*.txt, command: "test {name} != 4; sleep 1; cat {each} > {out}", out: "{name}.n" }
                    - { station: all, command: "cat {in} > {out}", out: all.txt }
                  second:
                    - { station: other, command: "sleep 2; echo other", out: other.txt }
                results: [some, one, all, other]

                """, to: folder + "/metro/metro.yml")
            let las = LasCommand(in: folder)
            let packed = try las("pack", "metro", "--format", "oci", "--output", "image")
            try #require(packed.status == 0, "\(packed.errors)")
            let written = try las("manifest", "kubernetes", "metro", "--image", Self.image, "--parallel", "2")
            try #require(written.status == 0, "\(written.errors)")
            try File.write(written.output, to: folder + "/jobs.yaml")
            let pods = try Pods(folder + "/image", manifest: folder + "/jobs.yaml", in: folder + "/pods")
            // Of “other” and of the conductor a pod is lost.
            let ended = try pods.apply(until: "counts", stop: ["counts", "counts-other"])
            #expect(ended.status == 1, "\(ended.output)\(ended.errors)")
            let results = pods.work + "/run/results"
            #expect(try Folder.names(in: results) == ["one", "other", "some"])
            #expect(try Folder.names(in: results + "/one") == ["1.n", "2.n", "3.n", "5.n"])
            let requests = try pods.requests()
            #expect(
                requests.contains("PATCH counts-one 200") && requests.contains("DELETE counts-all 200"), "\(requests)")
            #expect(!requests.contains("PATCH counts-all 200"))
            #expect(ended.output.contains(#""task":"one/4""#) && ended.output.contains("taskSkipped"))
        }
    }

    @Test func otherInputsThatAreSmallComeWithTheManifest() throws {
        try withScratch { folder in
            let template = try Template("word-count", in: folder)
            // The image has the metro's own texts.
            let layout = try layout(template)
            try Folder.make(folder + "/new")
            try File.write("one two two\n", to: folder + "/new/it's {each} $(X).txt")
            try File.write(String(repeating: "drei ", count: 10_000), to: folder + "/new/größer.txt")
            try template.run("--input", "texts=new/*.txt")
            for form in [["--single", "--name", "all"], ["--name", "each"]] {
                let written = try template.las(
                    ["manifest", "kubernetes", "metro", "--image", Self.image, "--input", "texts=new/*.txt"] + form)
                try #require(written.status == 0, "\(written.errors)")
                try File.write(written.output, to: folder + "/jobs.yaml")
                let pods = try Pods(layout, manifest: folder + "/jobs.yaml", in: folder + "/pods-\(form.count)")
                let ended = try form[0] == "--single" ? pods.run("all") : pods.apply(until: "each")
                #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
                let results = pods.work + (form[0] == "--single" ? "/results" : "/run/results")
                let compared = try Program("diff").run("-r", template.results, results)
                #expect(compared.status == 0, "\(compared.output)")
            }
            try File.write(String(repeating: "drei ", count: 30_000), to: folder + "/new/größer.txt")
            let refused = try template.las(
                "manifest", "kubernetes", "metro", "--image", Self.image, "--input", "texts=new/*.txt")
            #expect(refused.status == 2 && refused.output.isEmpty)
            #expect(refused.errors.contains("too large to be brought by the manifest"), "\(refused.errors)")
            #expect(refused.errors.contains("las push METRO --input"), "\(refused.errors)")
        }
    }

    @Test func whatIsNotSaidRightIsToldBeforeAnythingIsWritten() throws {
        try withScratch { folder in
            let las = try Template("hello", in: folder).las
            func refused(_ arguments: String..., because: String) throws {
                let ended = try las(["manifest", "kubernetes", "metro", "--single"] + arguments)
                #expect(ended.status == 2 && ended.output.isEmpty && ended.errors.contains(because), "\(ended.errors)")
            }
            try refused(because: "--image is missing")
            try refused("--image", "registry.example/hello:1", because: "a tag may name another one tomorrow")
            try refused("--image", Self.image, "--name", "Hello", because: "“Hello” can't be the name of a run")
            try refused("--image", Self.image, "--size", "10 GB", because: "“10 GB” is no size of a volume")
            try refused("--image", Self.image, "--node", "ssd", because: "--node takes a label and its value")
            try refused("--image", Self.image, "--claim", "data=/usr", because: "the claim data can't be at “/usr”")
            try refused("--image", Self.image, "--claim", "Data=/data", because: "“Data” can't be the name of a claim")
        }
    }

    /// Where a person's own cluster can be asked: a namespace that lets nothing but restricted pods in.
    @Test(.enabled(if: RealCluster.isThere, "no KUBECONFIG"))
    func aRealClusterTakesTheManifests() throws {
        try withScratch { folder in
            let cluster = try RealCluster(in: folder)
            defer { cluster.remove() }
            for name in ["lambda-variants", "word-count", "parameter-sweep", "csv-report"] {
                let template = try Template(name, in: try cluster.folder(name))
                for form in [["--single"], []] {
                    let written = try template.las(
                        ["manifest", "kubernetes", "metro", "--image", Self.image, "--namespace", cluster.namespace]
                            + form)
                    try #require(written.status == 0, "\(written.errors)")
                    try File.write(written.output, to: folder + "/manifest.yaml")
                    let applied = try cluster.kubectl(
                        "apply", "--dry-run=server", "--validate=strict", "-f", folder + "/manifest.yaml")
                    #expect(applied.status == 0, "\(applied.errors)")
                    #expect(!applied.errors.contains("Warning"), "\(applied.errors)")
                }
            }
        }
    }
}

/// The cluster of `KUBECONFIG`, whose nodes can fetch from the registry of `LAS_TEST_REGISTRY` (`127.0.0.1:5000/las`): whole runs there.
@Suite(
    .serialized,
    .enabled(if: RealCluster.isThere && RealCluster.registry != nil, "no KUBECONFIG or no LAS_TEST_REGISTRY"))
struct KubernetesDeployTests {
    private func deploy(
        _ template: Template, _ cluster: RealCluster, _ arguments: String...
    ) throws -> Program.Ended {
        var las = template.las
        las.variables = RealCluster.variables
        return try las(
            [
                "deploy", "metro", "--kubernetes", "--namespace", cluster.namespace, "--image",
                "\(RealCluster.registry ?? ""):\(getpid())", "--patch", try cluster.modest(),
            ]
                + arguments)
    }

    @Test(arguments: ["lambda-variants", "parameter-sweep", "word-count"])
    func aMetroComesOutAsItDoesHere(_ name: String) throws {
        try withScratch { folder in
            let cluster = try RealCluster(in: folder)
            defer { cluster.remove() }
            let template = try Template(name, in: try cluster.folder(name))
            try template.run()
            let deployed = try deploy(template, cluster, "--results", "there", "--size", "1Gi")
            try #require(deployed.status == 0, "\(deployed.errors)")
            #expect(deployed.errors.contains("by Kubernetes"))
            let compared = try Program("diff").run("-r", "-I", "; Date=", template.results, template.folder + "/there")
            #expect(compared.status == 0, "\(compared.output)")
            // Nothing is left in the cluster, and what is told of the run is here.
            var left = "left"
            for _ in 0..<60 where !left.isEmpty {
                left = try cluster.kubectl(
                    "get", "job,pod,pvc,configmap,role,rolebinding,serviceaccount", "-l", "las/run", "-o", "name",
                    "-n", cluster.namespace
                ).output
                usleep(500_000)
            }
            #expect(left.isEmpty, "\(left)")
            let words = deployed.errors.split(whereSeparator: \.isWhitespace)
            let place = try #require(words.firstIndex(of: "running"))
            let run = String(words[place + 1])
            #expect(try template.las("ps", "--all").output.contains(run))
            #expect(try template.las("status", run).output.contains("done"))
            #expect(try template.las("report", run).output.contains("engine: kubernetes"))
            #expect(try template.las("logs", run).status == 0)
        }
    }

    @Test func aRunIsCancelledAndResumedAndAFailureIsTold() throws {
        try withScratch { folder in
            let cluster = try RealCluster(in: folder)
            defer { cluster.remove() }
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: slow
                lines:
                  one:
                    - { station: some, command: "for i in 1 2 3; do echo $i > {out}/$i.txt; done", out: some/ }
                    - { station: one, for_each: some/*.txt, command: "echo {name} begins >&2; test {name} = 1 || sleep 6; cat {each} > {out}", out: "{name}.n" }
                    - { station: all, command: "cat {in} > {out}", out: all.txt }
                    - { station: bad, command: "echo no good >&2; exit 9", out: bad.txt }
                results: [one, all]

                """, to: folder + "/m/metro.yml")
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            las.variables = RealCluster.variables
            func waits(_ what: () throws -> Bool) rethrows -> Bool {
                for _ in 0..<600 {
                    if try what() { return true }
                    usleep(100_000)
                }
                return false
            }
            let image = "\(RealCluster.registry ?? ""):slow-\(getpid())"
            let begun = try las(
                "deploy", "m", "--kubernetes", "--namespace", cluster.namespace, "--image", image, "--size", "1Gi",
                "--results", "there", "--detach", "--patch", try cluster.modest())
            try #require(begun.status == 0, "\(begun.errors)")
            let run = begun.lines.last ?? ""
            #expect(try waits { try las("status", run).output.contains("1 of 3 tasks") })
            #expect(try las("ps").output.contains(run))
            try #require(try las("cancel", run).status == 0)
            #expect(try waits { try las("status", run).output.contains("cancelled") })
            let resumed = try las("resume", run)
            #expect(resumed.status == 1 && resumed.errors.contains("no good"), "\(resumed.errors)")
            #expect(try File.read(folder + "/there/all/all.txt") == Array("1\n2\n3\n".utf8))
            let journal = String(decoding: try File.read("\(las.lash)/runs/\(run)/journal"), as: UTF8.self)
            #expect(
                journal.split(separator: "\n").count { $0.contains("taskDone") && $0.contains("\"one/1\"") } == 1,
                "what was done is not done again")
            #expect(try las("logs", run, "one/2").output.contains("2 begins"))
            // What is left of it there goes with the run.
            try #require(try las("clean", run).status == 0)
            #expect(
                try waits {
                    try cluster.kubectl("get", "job,pvc", "-l", "las/run", "-o", "name", "-n", cluster.namespace).output
                        == ""
                })
        }
    }
}

/// The cluster of `KUBECONFIG`.
private struct RealCluster {
    static let isThere = !(ProcessInfo.processInfo.environment["KUBECONFIG"] ?? "").isEmpty

    /// Where images may be pushed that its nodes fetch: `127.0.0.1:5000/las`.
    static let registry = ProcessInfo.processInfo.environment["LAS_TEST_REGISTRY"]
    static var variables: [String: String] {
        let own = ProcessInfo.processInfo.environment
        // What runs in images must be static: LAS_RUNTIME and LAS_CONDUCTOR where the programs that are tried are not.
        return own.filter { ["KUBECONFIG", "PATH", "LAS_RUNTIME", "LAS_CONDUCTOR"].contains($0.key) }
    }
    let namespace = "las-test-\(getpid())-\(UInt32.random(in: 0...99_999))"
    private let scratch: String

    init(in folder: String) throws {
        scratch = folder
        let made = try kubectl("create", "namespace", namespace)
        try #require(made.status == 0, "\(made.errors)")
        for mode in ["enforce", "warn"] {
            let labelled = try kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/\(mode)=restricted")
            try #require(labelled.status == 0, "\(labelled.errors)")
        }
    }

    func folder(_ name: String) throws -> String {
        try Folder.make("\(scratch)/\(name)")
        return "\(scratch)/\(name)"
    }

    /// A patch: pods that also a small cluster has room for, several at a time.
    func modest() throws -> String {
        let file = scratch + "/modest.yaml"
        try File.write(
            """
            kind: Job
            spec: { template: { spec: { containers: [{ name: metro, resources: { requests: { cpu: 50m } } }] } } }

            """, to: file)
        return file
    }

    func kubectl(_ words: String...) throws -> Program.Ended { try Program("kubectl").run(words) }

    func remove() { _ = try? kubectl("delete", "namespace", namespace, "--wait=false") }
}
