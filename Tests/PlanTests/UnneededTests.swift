import Metro
import Testing

@testable import Plan

/// What tasks made goes as soon as nothing needs it any more.
@Suite struct UnneededTests {
    private static let lines = """
            - station: align
              for_each: x
              command: align {each} {out}
              out: "{name}.bam"
            - station: call
              for_each: align
              command: call {each} {out}
              out: "{name}.vcf"
            - station: merge
              in: call
              command: cat {in}
              out: all
        """

    private func plan(_ lines: String = lines, results: String = "") throws -> Plan {
        try TurnsTests.plan(lines, inputs: ["x": ["a.txt", "b.txt"]], results: results)
    }

    /// The names of what goes after each task, in the order in which they end.
    private func goes(_ plan: Plan, failing: String? = nil) throws -> [String] {
        var graph = try TaskGraph(plan)
        var told: [String] = []
        while !graph.isFinished {
            for task in graph.takeReady() {
                if task.id.name == failing {
                    _ = graph.failed(task.id)
                } else {
                    try graph.finished(task.id, made: TaskGraphTests.made(task))
                }
                let gone = graph.takeUnneeded().map(\.task.name)
                if !gone.isEmpty { told.append("\(task.id): \(gone.joined(separator: " "))") }
            }
        }
        return told
    }

    @Test func whatATaskTookGoesWithTheLastOneThatTookIt() throws {
        #expect(try goes(plan()) == ["call/a: align/a", "call/b: align/b", "merge: call/a call/b"])
    }

    @Test func resultsStayAndWhatIsKept() throws {
        #expect(try goes(plan(results: "results: [align, merge]")) == ["merge: call/a call/b"])
        let kept = Self.lines.replacing("station: call", with: "station: call\n      keep: yes")
        #expect(try goes(plan(kept)) == ["call/a: align/a", "call/b: align/b"])
    }

    @Test func whatAFailedTaskNeedsStays() throws {
        #expect(try goes(plan(), failing: "call/a") == ["call/b: align/b"])
    }

    @Test func whatNothingTakesGoesAtOnce() throws {
        let alone = Self.lines + "\n    - station: alone\n      in: x\n      command: \"true\"\n      out: y"
        #expect(try goes(plan(alone, results: "results: [merge]")).contains("alone: alone"))
    }

    @Test func aTurnGoesWhenTheNextOneIsDone() throws {
        let turns = """
                - station: loop
                  in: x
                  repeat: 3
                  feed: x
                  command: step {x}
                  out: y
                - station: last
                  command: cat {in}
                  out: z
            """
        let plan = try TurnsTests.plan(turns)
        #expect(try goes(plan) == ["loop/2: loop/1", "loop/3: loop/2", "last: loop/3"])
    }

    /// Neither one with many items nor many of them take longer than in proportion.
    @Test func manyTasksAreLookedAtOnce() throws {
        let many = """
                - station: first
                  in: x
                  repeat: 20000
                  command: "true"
                  out: y
                - station: second
                  for_each: first
                  command: "true"
                  out: "{name}.z"
            """
        let plan = try TurnsTests.plan(many)
        #expect(try goes(plan).count == 20_000)
    }
}
