import Glibc
import Metro
import Testing

@testable import Plan

/// `for_each` over what stations make, in pairs, and what is wrong with it.
@Suite struct ForEachTests {
    private func plan(_ lines: String, inputs: [String: [String]] = [:], results: String = "") throws -> Plan {
        let declared = inputs.keys.sorted().map { "  \($0): \($0)/*\n" }.joined()
        let text = "metro: m\n" + (inputs.isEmpty ? "" : "inputs:\n\(declared)") + "lines:\n  one:\n\(lines)\(results)"
        var files = InputFiles()
        for (name, paths) in inputs {
            files.found[name] = paths.map { .init(path: "\(name)/\($0)", pattern: "\(name)/*") }
        }
        return try Planner.plan(try MetroReader.read(text: text, file: "metro.yml"), files: files)
    }

    private let split = """
            - station: split
              command: split -l 1 /dev/null {out}/part-
              out: parts/
            - station: count
              for_each: split
              command: wc -l {each}
              out: "{name}.count"
            - station: twice
              for_each: count
              command: cat {each} {each}
              out: "{name}.twice"
            - station: all
              in: twice
              command: cat {in}
              out: all.txt

        """

    @Test func whatAStationMakesIsKnownWhenItHasRun() throws {
        var graph = try TaskGraph(try plan(split))
        let first = graph.takeReady()
        #expect(first.map(\.id.name) == ["split"])
        #expect(graph.knownTasks == [StationID("split"): 1, StationID("all"): 1])
        let inside = ["part-aa", "part-ab", "deep/part-ac"]
        let made =
            [MadeFile(path: "parts", isFolder: true), MadeFile(path: "parts/deep", isFolder: true)]
            + inside.map { MadeFile(path: "parts/\($0)", isFolder: false) }
        try graph.finished(first[0].id, made: made.sorted())
        #expect(graph.knownTasks[StationID("twice")] == 3)
        let counts = graph.takeReady()
        #expect(counts.map(\.id.name) == ["count/part-ac", "count/part-aa", "count/part-ab"])
        #expect(counts[0].command == .direct(["wc", "-l", "/.las/made/split/parts/deep/part-ac"]))
        #expect(counts[0].savesPrinted == "part-ac.count")
        #expect(counts[0].reads == ["split"])
        for task in counts { try graph.finished(task.id, made: TaskGraphTests.made(task)) }
        let twice = graph.takeReady()
        #expect(
            twice[0].command == .direct(["cat"] + Array(repeating: "/.las/made/count/part-ac/part-ac.count", count: 2)))
        for task in twice { try graph.finished(task.id, made: TaskGraphTests.made(task)) }
        #expect(graph.takeReady().map(\.reads) == [["twice"]])
    }

    @Test func aPatternGivesFilesAndNeverTheFolderThatHoldsThem() throws {
        let lines = split.replacing("for_each: split", with: "for_each: split/*")
        var graph = try TaskGraph(try plan(lines))
        let first = graph.takeReady()
        let made = [
            MadeFile(path: "parts", isFolder: true), MadeFile(path: "parts/a.txt", isFolder: false),
            MadeFile(path: "parts/deep", isFolder: true), MadeFile(path: "parts/deep/b.txt", isFolder: false),
        ]
        try graph.finished(first[0].id, made: made)
        #expect(graph.takeReady().map(\.id.name) == ["count/a"])
    }

    @Test func itMakesNothingOrTwoOfOneName() throws {
        var graph = try TaskGraph(try plan(split))
        let first = graph.takeReady()[0]
        let folder = MadeFile(path: "parts", isFolder: true)
        let nothing = #expect(throws: PlanFailure.self) { try graph.finished(first.id, made: [folder]) }
        #expect(nothing?.summary == "“for_each: split” of the station “count” matches nothing")
        let twice = ["parts/a.txt", "parts/x/a.csv"].map { MadeFile(path: $0, isFolder: false) }
        let same = #expect(throws: PlanFailure.self) { try graph.finished(first.id, made: [folder] + twice) }
        #expect(
            same?.summary
                == "two items of the station “count” have the name “a”: split/parts/a.txt and split/parts/x/a.csv")
        #expect(!graph.isFinished)
        // What threw is not recorded: the caller says that it failed.
        #expect(graph.failed(first.id).map(\.station.name) == ["count", "twice", "all"])
        #expect(graph.isFinished)
    }

    @Test func anOutputThatIsNotThereIsAFailure() throws {
        var graph = try TaskGraph(try plan(split))
        let first = graph.takeReady()[0]
        let failure = #expect(throws: PlanFailure.self) { try graph.finished(first.id, made: []) }
        #expect(failure?.summary == "split did not make “parts”")
    }

    private let pairs = """
            - station: join
              for_each: [left, right]
              command: paste {left} {right}
              out: "{name}.txt"

        """

    @Test func twoGoTogetherByName() throws {
        var graph = try TaskGraph(try plan(pairs, inputs: ["left": ["a.fq", "b.fq"], "right": ["b.txt", "a.txt"]]))
        #expect(
            graph.takeReady().map(\.command) == [
                .direct(["paste", "/.las/inputs/left/a.fq", "/.las/inputs/right/a.txt"]),
                .direct(["paste", "/.las/inputs/left/b.fq", "/.las/inputs/right/b.txt"]),
            ])
    }

    @Test func whatHasNoPartnerIsAMistakeWithItsPlace() throws {
        let failure = #expect(throws: MetroFailure.self) {
            try plan(pairs, inputs: ["left": ["a.fq", "b.fq"], "right": ["a.txt"]])
        }
        #expect(failure?.diagnostics.map(\.place) == ["metro.yml:8:18"])
        #expect(
            failure?.diagnostics[0].message.hasPrefix("left/b.fq has no partner of the name “b” in “right”") == true)
    }

    @Test func itemsThatFailTakeTheirOwnWithThem() throws {
        let lines = """
                - station: a
                  for_each: x
                  command: cat {each}
                  out: "{name}.a"
                - station: b
                  for_each: x
                  command: cat {each}
                  out: "{name}.b"
                - station: c
                  for_each: [a, b]
                  command: cat {a} {b}
                  out: "{name}.c"

            """
        var graph = try TaskGraph(try plan(lines, inputs: ["x": ["1.t", "2.t"]]))
        let tasks = graph.takeReady()
        #expect(graph.failed(TaskID("a/1")).map(\.task?.name) == ["c/1"])
        #expect(graph.failed(TaskID("b/1")).isEmpty)
        for task in tasks where task.id.name.hasSuffix("2") {
            try graph.finished(task.id, made: TaskGraphTests.made(task))
        }
        #expect(graph.takeReady().map(\.id.name) == ["c/2"])
    }

    @Test func oddNamesStayInTheirFolder() throws {
        let lines = """
                - station: a
                  for_each: x
                  command: cp {each} {out}
                  out: ["{name}.a", "{name}/"]

            """
        let plan = try plan(
            lines, inputs: ["x": ["...t", "-r.t", "a\nb.t", String(repeating: "é", count: 120) + ".t"]])
        var graph = try TaskGraph(plan)
        let tasks = graph.takeReady()
        #expect(tasks.map(\.id.name).prefix(3) == ["a/%2E%2E", "a/-r", "a/a%0Ab"])
        #expect(tasks[1].command == .direct(["cp", "/.las/inputs/x/-r.t", "./-r.a"]))
        #expect(tasks.allSatisfy { $0.made.utf8.count < 255 && !$0.made.hasSuffix("/..") })
    }

    @Test func hostilePlansAreRefused() throws {
        func refused(_ station: PlannedStation) {
            let plan = Plan(
                metro: "m", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [],
                stations: [station], results: [])
            #expect(throws: PlanFailure.self) { try TaskGraph(plan) }
        }
        refused(TaskGraphTests.station("../x", "ls", ["a"]))
        refused(TaskGraphTests.station("x", "ls", ["../a"]))
        refused(TaskGraphTests.station("x", "ls", ["/a"]))
        refused(TaskGraphTests.station("x", "ls", []))
        refused(TaskGraphTests.station("x", "ls {each_7}", ["a"]))
        refused(TaskGraphTests.station("x", takes: [Taken(.station(StationID("x")))], "ls", ["a"]))
        refused(TaskGraphTests.station("x", forEach: [Taken(.input("nothing"))], "ls", ["a"]))
    }

    @Test func outputsThatCollideAreToldBeforeAnythingStarts() throws {
        func told(_ outputs: String, _ items: [String], results: String = "") throws -> String? {
            let lines = "    - { station: s, for_each: x, command: \"cat {each} > {out}\", out: \(outputs) }\n"
            let more = "    - { station: t, in: s, command: cat, out: t }\n"
            let failure = #expect(throws: MetroFailure.self) {
                try plan(lines + (results.isEmpty ? "" : more), inputs: ["x": items], results: results)
            }
            return failure?.diagnostics.first?.message
        }
        #expect(
            try told("[\"{name}.txt\", \"x{name}.txt\"]", ["a.t", "xa.t"])
                == "s/a and s/xa would write the same file, “xa.txt”")
        #expect(
            try told("[\"{name}.txt\", \"x{name}.txt\"]", ["a.t", "xa.t"], results: "results: [s/*.txt, t]\n")
                == "s/a and s/xa would write the same file, “xa.txt”")
        #expect(
            try told("[\"{name}\", \"d/{name}\"]", ["d.t", "e.t"])
                == "the results “d” of s/d and “d/d” of s/d can't lie in one folder")
        #expect(
            try told("[\"{name}.a\", n.a]", ["m.t", "n.t"], results: "results: [t]\n")
                == "two outputs of s/n would write the same file, “n.a”")
    }

    @Test func whatIsNoResultMayHaveTheSameName() throws {
        let lines = """
                - { station: s, for_each: x, command: "cat {each} > {out}", out: ["{name}.txt", "x{name}.txt"] }
                - { station: t, in: s, command: "cat {in}", out: t }

            """
        #expect(throws: Never.self) { try plan(lines, inputs: ["x": ["a.t", "xa.t"]]) }
        #expect(throws: Never.self) {
            try plan(lines, inputs: ["x": ["a.t", "xa.t"]], results: "results: [s/a.txt, t]\n")
        }
    }

    @Test func aPatternThatSelectsNothingOfAnInputIsToldWithItsPlace() throws {
        let lines = "    - { station: s, in: x/*.bam, command: \"cat {in}\", out: a }\n"
        let failure = #expect(throws: MetroFailure.self) { try plan(lines, inputs: ["x": ["a.t"]]) }
        #expect(failure?.diagnostics.first?.message == "“in: x/*.bam” of the station “s” matches nothing")
        #expect(failure?.diagnostics.first?.line == 6)
    }

    /// 20,000 tasks in four stations that go on from each other, one that takes all, and 5,000 stations in a row.
    @Test func timeIsLinear() throws {
        let lines =
            (0..<4).map {
                "    - station: s\($0)\n      for_each: \($0 == 0 ? "x" : "s\($0 - 1)")\n      command: cat {each}\n      out: \"{name}.o\"\n"
            }.joined()
            + "    - station: all\n      in: s3\n      command: cat {in}\n      out: all\n"
        let plan = try plan(lines, inputs: ["x": (0..<5000).map { "f\($0).t" }])
        /// Of this thread: whatever else the machine does meanwhile counts for nothing.
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let start = now()
        var graph = try TaskGraph(plan)
        var count = 0
        while !graph.isFinished {
            for task in graph.takeReady() {
                count += 1
                try graph.finished(task.id, made: TaskGraphTests.made(task))
            }
        }
        let time = now() - start
        #expect(count == 20_001)
        // Without optimisation; a release build is more than ten times as fast.
        #expect(time < 60, "\(time)")
    }
}
