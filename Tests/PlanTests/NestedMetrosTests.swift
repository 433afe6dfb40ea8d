import Files
import Metro
import TestSupport
import Testing

@testable import Plan

@Suite struct NestedMetrosTests {
    /// A metro of metros on disk: its files by their paths.
    func plan(_ files: [String: String], in folder: String) throws -> Plan {
        for (path, text) in files {
            try Folder.make(File.parent(of: "\(folder)/\(path)"))
            try File.write(text, to: "\(folder)/\(path)")
        }
        let metro = try MetroReader.read(path: folder + "/main/metro.yml")
        return try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder + "/main"))
    }

    /// The plan's stations run without running: what each command becomes.
    func commands(_ plan: Plan) throws -> [String: PlannedTask.Command] {
        var graph = try TaskGraph(plan)
        var commands: [String: PlannedTask.Command] = [:]
        while !graph.isFinished {
            for task in graph.takeReady() {
                commands[task.id.name] = task.command
                try graph.finished(task.id, made: TaskGraphTests.made(task))
            }
        }
        return commands
    }

    /// `qc` holds `trim`, and stands twice in the metro.
    private static let files = [
        "main/metro.yml": """
        metro: main
        needs: { debian: [samtools] }
        inputs:
          reads: reads/*.fq
        lines:
          first:
            - metro: ../qc
              in: { reads: reads }
            - station: merge
              command: cat {in}
              out: all.txt
          second:
            - station: half
              for_each: reads
              command: head {each}
              out: "{name}.fq"
            - metro: ../qc/metro.yml
              as: again
              in: { reads: half/*.fq }
            - station: apart
              for_each: again/cut/trim
              in: again/count
              command: cat {each} {in}
              out: "{name}.txt"
        """,
        "main/reads/a.fq": "a", "main/reads/b.fq": "b", "main/files/bin/tool": "mine",
        "qc/metro.yml": """
        metro: quality.control
        inputs:
          reads: sample/*.fq
          limits: limits.txt
        lines:
          one:
            - metro: ../trim
              as: cut
              in: { reads: reads }
            - station: count
              in: [cut, limits]
              command: count {in_1} {limits}
              out: count.txt
        results: [count, cut/trim]
        """,
        "qc/sample/x.fq": "x", "qc/limits.txt": "7", "qc/files/bin/count": "theirs",
        "trim/metro.yml": """
        metro: trim
        needs: { debian: [seqtk] }
        inputs:
          reads: missing/*.fq
        lines:
          one:
            - station: trim
              for_each: reads
              command: seqtk {each}
              out: "{name}.fq"
            - station: check
              needs: { debian: [jq] }
              command: jq {in}
              out: check.json
        results: [trim]
        """,
    ]

    @Test func namesAreJoined() throws {
        try withScratch { folder in
            let plan = try plan(Self.files, in: folder)
            #expect(
                plan.stations.map(\.id.name) == [
                    "quality-control/cut/trim", "quality-control/cut/check", "quality-control/count", "merge", "half",
                    "again/cut/trim", "again/cut/check", "again/count", "apart",
                ])
            #expect(plan.stations[0].line == "quality-control/cut/one")
            #expect(plan.inputs.map(\.name) == ["reads", "quality-control/limits", "again/limits"])
            #expect(plan.results.map(\.station.name) == ["merge", "apart"])
            #expect(plan.notes.filter { $0.contains("leads to no result") }.count == 2)
        }
    }

    @Test func whatIsGivenStandsForTheInput() throws {
        try withScratch { folder in
            let commands = try commands(try plan(Self.files, in: folder))
            #expect(
                commands["quality-control/cut/trim/a"] == .direct(["seqtk", "/.las/inputs/reads/a.fq"]))
            #expect(commands["again/cut/trim/b"] == .direct(["seqtk", "/.las/made/half/b/b.fq"]))
            #expect(
                commands["again/count"]
                    == .direct([
                        "count", "/.las/made/again/cut/trim/a/a.fq", "/.las/made/again/cut/trim/b/b.fq",
                        "/.las/inputs/again/limits/limits.txt",
                    ]))
            #expect(
                commands["merge"]
                    == .direct([
                        "cat", "/.las/made/quality-control/count/count.txt",
                        "/.las/made/quality-control/cut/trim/a/a.fq", "/.las/made/quality-control/cut/trim/b/b.fq",
                    ]))
            #expect(
                commands["apart/a"]
                    == .direct(
                        ["cat", "/.las/made/again/cut/trim/a/a.fq", "/.las/made/again/count/count.txt"]))
        }
    }

    @Test func eachHasItsOwnNeedsAndScripts() throws {
        try withScratch { folder in
            let plan = try plan(Self.files, in: folder)
            #expect(
                plan.environments.map(\.id.name) == [
                    "main", "quality-control", "quality-control.cut", "quality-control.cut.check",
                ])
            #expect(plan.environments.map(\.needs.debian) == [["samtools"], [], ["seqtk"], ["jq"]])
            let environments = Dictionary(uniqueKeysWithValues: plan.stations.map { ($0.id.name, $0.environment.name) })
            #expect(environments["again/count"] == "quality-control", "equal needs share an environment")
            #expect(environments["again/cut/trim"] == "quality-control.cut")
            let scripts = Dictionary(uniqueKeysWithValues: plan.stations.map { ($0.id.name, $0.scripts) })
            #expect(scripts["merge"] == .some(nil))
            #expect(scripts["again/count"] == "quality-control", "the same file brings the same scripts")
            #expect(scripts["again/cut/trim"] == "quality-control/cut")
            #expect(
                plan.packedFiles.map(\.path) == [
                    "files/bin/tool", "inputs/again/limits/limits.txt", "inputs/quality-control/limits/limits.txt",
                    "inputs/reads/a.fq", "inputs/reads/b.fq", "metros/quality-control/cut/metro.yml",
                    "metros/quality-control/files/bin/count", "metros/quality-control/metro.yml",
                ])
            #expect(plan.packedFolders.contains("metros/quality-control/cut/files"), "nothing of others is to be seen")
            #expect(!plan.json.contains(folder), "a plan that is written down does not tell where it was made")
        }
    }

    @Test func anInputThatIsNotGivenIsTheMetrosOwn() throws {
        try withScratch { folder in
            var files = Self.files
            files["main/metro.yml"] = """
                metro: main
                lines:
                  one:
                    - metro: ../qc
                      as: qc
                    - metro: ../qc
                      as: second
                      in: {}
                """
            let plan = try plan(files, in: folder)
            #expect(plan.inputs.map(\.name) == ["qc/reads", "qc/limits", "second/reads", "second/limits"])
            #expect(try commands(plan)["second/cut/trim/x"] == .direct(["seqtk", "/.las/inputs/second/reads/x.fq"]))
            #expect(plan.results.map(\.station.name) == ["qc/count", "qc/cut/trim", "second/count", "second/cut/trim"])
            // Files that are missing are complained of once, with the place in their own metro.
            try Folder.remove(folder + "/qc/sample")
            let metro = try MetroReader.read(path: folder + "/main/metro.yml")
            let failure = #expect(throws: MetroFailure.self) {
                try InputFiles.find(for: metro, in: folder + "/main")
            }
            #expect(failure?.diagnostics.map(\.place) == ["\(folder)/qc/metro.yml:3:10"])
        }
    }

    /// `deep` passes what it is given on to `inner`, which looks at it.
    private func valid(_ valid: String, given: String = "ours", source: String = "files/*") -> [String: String] {
        [
            "main/metro.yml": """
            metro: main
            inputs:
              ours: \(source)
            lines:
              one:
                - metro: ../deep
                  in: \(given)
                - station: all
                  in: [ours, deep]
                  command: cat {in}
                  out: all.txt
            """,
            "deep/metro.yml":
                "metro: deep\ninputs: { x: x }\nlines:\n  one:\n    - { metro: ../inner, in: x }\n    - { station: s, command: cat, in: inner, out: s }\n",
            "inner/metro.yml": """
            metro: inner
            inputs:
              x: { files: x, valid: \(valid) }
            lines:
              one:
                - station: s
                  for_each: x
                  command: cat {x}
                  out: "{name}.out"
            """,
            "main/files/a.fq": "data", "main/files/b.fq": "", "main/files/c.txt": "data",
        ]
    }

    @Test func whatIsGivenMustBeValidInside() throws {
        try withScratch { folder in
            let plan = try plan(valid("{ extension: fq, larger_than: 0 }"), in: folder)
            #expect(plan.inputs.map(\.name) == ["ours", "deep/inner/x"])
            #expect(plan.inputs[1].files?.map(\.path) == ["/.las/inputs/ours/a.fq"])
            #expect(
                plan.notes[0]
                    == "2 of 3 deep/inner/x were left out: files/b.fq is not larger than 0, files/c.txt does not end with .fq"
            )
            #expect(plan.packedFiles.filter { $0.path.hasPrefix("inputs/") }.count == 3, "each is packed once")
            let commands = try commands(plan)
            #expect(commands["deep/inner/s/a"] == .direct(["cat", "/.las/inputs/ours/a.fq"]))
            #expect(commands.keys.filter { $0.hasPrefix("deep/inner/s/") }.count == 1)
        }
    }

    @Test func whatIsNotIsToldWhereItIsGiven() throws {
        try withScratch { folder in
            let none = #expect(throws: MetroFailure.self) { try plan(valid("{ extension: bam }"), in: folder) }
            #expect(none?.diagnostics.map(\.place) == ["\(folder)/deep/metro.yml:5:30"])
            #expect(
                none?.diagnostics.first?.message
                    == "no file of “deep/inner/x” is valid: files/a.fq does not end with .bam, and 2 more")
            let stopped = #expect(throws: MetroFailure.self) {
                try plan(valid("{ extension: fq, otherwise: stop }"), in: folder)
            }
            #expect(
                stopped?.diagnostics.first?.message.hasPrefix("1 of 3 files of “deep/inner/x” is not valid") == true)
            let selected = try plan(valid("{ larger_than: 0 }", given: "ours/*.fq"), in: folder)
            #expect(selected.inputs[1].files?.map(\.name) == ["a"])
            let nothing = #expect(throws: MetroFailure.self) {
                try plan(valid("{ larger_than: 0 }", given: "ours/*.bam"), in: folder)
            }
            #expect(
                nothing?.diagnostics.first?.message == "no file of “ours” is one that “*.bam” selects")
        }
    }

    @Test func anImageIsLookedAtWhereTheNestedStationRuns() throws {
        try withScratch { folder in
            let plan = try plan(
                valid("{ extension: gz, name: \"a*\" }", source: "{ image: /usr/share/x/*.gz }"), in: folder)
            #expect(plan.inputs.map(\.name) == ["ours", "deep/inner/x"])
            #expect(!plan.knowsAllInputs)
            #expect(plan.inputs[0].environments.map(\.name) == ["main"])
            let resolved = try plan.resolvingImageInputs { _ in
                ImageFiles(paths: ["/usr/share/x/a.gz", "/usr/share/x/b.gz"])
            }
            #expect(resolved.inputs[0].files?.count == 2)
            #expect(resolved.inputs[1].files?.map(\.path) == ["/usr/share/x/a.gz"])
            #expect(resolved.notes.contains { $0.hasPrefix("1 of 2 deep/inner/x was left out") })
        }
    }

    /// An input whose files must pass, given to a metro that has a command of its own for them.
    @Test func whatPassesOutsideIsLookedAtAgainInside() throws {
        try withScratch { folder in
            let plan = try plan(
                [
                    "main/metro.yml": """
                    metro: main
                    inputs:
                      ours: { files: "*.txt", valid: { passes: "outside {each}" } }
                    lines:
                      one:
                        - { metro: ../plain, in: ours }
                        - { metro: ../strict, in: ours }
                    """,
                    "plain/metro.yml":
                        "metro: plain\ninputs: { x: { files: x, valid: { name: \"[a-c]*\" } } }\nlines:\n  one: [{ station: s, in: x, command: \"cat {x}\", out: s }]\n",
                    "strict/metro.yml": """
                    metro: strict
                    inputs: { x: { files: x, valid: { passes: "inside {x} {name}" } } }
                    lines:
                      one: [{ station: s, for_each: x, command: "cat {x}", out: "{name}" }]
                    """,
                    "main/a.txt": "", "main/b.txt": "", "main/c.txt": "", "main/d.txt": "",
                ], in: folder)
            var graph = try TaskGraph(plan)
            let outside = graph.takeReady()
            #expect(outside.map(\.id.name) == ["a", "b", "c", "d"].map { "inputs/ours/\($0)" })
            for task in outside {
                _ = try graph.checked(task.id, objection: task.id.name.hasSuffix("b") ? "is bad" : nil)
            }
            // Of those that one of them leaves out, the other says nothing.
            let next = graph.takeReady()
            #expect(next.map(\.id.name) == ["a", "b", "c", "d"].map { "inputs/strict/x/\($0)" } + ["plain/s"])
            #expect(next[0].command == .direct(["inside", "/.las/inputs/ours/a.txt", "a"]))
            #expect(next[0].scripts == "strict")
            #expect(next[4].command == .direct(["cat", "/.las/inputs/ours/a.txt", "/.las/inputs/ours/c.txt"]))
            for task in next.prefix(4) {
                _ = try graph.checked(
                    task.id, objection: "bc".contains(task.id.name.suffix(1)) ? "is worse" : nil)
            }
            #expect(graph.takeReady().map(\.id.name) == ["strict/s/a", "strict/s/d"])
            #expect(
                graph.leftOut.map { "\($0.input): \($0.files.map(\.path).joined(separator: " ")) of \($0.kept)" } == [
                    "ours: b.txt of 3", "plain/x: d.txt of 3", "strict/x: c.txt of 2",
                ])
        }
    }
}
