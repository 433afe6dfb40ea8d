import JSON
import Metro
import Testing

@testable import Plan

/// `repeat`, `one_by_one`, `feed`, `until`, `seed` as the tasks of a plan.
@Suite struct TurnsTests {
    /// A plan of one line; each input has one file, or those given.
    static func plan(
        _ lines: String, inputs: [String: [String]] = ["x": ["x.txt"]], results: String = ""
    ) throws -> Plan {
        let declared = inputs.keys.sorted().map { "  \($0): \($0)/*\n" }.joined()
        let text =
            "metro: m\n" + (inputs.isEmpty ? "" : "inputs:\n\(declared)") + "lines:\n  one:\n\(lines)\n\(results)"
        var files = InputFiles()
        for (name, paths) in inputs {
            files.found[name] = paths.map { .init(path: "\(name)/\($0)", pattern: "\(name)/*") }
        }
        return try Planner.plan(try MetroReader.read(text: text, file: "metro.yml"), files: files)
    }

    /// Runs all that is ready until nothing is; what each task was, in order.
    static func all(
        _ graph: inout TaskGraph, turn: (PlannedTask, _ known: [StationID: Int]) -> TaskGraph.TurnEnd? = { _, _ in nil }
    ) throws
        -> [PlannedTask]
    {
        var tasks: [PlannedTask] = []
        while !graph.isFinished {
            for task in graph.takeReady() {
                tasks.append(task)
                let end = turn(task, graph.knownTasks)
                try graph.finished(task.id, made: TaskGraphTests.made(task), turn: end)
            }
        }
        return tasks
    }

    static func words(_ task: PlannedTask) -> String {
        switch task.command {
        case .direct(let words): words.joined(separator: " ")
        case .shell(let text): text
        }
    }

    @Test func repeatedTurnsRunSideBySideInFoldersOfTheirOwn() throws {
        let plan = try Self.plan(
            """
                - station: sample
                  in: x
                  repeat: 12
                  command: draw {in} {turn}
                  out: sample.txt
                - station: all
                  command: cat {in}
                  out: all.txt
                - station: one
                  for_each: sample
                  command: look {each}
                  out: "{name}.txt"
            """)
        // As the runtime gets it.
        #expect(try JSONText.decode(Plan.self, from: JSONText.encode(plan)) == plan)
        var graph = try TaskGraph(plan)
        #expect(graph.knownTasks == [StationID("sample"): 12, StationID("all"): 1, StationID("one"): 12])
        let turns = graph.takeReady()
        #expect(turns.map(\.id.name) == (1...12).map { "sample/\($0)" })
        #expect(turns.map(\.made) == turns.map(\.id.name))
        #expect(turns[10].turn == 11 && Self.words(turns[10]) == "draw /.las/inputs/x/x.txt 11")
        for turn in turns.reversed() { try graph.finished(turn.id, made: TaskGraphTests.made(turn)) }
        let rest = try Self.all(&graph)
        // In the order of turns, and not 1, 10, 11, 12, 2.
        let paths = (1...12).map { "/.las/made/sample/\($0)/sample.txt" }
        #expect(Self.words(rest[0]) == "cat \(paths.joined(separator: " "))")
        #expect(rest.dropFirst().map(\.id.name) == (1...12).map { "one/\($0)" })
        #expect(Self.words(rest[11]) == "look \(paths[10])" && rest[11].reads == ["sample/11"])
        #expect(graph.results.map(\.path) == ["all/all.txt"] + (1...12).map { "one/\($0).txt" }.sorted())
    }

    @Test func oneByOneEachTurnWaitsForTheOneBefore() throws {
        let plan = try Self.plan(
            """
                - station: ask
                  in: x
                  repeat: 3
                  one_by_one: yes
                  command: ask {in}
                  out: answer.txt
            """)
        var graph = try TaskGraph(plan)
        for turn in 1...2 {
            let ready = graph.takeReady()
            #expect(ready.map(\.id.name) == ["ask/\(turn)"])
            #expect(ready[0].turnBefore == nil && ready[0].reads.isEmpty)
            try graph.finished(ready[0].id, made: TaskGraphTests.made(ready[0]))
        }
        #expect(graph.knownTasks[StationID("ask")] == 3)
        #expect(graph.results.map(\.path) == ["ask/1/answer.txt", "ask/2/answer.txt"])
        // The third is the last.
        let last = graph.takeReady()
        #expect(graph.failed(last[0].id).isEmpty && graph.isFinished)
    }

