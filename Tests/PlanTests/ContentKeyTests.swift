import Digests
import Files
import JSON
import Metro
import Testing

@testable import Plan

/// What a task is known by: each thing that decides its result changes the key, and nothing else does.
@Suite struct ContentKeyTests {
    private static func task(
        id: String = "sort/s1", command: PlannedTask.Command = .shell("sort x > s1.txt"),
        outputs: [PlannedTask.Output] = [.init(path: "s1.txt", isFolder: false)], savesPrinted: String? = nil,
        uses: Resources = Resources(), variables: [String: String] = ["A": "b"], checks: String? = nil
    ) -> PlannedTask {
        PlannedTask(
            id: TaskID(id), station: StationID("sort"), environment: .main, command: command, outputs: outputs,
            savesPrinted: savesPrinted, reads: [], made: id, uses: uses, variables: variables, checks: checks)
    }

    private static func key(_ task: PlannedTask, _ change: String = "") -> Digest {
        func digest(_ name: String) -> Digest { Digest(of: name == change ? "other" : name) }
        return ContentKey(
            task, environment: digest("environment"), inputs: ["/.las/inputs/x": digest("input")],
            scripts: ["files/a.sh": digest("script")], reads: ["index": digest("read")],
            before: change == "before" ? Digest(of: "before") : nil
        ).digest
    }

    @Test(arguments: ["environment", "input", "script", "read", "before"])
    func whatATaskFindsIsInIt(_ what: String) {
        #expect(Self.key(Self.task(), what) != Self.key(Self.task()))
    }

    @Test func whatTheMetroSaysOfItIsInIt() {
        var changed: [PlannedTask] = [
            Self.task(command: .shell("sort -r x > s1.txt")), Self.task(command: .direct(["sort x > s1.txt"])),
            Self.task(outputs: [.init(path: "s1.txt", isFolder: true)]),
            Self.task(outputs: [.init(path: "s1.tsv", isFolder: false)]),
            Self.task(savesPrinted: "s1.txt"), Self.task(variables: ["A": "c"]), Self.task(variables: [:]),
            Self.task(checks: "test {each}"),
        ]
        for change: (inout PlannedTask) -> Void in [
            { $0.turn = 1 }, { $0.turn = 2 }, { $0.seed = 7 },
            { $0.until = [.init(requirement: .unchanged)] }, { $0.until = [.init(requirement: .outputContains("x"))] },
        ] {
            var task = Self.task()
            change(&task)
            changed.append(task)
        }
        let keys = changed.map { Self.key($0) } + [Self.key(Self.task())]
        #expect(Set(keys).count == keys.count)
    }

    @Test func whatItIsCalledAndWhatItUsesIsNot() {
        var task = Self.task(id: "other/s2", uses: Resources(cpus: 4, memory: 5, gpus: 1, time: 6))
        task.retry = 3
        task.usesNetwork = true
        task.turnBefore = "sort/1"
        #expect(Self.key(task) == Self.key(Self.task()))
    }

    /// A key that a release has given must stay the same, or what it kept is lost.
    @Test func theKeyIsTheSameEverywhere() {
        #expect(Self.key(Self.task()).hex == "2c377c244ccfbc772cdadcc5ab7ebce27b7c344ea025a1525939a03b4f5bd8ea")
    }

    @Test func aFoldedDigestKnowsNamesAndKinds() {
        func fold(_ entries: [(String, FoldedDigest.Entry)]) -> Digest {
            var fold = FoldedDigest()
            for (path, entry) in entries { fold.add(path, entry) }
            return fold.digest
        }
        let file = FoldedDigest.Entry.file(Digest(of: "x"), isProgram: false)
        #expect(fold([("a", file), ("b", .folder)]) == fold([("b", .folder), ("a", file)]))
        let all = [
            fold([]), fold([("a", file)]), fold([("b", file)]), fold([("a", .file(Digest(of: "x"), isProgram: true))]),
            fold([("a", .file(Digest(of: "y"), isProgram: false))]), fold([("a", .folder)]),
            fold([("a", .link(target: "b"))]), fold([("a", .link(target: "c"))]), fold([("a", file), ("b", file)]),
            // The same letter to a reader, and not to the system.
            fold([("\u{E9}", file)]), fold([("e\u{301}", file)]),
        ]
        #expect(Set(all).count == all.count)
    }
}

