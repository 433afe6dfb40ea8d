import Files
import Metro
import Testing

@testable import Plan

/// Inputs whose files must pass a command: what the graph knows, and when.
@Suite struct ChecksTests {
    private func plan(_ lines: String, files: [String] = ["a.fq", "b.fq", "c.fq"], valid: String = "") throws -> Plan {
        let text = """
            metro: m
            inputs:
              reads: { files: reads/*, valid: { passes: "grep -q x {each}"\(valid) } }
            lines:
              one:
            \(lines)
            """
        var found = InputFiles()
        found.found["reads"] = files.map { .init(path: "reads/\($0)", pattern: "reads/*") }
        return try Planner.plan(try MetroReader.read(text: text, file: "metro.yml"), files: found)
    }

    private let both = """
            - station: one
              for_each: reads
              command: wc -l {each}
              out: "{name}.n"
            - station: all
              in: reads/*.fq
              command: cat {in}
              out: all.txt
            - station: other
              command: date
              out: d.txt
              in: one
        """

    @Test func aTaskLooksAtEachFileAndTheOthersWait() throws {
        var graph = try TaskGraph(try plan(both))
        let checks = graph.takeReady()
        #expect(checks.map(\.id.name) == ["inputs/reads/a", "inputs/reads/b", "inputs/reads/c"])
        #expect(checks.map(\.command)[1] == .direct(["grep", "-q", "x", "/.las/inputs/reads/b.fq"]))
        #expect(checks.allSatisfy { $0.checks == "grep -q x {each}" && $0.outputs.isEmpty && $0.savesPrinted == nil })
        #expect(graph.stationIDs.first?.name == "inputs/reads")
        #expect(graph.knownTasks[StationID("one")] == nil)
        #expect(try graph.checked(checks[2].id, objection: nil) == nil)
        #expect(try graph.checked(checks[1].id, objection: "does not pass") == nil)
        #expect(graph.takeReady().isEmpty)
        #expect(
            try graph.checked(checks[0].id, objection: nil) == "1 of 3 reads was left out: reads/b.fq does not pass")
        let ready = graph.takeReady()
        #expect(ready.map(\.id.name) == ["one/a", "one/c", "all"])
        #expect(ready[2].command == .direct(["cat", "/.las/inputs/reads/a.fq", "/.las/inputs/reads/c.fq"]))
        #expect(graph.leftOut.map(\.kept) == [2])
        #expect(graph.leftOut.map(\.files) == [[LeftOut(path: "reads/b.fq", reason: "does not pass")]])
        for task in ready { try graph.finished(task.id, made: TaskGraphTests.made(task)) }
        #expect(graph.takeReady().map(\.id.name) == ["other"])
    }

    @Test func nothingValidIsAFailureOfWhatTakesIt() throws {
        var graph = try TaskGraph(try plan(both, files: ["a.fq"]))
        let check = graph.takeReady()[0]
        let failure = #expect(throws: PlanFailure.self) { try graph.checked(check.id, objection: "is bad") }
        #expect(failure?.summary == "no file of “reads” is valid")
        #expect(!graph.isFinished)
        #expect(graph.failed(check.id).map(\.station.name) == ["one", "all", "other"])
        #expect(graph.isFinished)
        #expect(graph.leftOut.map(\.files.count) == [1], "what was left out is told all the same")
    }

    @Test func otherwiseStopFails() throws {
        var graph = try TaskGraph(try plan(both, valid: ", otherwise: stop"))
        let checks = graph.takeReady()
        let failure = #expect(throws: PlanFailure.self) { try graph.checked(checks[0].id, objection: "is bad") }
        #expect(failure?.summary == "its file is bad")
        #expect(graph.failed(checks[0].id).count == 3)
        #expect(try graph.checked(checks[1].id, objection: nil) == nil)
    }

    @Test func aCheckThatFailsItselfStopsWhatTakesTheInput() throws {
        var graph = try TaskGraph(try plan(both))
        let checks = graph.takeReady()
        #expect(graph.failed(checks[1].id).map(\.station.name) == ["one", "all", "other"])
        for check in [checks[0], checks[2]] { #expect(try graph.checked(check.id, objection: nil) == nil) }
        #expect(graph.isFinished && graph.takeReady().isEmpty)
    }

    @Test func aPatternThatSelectsNothingValidIsAFailure() throws {
        let lines = """
                - station: s
                  in: reads/a.*
                  command: cat {in}
                  out: x
            """
        var graph = try TaskGraph(try plan(lines))
        let checks = graph.takeReady()
        for check in checks.dropFirst() { #expect(try graph.checked(check.id, objection: nil) == nil) }
        let failure = #expect(throws: PlanFailure.self) { try graph.checked(checks[0].id, objection: "is bad") }
        #expect(failure?.summary == "“in: reads/a.*” of the station “s” matches nothing that is valid")
        #expect(graph.failed(checks[0].id).map(\.station.name) == ["s"])
    }

    @Test func filesOfOneNameAreToldApart() throws {
        let lines = """
                - station: s
                  in: reads
                  command: cat {in}
                  out: x
            """
        var graph = try TaskGraph(try plan(lines, files: ["a.fq", "a.txt", "b.fq"]))
        #expect(
            graph.takeReady().map(\.id.name) == ["inputs/reads/a.fq", "inputs/reads/a.txt", "inputs/reads/b"])
    }

    @Test func itRunsWhereTheFirstStationThatTakesItDoes() throws {
        let lines = """
                - station: s
                  in: reads
                  command: cat {in}
                  out: x
                  needs: { debian: [samtools] }
                - station: t
                  for_each: reads
                  command: cat {each}
                  out: "{name}"
            """
        let plan = try plan(lines)
        #expect(plan.inputs[0].checkedIn == EnvironmentID("s"))
        #expect(plan.text.contains("each must pass in the run: grep -q x {each}"))
    }

    @Test func hostileChecksAreRefused() {
        func refused(_ command: String, name: String = "x", in environment: String = "main") {
            var valid = Validity()
            valid.passes = command
            let input = PlannedInput(
                name: name, kind: .files, files: [PlannedFile(name: "a", path: "/.las/inputs/x/a")], valid: valid,
                checkedIn: EnvironmentID(environment))
            let plan = Plan(
                metro: "m", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [input],
                stations: [], results: [])
            #expect(throws: PlanFailure.self) { try TaskGraph(plan) }
        }
        refused("cat {in}")
        refused("cat '{each}")
        refused("cat {each}", name: "../x")
        refused("cat {each}", in: "other")
    }
}