    @Test func aTurnThatFailsTakesTheLaterOnesWithIt() throws {
        let plan = try Self.plan(
            """
                - station: ask
                  in: x
                  repeat: 3
                  one_by_one: yes
                  command: ask {in}
                  out: answer.txt
                - station: after
                  command: cat {in}
                  out: after.txt
            """)
        var graph = try TaskGraph(plan)
        let first = graph.takeReady()[0]
        #expect(graph.failed(first.id).map { $0.task?.name ?? $0.station.name } == ["ask/2", "ask/3", "after"])
        #expect(graph.isFinished)
    }

    @Test func whatIsFedTakesItsPlaceAndTheOthersStay() throws {
        let plan = try Self.plan(
            """
                - station: relax
                  in: [x, y]
                  repeat: 3
                  feed: x
                  command: relax {x} {y} {in} {in_1} {in_2}
                  out: [state.txt, log.txt]
                - station: after
                  command: cat {in}
                  out: after.txt
            """, inputs: ["x": ["1.txt", "2.txt"], "y": ["y.txt"]], results: "results: [relax, after]")
        var graph = try TaskGraph(plan)
        #expect(graph.knownTasks[StationID("relax")] == 3)
        let tasks = try Self.all(&graph)
        #expect(tasks.map(\.id.name) == ["relax/1", "relax/2", "relax/3", "after"])
        let (x, y) = ("/.las/inputs/x/1.txt /.las/inputs/x/2.txt", "/.las/inputs/y/y.txt")
        #expect(Self.words(tasks[0]) == "relax \(x) \(y) \(x) \(y) \(x) \(y)")
        #expect(tasks[0].reads.isEmpty && tasks[0].turnBefore == nil)
        let fed = "/.las/made/relax/2/state.txt"
        #expect(Self.words(tasks[2]) == "relax \(fed) \(y) \(fed) \(y) \(fed) \(y)")
        #expect(tasks[2].reads == ["relax/2"] && tasks[2].turnBefore == "relax/2")
        // Only the last turn is what the station made.
        #expect(Self.words(tasks[3]) == "cat /.las/made/relax/3/state.txt /.las/made/relax/3/log.txt")
        #expect(graph.results.map(\.path) == ["after/after.txt", "relax/log.txt", "relax/state.txt"])
        #expect(graph.results.map(\.made) == ["after/after.txt", "relax/3/log.txt", "relax/3/state.txt"])
    }

