import Execution
import Files
import HostProtocol
import JSON
import Metro
import Plan
import TestSupport
import Testing

/// What runs first, what ends a run, and what is told of what ran.
@Suite struct SchedulerTests {
    @Test func theLongestPathGoesFirst() throws {
        try withScratch { scratch in
            let given = plan([
                station("short", "echo 1", out: ["{name}.txt"], forEach: [Taken(.input("word"))]),
                station("alone", "echo 2"),
                station("long", "echo 3"),
                station("next", "cat {in}", takes: [from("long")]),
                station(
                    "loop", "echo {turn} > {out}",
                    turns: Turns(count: 9, feed: nil, until: [.value(in: "out.txt", .above(8))])),
                station("last", "cat {in}", takes: [from("next")]),
            ])
            let run = try TestRun.perform(given, in: scratch, cpus: 1)
            #expect(run.ended.succeeded, "\(run.events)")
            let started = run.events.filter { $0.kind == .taskStarted }.compactMap { $0.task?.name }
            // Nine turns are before three stations; then the three; what nothing follows comes last.
            #expect(started.first == "loop/1")
            let place = Dictionary(uniqueKeysWithValues: started.enumerated().map { ($1, $0) })
            #expect(try #require(place["long"]) < #require(place["alone"]))
            #expect(try #require(place["next"]) < #require(place["alone"]))
        }
    }

    @Test func aFailureEndsTheRunWhereThatIsWanted() throws {
        try withScratch { scratch in
            let given = plan(
                [station("bad", "sleep 0.2; exit 3"), station("long", "sleep 60")]
                    + (1...5).map { station("s\($0)", "echo") })
            let run = try TestRun.perform(given, in: scratch, cpus: 2, failsFast: true)
            #expect(run.ended.exitCode == .stationsFailed)
            #expect(run.first(.taskFailed, "bad")?.text == "it ended with the exit code 3")
            #expect(run.first(.taskFailed, "long")?.text == "the run was stopped, since bad failed")
            #expect(run.tasks(.taskStarted).count == 2)
            // What was ended, and what was never begun, goes on.
            let again = try TestRun.perform(
                plan([station("bad", "exit 3"), station("long", "echo")] + (1...5).map { station("s\($0)", "echo") }),
                in: scratch, name: "other")
            // Five of them are the same task: one that is asked for late may find what another has just made.
            #expect(again.tasks(.taskDone).count + again.tasks(.taskReused).count == 6)
        }
    }

    @Test func whatRanIsReported() throws {
        try withScratch { scratch in
            let given = plan([
                station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
                station(
                    "works", "s=0; for ((i = 0; i < 200000; i++)); do s=$((s + i)); done; cat {in}",
                    takes: [from("hello")]),
                station(
                    "large",
                    "x=$(head -c 150000000 /dev/zero | while read -r -N 50000000 a; do :; done; printf '%120000000s' x); echo {out} > {out}"
                ),
                station("bad", "exit 3", retry: 1),
            ])
            let run = try TestRun.perform(given, in: scratch)
            let lash = LASH(root: scratch + "/lash")
            let report = RunReport(RunID("test-run")!, in: lash)
            func task(_ name: String) throws -> RunReport.Task {
                try #require(report.tasks.first { $0.id.name == name })
            }
            let hello = try task("hello")
            #expect(
                hello.outcome == .done && hello.exitCode == 0
                    && hello.command == "cat /.las/inputs/word/word.txt > out.txt")
            #expect(hello.outputs == run.first(.taskDone, "hello")?.files)
            #expect(hello.environment == report.environments["main"] && hello.environment != nil)
            #expect(hello.key?.taken.map(\.place) == ["/.las/inputs/word"])
            #expect(try task("works").cpuSeconds ?? 0 > 0.05)
            #expect(try task("works").seconds ?? 0 > 0.05)
            // The kernel counts on from what the process had that started it: here that of all tests together, and what
            // is not more than that is not told.
            if let peak = try task("large").peakMemory { #expect(peak > 110_000_000) }
            let bad = try task("bad")
            #expect(bad.outcome == .failed && bad.attempts == 2 && bad.exitCode == 3)
            #expect(report.summary.state == .failed)

            let second = try TestRun.perform(given, in: scratch, name: "second")
            let reused = RunReport(RunID("second")!, in: lash).tasks.first { $0.id.name == "hello" }
            #expect(second.tasks(.taskReused).contains("hello"))
            #expect(reused?.outcome == .reused && reused?.outputs == hello.outputs && reused?.key == hello.key)
        }
    }
}
