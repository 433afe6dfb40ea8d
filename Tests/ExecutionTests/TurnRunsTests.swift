import Execution
import Files
import Glibc
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing

/// Turns, retries and the network, in real sandboxes.
@Suite struct TurnRunsTests {
    @Test(arguments: Way.here) func turnsAreKeptAndTheLastOneIsTheResult(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan([
                station(
                    "loop", "echo {turn} >> log; cat {word} log > {out}; echo {turn} > n; echo turn {turn} >&2",
                    takes: [Taken(.input("word"))],
                    turns: Turns(
                        count: 9, feed: "word",
                        until: [
                            .value(in: "n", .above(2)), .passes("echo asked {turn} >&2; test -s {out} -a {turn} -ge 3"),
                        ]),
                    seed: Seed()),
                station("after", "cat {in} > {out}", takes: [from("loop")]),
            ])
            // A station with a seed whose command does not name it is told by the metro's check, not here.
            let run = try TestRun.perform(given, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.ended.succeeded, "\(run.events)")
            // Each turn has an empty folder of its own.
            #expect(try run.result("loop/out.txt") == "hello\n1\n2\n3\n")
            #expect(try run.result("after/out.txt") == "hello\n1\n2\n3\n")
            #expect(run.results == ["after/out.txt", "loop/out.txt"])
            #expect(try Folder.names(in: run.folder.made + "/loop") == ["3"])
            let done = run.events.filter { $0.kind == .taskDone && $0.station?.name == "loop" }
            #expect(done.map(\.task?.name) == ["loop/1", "loop/2", "loop/3"])
            #expect(
                done[1].unmet
                    == "n was 2, not above 2, and “echo asked {turn} >&2; test -s {out} -a {turn} -ge 3” ended with the exit code 1"
            )
            #expect(done[2].unmet == nil)
            let counts = run.events.filter { $0.kind == .stationPlanned && $0.station?.name == "loop" }.map(\.count)
            #expect(counts == [1, 2, 3])
            let seeds = run.events.filter { $0.kind == .taskStarted }.map(\.seed)
            #expect(Set(seeds.prefix(3)).count == 3 && seeds[3] == nil)
            #expect(try File.read(run.folder.logs + "/loop/2.err") == Array("turn 2\nasked 2\n".utf8))
        }
    }

    @Test func aTurnThatEndsButNeverMeetsItFails() throws {
        try withScratch { scratch in
            let given = plan([
                station(
                    "loop", "echo same > {out}", turns: Turns(count: 2, until: [.fileExists("done")]), retry: 5),
                station("after", "cat {in} > {out}", takes: [from("loop")]),
            ])
            let run = try TestRun.perform(given, in: scratch)
            #expect(!run.ended.succeeded && run.ended.exitCode == .stationsFailed)
            // To try once more would come to the same.
            #expect(!run.events.contains { $0.kind == .taskRetried })
            #expect(run.first(.taskFailed)?.task?.name == "loop/2")
            #expect(run.first(.taskFailed)?.text == "there was no file done, after 2 turns")
            #expect(run.first(.taskSkipped)?.text == "loop/2 failed")
        }
    }

    @Test func eachAttemptIsToldAndItsLogKept() throws {
        try withScratch { scratch in
            let given = plan([
                station("bad", "echo half > {out}; ls >&2; exit 7", retry: 1),
                station("missing", "no-such-program {out}", retry: 1),
                station("other", "echo fine"),
            ])
            let run = try TestRun.perform(given, in: scratch)
            #expect(run.ended.exitCode == .stationsFailed)
            let again = run.events.filter { $0.kind == .taskRetried }
            #expect(again.map(\.task?.name) == ["bad"])
            #expect(again[0].text == "it ended with the exit code 7" && again[0].exitCode == 7)
            #expect(again[0].count == 2 && again[0].seconds == 1 && again[0].printed == "out.txt\n")
            #expect(run.events.filter { $0.kind == .taskStarted && $0.task?.name == "bad" }.count == 2)
            #expect(run.first(.taskFailed, "bad")?.exitCode == 7)
            // A folder of its own, empty again.
            for log in ["/bad.err", "/attempt 2/bad.err"] {
                #expect(try File.read(run.folder.logs + log) == Array("out.txt\n".utf8))
            }
            #expect(try Folder.names(in: run.folder.made) == ["other"])
        }
    }

    @Test func aTimeThatIsOverIsTriedAgain() throws {
        try withScratch { scratch in
            let given = plan([
                station(
                    "slow", "sleep 60 > {out}", uses: Resources(time: 0.2), turns: Turns(count: 1, isOneByOne: true),
                    retry: 1)
            ])
            let run = try TestRun.perform(given, in: scratch)
            let text = "it took longer than the 0.2 s that it may"
            #expect(run.first(.taskRetried, "slow/1")?.text == text)
            #expect(run.first(.taskFailed, "slow/1")?.text == text)
        }
    }

    @Test(arguments: Way.here) func withTheNetworkItSeesTheMachinesOwn(_ way: Way) throws {
        try withScratch { scratch in
            let look =
                "ls -l /proc/self/ns/net > {out}; cat /etc/resolv.conf /etc/hosts > {out_2} || true; cat /etc/file /etc/folder/file /etc/link > {out_3}; "
                + "if echo x >> /etc/file; then exit 1; fi; if echo x >> /etc/hosts; then exit 1; fi"
            let given = plan([
                station("outside", look, out: ["net", "files", "own"], usesNetwork: true),
                station("inside", look, out: ["net", "files", "own"]),
            ])
            let run = try TestRun.perform(given, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.ended.succeeded, "\(run.events)")
            let own = try #require(link("/proc/self/ns/net"))
            #expect(try run.result("outside/net").contains(own))
            #expect(try !run.result("inside/net").contains(own))
            let files = try File.read("/etc/resolv.conf") + File.read("/etc/hosts")
            #expect(try Array(run.result("outside/files").utf8) == files)
            #expect(try run.result("inside/files").isEmpty)
            #expect(try run.result("outside/own") == String(repeating: "of the image\n", count: 3))
        }
    }

    private func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 200)
        let count = readlink(path, &buffer, buffer.count - 1)
        return count > 0 ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }
}