/// Which files count for a task.
@Suite struct CountedFilesTests {
    private let counted = CountedFiles(
        inputs: [
            "reads/s1.fq", "reads/s1.fq.fai", "reads/s1.idx", "reads/s10.fq", "reads/s2.fq.gz", "reads/s2.tbi",
            "reads/s1.d/x", "all/f/a", "all/f/b", "all/g", "allow/h",
        ].map { "/.las/inputs/" + $0 }, scripts: [:])

    @Test(arguments: [
        ("reads/s1.fq", ["reads/s1.d/x", "reads/s1.fq", "reads/s1.fq.fai", "reads/s1.idx"]),
        ("reads/s10.fq", ["reads/s10.fq"]),
        ("reads/s2.fq.gz", ["reads/s2.fq.gz", "reads/s2.tbi"]),
        ("all", ["all/f/a", "all/f/b", "all/g"]),
        ("all/f", ["all/f/a", "all/f/b"]),
        ("all/g", ["all/g"]),
    ]) func aFileCountsWithItsNeighboursAndAFolderWhole(_ place: String, _ files: [String]) {
        #expect(counted.files(at: "/.las/inputs/" + place) == files.map { "/.las/inputs/" + $0 })
    }

    @Test func aTaskLooksWhereItsStationTakes() throws {
        let plan = try TurnsTests.plan(
            """
                - station: index
                  in: y
                  command: index {in}
                  out: index.txt
                - station: every
                  for_each: x
                  in: [index, y]
                  command: look {each} {in}
                  out: "{name}.txt"
            """, inputs: ["x": ["a.txt", "b.txt"], "y": ["c.txt", "d.txt"]])
        var graph = try TaskGraph(plan)
        let inputs = try TurnsTests.all(&graph).map(\.inputs)
        let y = "/.las/inputs/y"
        #expect(inputs == [[y], ["/.las/inputs/x/a.txt", y], ["/.las/inputs/x/b.txt", y]])
    }

