import Digests
import Files
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing

@testable import Execution

/// What a run would run, and why: the same that it then runs.
@Suite struct ForecastTests {
    /// A metro of files that lie in a folder, run and looked at in one LASH.
    private struct Bench {
        let scratch: String
        var files: [String: String] = ["reads/s1.fq": "1\n", "reads/s2.fq": "2\n", "ref/r.fa": "r\n"]
        var scripts: [String: String] = ["files/bin/embrace": "#!/bin/bash\necho \"<$1>\"\n"]
        var environment: Digest?
        var stations: [PlannedStation] = [
            station("index", "cat {in} > {out}/x", out: ["index/"], takes: [Taken(.input("ref"))]),
            station(
                "align", "cat {index}/x {each}", out: ["{name}.bam"], takes: [from("index")],
                forEach: [Taken(.input("reads"))]),
            station("call", "embrace \"$(cat {each})\"", out: ["{name}.vcf"], forEach: [from("align")]),
            station("merge", "cat {in}", takes: [from("call")]),
            station("split", "for i in 1 2; do echo $i > {out}/$i; done", out: ["parts/"]),
            station("part", "cat {each}", out: ["{name}"], forEach: [from("split", "parts/*")]),
        ]

        var plan: Plan {
            func input(_ name: String) -> PlannedInput {
                let paths = files.keys.filter { $0.hasPrefix(name + "/") }.sorted()
                return PlannedInput(
                    name: name, kind: .files,
                    files: paths.map {
                        let file = File.name(of: $0)
                        return PlannedFile(name: Glob.stem(of: file), path: "/.las/inputs/\($0)", source: $0)
                    })
            }
            return Plan(
                metro: "forecast", environments: [PlannedEnvironment(id: .main, needs: Needs())],
                inputs: [input("reads"), input("ref")], scripts: scripts.keys.sorted(), stations: stations,
                results: stations.map { PlannedResult(station: $0.id) })
        }

        func run(_ name: String) throws -> TestRun {
            let inputs = Dictionary(uniqueKeysWithValues: files.map { ("inputs/" + $0.key, $0.value) })
            return try TestRun.perform(
                plan, inputs.merging(scripts) { $1 }, in: scratch, name: name, environment: environment)
        }

        func forecast() throws -> Forecast {
            let folder = try Folder.makeTemporary(in: scratch, named: "metro")
            for (path, text) in files.merging(scripts, uniquingKeysWith: { $1 }) {
                try Folder.make(File.parent(of: "\(folder)/\(path)"))
                try File.write(text, to: "\(folder)/\(path)", mode: path.hasPrefix("files/bin/") ? 0o755 : 0o644)
            }
            let lash = LASH(root: scratch + "/lash")
            let image = try TestImages.part(.environment, "main", TestImages.environment).part.digest
            return try Forecast(
                plan, MetroFiles(plan, folder: folder, in: lash), environments: [.main: environment ?? image], in: lash,
                needs: { _, _ in nil })
        }

        /// Each station that would run something, with its reasons.
        func reasons() throws -> [String] {
            try forecast().stations.flatMap { station in
                station.runs.map { "\($0.task): \($0.reason)" }
                    + (station.waitsFor.map { ["\(station.id): since \($0)"] } ?? [])
            }
        }
    }

    @Test func whatChangedIsToldAndRuns() throws {
        try withScratch { scratch in
            var bench = Bench(scratch: scratch)
            let all = try bench.reasons()
            #expect(
                all == [
                    "index: it has not run yet", "align/s1: since index runs", "align/s2: since index runs",
                    "call/s1: since index runs", "call/s2: since index runs", "merge: since index runs",
                    "split: it has not run yet", "part: since split",
                ])
            let first = try bench.run("first")
            #expect(first.ended.succeeded, "\(first.events)")
            #expect(try bench.reasons() == [])
            #expect(try bench.forecast().stations.map(\.done) == [1, 2, 2, 1, 1, 2])

            bench.files["reads/s2.fq"] = "other\n"
            bench.files["reads/s3.fq"] = "3\n"
            let changed = [
                "align/s2: reads/s2.fq changed", "align/s3: it is new", "call/s2: since align/s2 runs",
                "call/s3: since align/s3 runs", "merge: since align/s2 runs",
            ]
            #expect(try bench.reasons() == changed)
            #expect(
                try bench.run("second").tasks(.taskStarted) == ["align/s2", "align/s3", "call/s2", "call/s3", "merge"])

            bench.scripts["files/bin/embrace"] = "#!/bin/bash\necho \"[$1]\"\n"
            #expect(
                try bench.reasons().prefix(4) == [
                    "call/s1: the script files/bin/embrace changed", "call/s2: the script files/bin/embrace changed",
                    "call/s3: the script files/bin/embrace changed", "merge: since call/s1 runs",
                ])
            #expect(try bench.run("third").tasks(.taskStarted) == ["call/s1", "call/s2", "call/s3", "merge"])

            bench.files["ref/r.fa"] = "R\n"
            #expect(try bench.reasons().first == "index: ref/r.fa changed")
            bench.files["ref/r.fa"] = "r\n"
            bench.environment = Digest(of: "other")
            #expect(try bench.reasons().first == "index: its needs changed")
        }
    }

    @Test func whatFailedOrIsGoneIsTold() throws {
        try withScratch { scratch in
            var bench = Bench(scratch: scratch)
            bench.stations = [
                station("bad", "exit 3"), station("good", "echo x"), station("asks", "echo x", usesNetwork: true),
                station("open", "cat /.las/plan.json"),
            ]
            _ = try bench.run("first")
            #expect(
                try bench.reasons() == [
                    "bad: it failed the last time", "asks: it uses the network",
                    "open: it reads more of the metro's own files than can be told",
                ])
            for name in try Folder.names(in: scratch + "/lash/tasks") where name.utf8.count == 2 {
                try Folder.remove("\(scratch)/lash/tasks/\(name)")
            }
            #expect(try bench.reasons()[1] == "good: what it made is no longer kept")
        }
    }

    @Test func turnsAreDoneAsFarAsTheyWent() throws {
        try withScratch { scratch in
            var bench = Bench(scratch: scratch)
            func loop(_ command: String) -> [PlannedStation] {
                [
                    station("loop", command, turns: Turns(count: 9, until: [.value(in: "out.txt", .above(3))])),
                    station("after", "cat {in}", takes: [from("loop")]),
                ]
            }
            bench.stations = loop("echo {turn}")
            let first = try bench.run("first")
            #expect(first.ended.succeeded)
            #expect(try bench.forecast().stations.map(\.done) == [4, 1])
            bench.stations = loop("echo {turn}; true")
            #expect(try bench.reasons() == ["loop/1: its command changed", "after: since loop/1 runs"])
        }
    }
}
