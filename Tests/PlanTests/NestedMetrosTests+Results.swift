import Files
import Metro
import TestSupport
import Testing

@testable import Plan

/// What is taken of a metro on a line, and what its results become.
extension NestedMetrosTests {
    @Test func whatIsTakenOfAMetroIsNoResultAndTheRestIs() throws {
        try withScratch { folder in
            let plan = try plan(
                [
                    "main/metro.yml": """
                    metro: main
                    lines:
                      one:
                        - metro: ../three
                          as: x
                        - { station: s, in: x/b/*.txt, command: "cat {x}", out: s }
                    """,
                    "three/metro.yml": """
                    metro: three
                    lines:
                      a: [{ station: a, command: date, out: a }]
                      b: [{ station: b, command: "date > {out}", out: [b.txt, b.csv] }]
                      c: [{ station: c, command: "date > {out}", out: [c.txt, c.csv] }]
                    results: [a, b, c/*.csv]
                    """,
                ], in: folder)
            #expect(plan.results.map { $0.station.name + $0.patterns.joined() } == ["x/a", "x/c*.csv", "s"])
        }
    }

    @Test func bothPatternsSelect() throws {
        try withScratch { folder in
            let plan = try plan(
                [
                    "main/metro.yml": """
                    metro: main
                    lines:
                      one:
                        - station: split
                          command: split {out}
                          out: parts/
                        - metro: ../inner
                          in: split/a*
                    """,
                    "inner/metro.yml": """
                    metro: inner
                    inputs: { x: x }
                    lines:
                      one:
                        - station: s
                          for_each: x/*_1.fq
                          command: cat {x}
                          out: "{name}.out"
                    results: [s/*.out]
                    """,
                ], in: folder)
            var graph = try TaskGraph(plan)
            let split = graph.takeReady()[0]
            let made = ["a1_1.fq", "a1_2.fq", "b1_1.fq"].map { MadeFile(path: "parts/\($0)", isFolder: false) }
            try graph.finished(split.id, made: made + [MadeFile(path: "parts", isFolder: true)])
            let tasks = graph.takeReady()
            #expect(tasks.map(\.id.name) == ["inner/s/a1"])
            #expect(tasks.map(\.command) == [.direct(["cat", "/.las/made/split/parts/a1_1.fq"])])
            try graph.finished(tasks[0].id, made: TaskGraphTests.made(tasks[0]))
            #expect(graph.results.map(\.path) == ["inner/s/a1.out"])
        }
    }

    @Test func aLineIsTakenByItsName() throws {
        try withScratch { folder in
            let plan = try plan(
                [
                    "main/metro.yml": """
                    metro: main
                    inputs: { x: { text: a } }
                    lines:
                      calling:
                        stations:
                          - { station: a, in: x, command: cat, out: a.txt }
                          - { station: b, command: cat, out: [b.txt, b.csv] }
                          - { station: off, enabled: no, command: cat, out: c.txt }
                      off-too:
                        enabled: no
                        comments: not yet
                        stations: [{ station: c, in: calling, command: cat, out: c.txt }]
                      end:
                        - station: whole
                          in: [calling, calling/*.csv]
                          command: cat {calling} , {in_1} , {in_2}
                          out: all.txt
                        - station: apart
                          for_each: calling/*.csv
                          command: cat {calling} {each}
                          out: "{name}.txt"
                    """
                ], in: folder)
            #expect(plan.stations.map(\.id.name) == ["a", "b", "whole", "apart"])
            let commands = try commands(plan)
            let (text, table) = ("/.las/made/b/b.txt", "/.las/made/b/b.csv")
            #expect(
                commands["whole"] == .direct(["cat", text, table, table, ",", text, table, ",", table]))
            #expect(commands["apart/b"] == .direct(["cat", table, table]))
        }
    }

    @Test func twoResultsOfOneMetroGoTogether() throws {
        try withScratch { folder in
            let plan = try plan(
                [
                    "main/metro.yml": """
                    metro: main
                    lines:
                      one:
                        - metro: ../pair
                        - station: join
                          for_each: [pair/left, pair/right/*.txt]
                          command: paste {pair_left} {pair_right}
                          out: "{name}.txt"
                    """,
                    "pair/metro.yml": """
                    metro: pair
                    inputs: { x: x/*.txt }
                    lines:
                      one: [{ station: left, for_each: x, command: cat, out: "{name}.l" }]
                      two: [{ station: right, for_each: x, command: cat, out: ["{name}.r", "{name}.txt"] }]
                    """,
                    "pair/x/1.txt": "1", "pair/x/2.txt": "2",
                ], in: folder)
            #expect(
                try commands(plan)["join/2"]
                    == .direct(["paste", "/.las/made/pair/left/2/2.l", "/.las/made/pair/right/2/2.txt"]))
        }
    }
}
