import JSON
import Metro
import TestSupport
import Testing

@testable import Plan

/// What a host that runs only what is signed takes for a task of the signed metro.
@Suite struct DerivedTasksTests {
    private static let plan = Plan(
        metro: "m", environments: [PlannedEnvironment(id: .main, needs: Needs())],
        inputs: [
            PlannedInput(
                name: "reads", kind: .files,
                files: [PlannedFile(name: "s1", path: "/.las/inputs/reads/s 1.fq", source: "reads/s 1.fq")])
        ],
        stations: [
            PlannedStation(
                id: StationID("align"), line: "one", environment: .main, takes: [], forEach: [Taken(.input("reads"))],
                command: "align \"{each}\" | sort > {out}", outputs: ["{name}.bam"]),
            PlannedStation(
                id: StationID("turns"), line: "one", environment: .main, takes: [Taken(.station(StationID("align")))],
                forEach: [], command: "join {in} > {out}; echo {turn}", outputs: ["x"], turns: Turns(count: 2),
                secrets: ["TOKEN"]),
        ], results: [])

    private func tasks() throws -> [PlannedTask] {
        var graph = try TaskGraph(Self.plan)
        graph.tellsWords = true
        let first = graph.takeReady()
        try #require(first.count == 1)
        _ = try graph.finished(first[0].id, made: [MadeFile(path: "s1.bam", isFolder: false)])
        return first + graph.takeReady()
    }

    @Test func itsOwnTasksAreThoseOfThePlan() throws {
        let graph = try TaskGraph(Self.plan)
        for task in try tasks() {
            #expect(graph.hasTask(task), "\(task)")
            // As they come over the line.
            #expect(graph.hasTask(try JSONText.decode(PlannedTask.self, from: JSONText.encode(task))))
        }
    }

    @Test func anythingElseIsNot() throws {
        let graph = try TaskGraph(Self.plan)
        let tasks = try tasks()
        func changed(_ number: Int, _ from: String, _ to: String) throws -> PlannedTask {
            let text = String(decoding: JSONText.encode(tasks[number]), as: UTF8.self)
            #expect(text.contains(from), "\(text)")
            return try JSONText.decode(
                PlannedTask.self, from: Array(text.replacing(from, with: to, maxReplacements: 1).utf8))
        }
        #expect(!graph.hasTask(try changed(0, "| sort", "| rm")))
        #expect(!graph.hasTask(try changed(0, "\"secrets\":[]", "\"secrets\":[\"TOKEN\"]")))
        #expect(!graph.hasTask(try changed(0, "\"usesNetwork\":false", "\"usesNetwork\":true")))
        #expect(!graph.hasTask(try changed(0, "s 1.fq", "s 2.fq")))
        #expect(!graph.hasTask(try changed(0, "\"retry\":0", "\"retry\":5")))
        #expect(!graph.hasTask(try changed(0, "\"station\":\"align\"", "\"station\":\"turns\"")))
        #expect(!graph.hasTask(try changed(1, "\"turn\":1", "\"turn\":2")))
        var escaped = tasks[0]
        escaped.words = ["each": ["/.las/inputs/../../etc/shadow"]]
        #expect(!graph.hasTask(escaped))
    }
}