    @Test func whatIsFedIsNoLongerLookedAt() throws {
        let plan = try TurnsTests.plan(
            """
                - station: loop
                  in: [x, y]
                  repeat: 2
                  feed: x
                  command: step {x} {y} > {out}
                  out: x.txt
            """, inputs: ["x": ["a.txt"], "y": ["b.txt"]])
        var graph = try TaskGraph(plan)
        #expect(
            try TurnsTests.all(&graph).map(\.inputs) == [["/.las/inputs/x", "/.las/inputs/y"], ["/.las/inputs/y"]])
    }

    private func reach(
        _ command: String, filled: String? = nil, _ scripts: [String: String?], inEnvironment: [String] = []
    ) throws -> ScriptReach {
        let station = TaskGraphTests.station("one", command, ["out.txt"])
        let task = PlannedTask(
            id: TaskID("one"), station: station.id, environment: .main, command: .shell(filled ?? command),
            outputs: [], savesPrinted: nil, reads: [], made: "one", uses: Resources())
        let names = scripts.keys.sorted().map { "files/" + $0 }
        let counted = CountedFiles(inputs: [], scripts: ["": names])
        return counted.reach(of: task, station, isInEnvironment: { inEnvironment.contains($0) }) { path in
            counted.look(at: (scripts[path.after("files/") ?? ""] ?? nil).map { Array($0.utf8) }, of: nil)
        }
    }

    private static let scripts: [String: String?] = [
        "bin/plot.py": "import colours\n", "lib/colours.py": "red = 1", "bin/clean": "#!/bin/sh\nsed s/a/b/",
        "bin/model_1.sh": "", "bin/model_2.sh": "", "bin/run.sh": ". /.las/files/$1.sh", "trained/weights7.pkl": "\0",
        "bin/beside.sh": "$(dirname $0)/clean", "huge": nil, "other.txt": "",
    ]

    @Test(arguments: [
        ("cat {in}", []),
        ("plot.py {in}", ["bin/plot.py", "lib/colours.py"]),
        ("clean {in}", ["bin/clean"]),
        ("python3 -c 'import colours'", ["lib/colours.py"]),
        ("for i in 1 2; do model_$i.sh; done", ["bin/model_1.sh", "bin/model_2.sh"]),
        ("load trained/$x.pkl", ["trained/weights7.pkl"]),
        ("cat /.las/files/other.txt", ["other.txt"]),
    ]) func aScriptCountsWhereItIsMentioned(_ command: String, _ counted: [String]) throws {
        let reach = try reach(command, Self.scripts)
        #expect(reach.scripts == counted.map { "files/" + $0 })
        #expect(!reach.looksAround && !reach.looksAtInputs && !reach.isOpen)
    }

    @Test(arguments: [
        "cat /.las/files/*.txt", "cd /.las/files; ls", "run.sh", "beside.sh", "huge", "cat .las/files/other$x",
    ])
    func allScriptsCountWhereItIsNotClearWhichAreUsed(_ command: String) throws {
        #expect(try reach(command, Self.scripts).scripts.count == Self.scripts.count)
    }

    @Test func aScriptCountsByItsNameWithValuesAndInPlaceOfAProgram() throws {
        #expect(
            try reach("plot_{name}", filled: "plot_s1", ["plot_s1.R": "", "plot_b.R": ""]).scripts == [
                "files/plot_s1.R"
            ])
        let scripts = ["bin/sort": "", "sed": "", "bin/cut": ""]
        #expect(try reach("tool", scripts, inEnvironment: ["sort", "sed"]).scripts == ["files/bin/sort"])
    }

    @Test func whatLooksElsewhereIsToldByItsText() throws {
        #expect(try reach("cat $(dirname {each})/b", [:]).looksAround)
        #expect(try reach("f={each}; cat ${f%/*}/b", [:]).looksAround)
        #expect(try reach("look {in}", ["look": "open(sys.argv[1] + '/../b')"]).looksAround)
        // A program's own words mean nothing.
        #expect(try !reach("look {in}", ["look": "\u{7F}ELF\0 dirname"]).looksAround)
        #expect(try reach("cat /.las/inputs/other/x", [:]).looksAtInputs)
        #expect(try reach("look {in}", ["look": "\0/.las/inputs/other"]).looksAtInputs)
        for command in ["cat /.las/metro.yml", "ls /.las", "cd / && cat .las/plan.json"] {
            #expect(try reach(command, [:]).isOpen)
        }
        #expect(try !reach("cat x.las /.las/made/x", [:]).isOpen)
    }

    @Test func whoLooksAroundCountsAllOfAnInput() throws {
        let plan = try TurnsTests.plan(
            "    - station: every\n      for_each: x\n      command: cat $(dirname {each})/*\n      out: \"{name}.txt\"",
            inputs: ["x": ["a.txt", "b.txt"]])
        var graph = try TaskGraph(plan)
        let task = graph.takeReady()[0]
        let counted = CountedFiles(plan)
        func places(_ station: PlannedStation?) -> [String] {
            counted.places(
                of: task,
                counted.reach(of: task, station, isInEnvironment: { _ in false }) { _ in counted.look(at: nil, of: nil)
                })
        }
        #expect(places(plan.stations[0]) == ["/.las/inputs/x"])
        #expect(counted.files(at: "/.las/inputs/x") == ["/.las/inputs/x/a.txt", "/.las/inputs/x/b.txt"])
    }
}