    @Test func anItemIsFedAndKeepsItsName() throws {
        let plan = try Self.plan(
            """
                - station: smooth
                  for_each: x
                  in: y
                  repeat: 2
                  feed: each
                  command: smooth {each} {y} {name} {turn}
                  out: "{name}.txt"
                - station: after
                  for_each: smooth
                  command: cat {each}
                  out: "{name}.out"
            """, inputs: ["x": ["a.txt", "b.txt"], "y": ["y.txt"]])
        var graph = try TaskGraph(plan)
        let tasks = try Self.all(&graph)
        #expect(
            tasks.map(\.id.name) == ["smooth/a/1", "smooth/b/1", "smooth/a/2", "smooth/b/2", "after/a", "after/b"])
        #expect(Self.words(tasks[3]) == "smooth /.las/made/smooth/b/1/b.txt /.las/inputs/y/y.txt b 2")
        #expect(tasks[3].reads == ["smooth/b/1"])
        #expect(Self.words(tasks[5]) == "cat /.las/made/smooth/b/2/b.txt")
        #expect(graph.results.map(\.path) == ["after/a.out", "after/b.out"])
    }

    @Test func aStationIsFedWithWhatAnotherMade() throws {
        let plan = try Self.plan(
            """
                - station: first
                  in: x
                  command: make {in}
                  out: [start.txt, other.txt]
                - station: loop
                  in: first/start.txt
                  repeat: 2
                  feed: in
                  command: step {first} {out}
                  out: state/
            """)
        var graph = try TaskGraph(plan)
        #expect(plan.stations[1].turns == Turns(count: 2, feed: "in"))
        let tasks = try Self.all(&graph)
        #expect(Self.words(tasks[1]) == "step /.las/made/first/start.txt state" && tasks[1].reads == ["first"])
        // What it took at first is no longer there for it.
        #expect(Self.words(tasks[2]) == "step /.las/made/loop/1/state state" && tasks[2].reads == ["loop/1"])
    }

    @Test func untilEndsWithTheTurnAfterWhichItHolds() throws {
        let plan = try Self.plan(
            """
                - station: train
                  in: x
                  feed: x
                  at_most: 100
                  until: { value_in: loss.txt, below: 0.1, passes: "check {x} {out} {turn}" }
                  command: train {x} {out} loss.txt
                  out: model.txt
                - station: score
                  for_each: train
                  command: score {each}
                  out: "{name}.txt"
            """, results: "results: [train, score]")
        var graph = try TaskGraph(plan)
        #expect(graph.knownTasks == [StationID("train"): 1, StationID("score"): 1])
        var counts: [Int] = []
        let tasks = try Self.all(&graph) { task, known in
            counts.append(known[StationID("train")] ?? 0)
            return task.until.isEmpty ? nil : .init(unmet: task.turn == 4 ? nil : "loss was 1, not below 0.1")
        }
        #expect(tasks.map(\.id.name) == ["train/1", "train/2", "train/3", "train/4", "score/model"])
        #expect(
            tasks[2].until == [
                .init(requirement: .value(in: "loss.txt", .below(0.1))),
                .init(
                    requirement: .passes("check {x} {out} {turn}"),
                    command: .direct(["check", "/.las/made/train/2/model.txt", "model.txt", "3"])),
            ])
        #expect(Self.words(tasks[4]) == "score /.las/made/train/4/model.txt" && tasks[4].reads == ["train/4"])
        #expect(counts.prefix(4) == [1, 2, 3, 4])
        #expect(graph.results.map(\.made) == ["score/model/model.txt", "train/4/model.txt"])
    }

    @Test func atMostReachedIsAFailureWithTheLastValue() throws {
        let plan = try Self.plan(
            """
                - station: wait
                  for_each: x
                  at_most: 2
                  until: { file_exists: "{name}.done" }
                  command: look {each} {out}
                  out: "{name}.txt"
                - station: after
                  for_each: wait
                  command: cat {each}
                  out: "{name}.out"
            """, inputs: ["x": ["a.txt", "b.txt"]])
        var graph = try TaskGraph(plan)
        for task in graph.takeReady() {
            #expect(task.until.map(\.requirement) == [.fileExists("\(task.id == TaskID("wait/a/1") ? "a" : "b").done")])
            // b is done after its first turn.
            let end = TaskGraph.TurnEnd(unmet: task.id == TaskID("wait/a/1") ? "there was no file a.done" : nil)
            try graph.finished(task.id, made: TaskGraphTests.made(task), turn: end)
        }
        let second = graph.takeReady()
        #expect(second.map(\.id.name) == ["wait/a/2", "after/b"])
        let failure = #expect(throws: PlanFailure.self) {
            try graph.finished(
                second[0].id, made: TaskGraphTests.made(second[0]), turn: .init(unmet: "there was no file a.done"))
        }
        #expect(failure?.summary == "there was no file a.done, after 2 turns")
        #expect(failure?.exitCode == .stationsFailed)
        #expect(graph.failed(second[0].id).map(\.task?.name) == ["after/a"])
    }

    @Test func itemsInTurnsAreTasksOfTheirOwn() throws {
        let plan = try Self.plan(
            """
                - station: draw
                  for_each: [x, y]
                  repeat: 2
                  command: draw {x} {y} {turn}
                  out: drawn.txt
                - station: look
                  for_each: draw
                  command: look {each} {name}
                  out: "{name}.txt"
                - station: all
                  in: draw
                  command: cat {in}
                  out: all.txt
            """, inputs: ["x": ["a.txt", "b.txt"], "y": ["b.csv", "a.csv"]], results: "results: [draw, look, all]")
        var graph = try TaskGraph(plan)
        let tasks = try Self.all(&graph)
        #expect(tasks.prefix(4).map(\.id.name) == ["draw/a/1", "draw/a/2", "draw/b/1", "draw/b/2"])
        let looked = tasks.filter { $0.station == StationID("look") }
        #expect(looked.map(\.id.name) == ["look/a_1", "look/a_2", "look/b_1", "look/b_2"])
        #expect(Self.words(looked[3]) == "look /.las/made/draw/b/2/drawn.txt b_2")
        #expect(
            graph.results.map(\.path).filter { $0.hasPrefix("draw") } == tasks.prefix(4).map { "\($0.id)/drawn.txt" })
    }

    @Test func itemsOneByOneWaitForTheirOwnTurns() throws {
        let plan = try Self.plan(
            """
                - station: draw
                  for_each: x
                  repeat: 2
                  one_by_one: yes
                  command: draw {each}
                  out: drawn.txt
            """, inputs: ["x": ["a.txt", "b.txt"]])
        var graph = try TaskGraph(plan)
        let first = graph.takeReady()
        #expect(first.map(\.id.name) == ["draw/a/1", "draw/b/1"])
        try graph.finished(first[1].id, made: TaskGraphTests.made(first[1]))
        #expect(graph.takeReady().map(\.id.name) == ["draw/b/2"])
    }

    @Test func seedsAreTheSameForTheSameTask() throws {
        func seeds(_ seed: String) throws -> [Int] {
            let plan = try Self.plan(
                """
                    - station: draw
                      in: x
                      repeat: 3
                      seed: \(seed)
                      command: draw {seed} {x}
                      out: drawn.txt
                """)
            var graph = try TaskGraph(plan)
            let tasks = graph.takeReady()
            for task in tasks {
                #expect(Self.words(task) == "draw \(task.seed ?? 0) /.las/inputs/x/x.txt")
                #expect((1...Int(Int32.max)).contains(task.seed ?? 0))
            }
            return tasks.compactMap(\.seed)
        }
        let own = try seeds("yes")
        #expect(Set(own).count == 3)
        #expect(try seeds("yes") == own)
        let (one, two) = (try seeds("1"), try seeds("2"))
        #expect(Set(own + one + two).count == 9)
        // Written down once: a run of last year can be done again.
        #expect(own == [1_016_304_426, 1_025_373_497, 335_716_896])
    }

    @Test func thePlanTellsTurns() throws {
        let plan = try Self.plan(
            """
                - station: a
                  in: x
                  repeat: 10
                  command: draw {in} {turn}
                  out: a.txt
                - station: b
                  for_each: x
                  repeat: 3
                  feed: each
                  command: draw {each}
                  out: "{name}.txt"
                - station: c
                  for_each: x
                  until: [unchanged, { value_in: n.txt, above: 0.5, below: 3 }]
                  at_most: 5
                  retry: 2
                  network: yes
                  command: draw {each}
                  out: "{name}.txt"
            """)
        for line in [
            "  a           10 times, side by side\n",
            "  b           for each of x, each 3 times, one by one; each turn's first output takes the place of “each” in the next: 3 tasks\n",
            "  c           for each of x: 1 item, each until the output is as in the turn before and n.txt holds a number below 3 and n.txt holds a number above 0.5, at most 5 times\n",
            "              how many turns it takes is known when it has run\n",
            "              retry    2 times when a task fails\n", "              network  yes\n",
        ] {
            #expect(plan.text.contains(line), "\(plan.text)")
        }
    }

    @Test func hostilePlansAreRefused() throws {
        func refused(_ turns: Turns, _ command: String = "ls {in}") {
            let station = PlannedStation(
                id: StationID("x"), line: "main", environment: .main, takes: [Taken(.input("i"))], forEach: [],
                command: command, outputs: ["a"], turns: turns)
            let plan = Plan(
                metro: "m", environments: [PlannedEnvironment(id: .main, needs: Needs())],
                inputs: [PlannedInput(name: "i", kind: .files, files: [])], stations: [station], results: [])
            #expect(throws: PlanFailure.self) { try TaskGraph(plan) }
        }
        refused(Turns(count: 0))
        refused(Turns(count: .max))
        refused(Turns(count: 2, feed: "out"))
        refused(Turns(count: 2, feed: "nothing"))
        refused(Turns(count: 2, until: [.fileExists("../../etc/passwd")]))
        refused(Turns(count: 2, until: [.value(in: "/etc/passwd", .below(1))]))
        refused(Turns(count: 2, until: [.passes("ls {nothing}")]))
        refused(Turns(count: 2), "ls {seed}")
    }

    @Test func soManyTasksThatNoMachineCouldHoldThemAreRefused() throws {
        let failure = #expect(throws: MetroFailure.self) {
            try Self.plan(
                """
                    - station: a
                      for_each: x
                      repeat: 100000
                      command: draw {each}
                      out: a.txt
                """, inputs: ["x": (1...20).map { "\($0).txt" }])
        }
        #expect(failure?.diagnostics[0].message.contains("20 times 100000 tasks") == true)
    }
}
