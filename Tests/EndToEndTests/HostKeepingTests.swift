import Files
import Foundation
import JSON
import TestSupport
import Testing

/// Hosts that come, go, and are cleared up, and what can be read of them meanwhile.
@Suite(.serialized, .enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) struct HostKeepingTests {
    private static func until(_ body: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<2000 {
            if try body() { return true }
            usleep(100_000)
        }
        return false
    }

    /// What brought parts to a host may still be about to end there: until then nothing is cleared away.
    private static func clear(_ las: LasCommand, _ words: String...) throws -> Program.Ended {
        var ended = try las(["host", "gc"] + words)
        for _ in 0..<600 where (ended.output + ended.errors).contains("las is at work on this host") {
            usleep(100_000)
            ended = try las(["host", "gc"] + words)
        }
        return ended
    }

    @Test func oldPartsAreFreedAndThoseOfRunsStay() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try SeveralHostsTests.write(SeveralHostsTests.metro, items: 2, in: folder)
            try #require(try bench.las(["deploy", "m"] + bench.all).status == 0)
            // They put the run away while who waited for its end has its results already: until then it needs them.
            #expect(try bench.left().isEmpty)
            let lash = bench.hosts[0].lash
            let parts = try Folder.names(in: lash + "/parts")
            #expect(parts.count >= 4)
            // They came today.
            let young = try Self.clear(bench.las)
            #expect(young.status == 0 && young.output.contains("vega: nothing to free; "), "\(young)")
            // One that could be resumed keeps what it needs.
            try File.write(
                SeveralHostsTests.metro.replacingOccurrences(of: "sort -n", with: "false; sort -n"),
                to: folder + "/m/metro.yml")
            #expect(try bench.las("deploy", "m", "--host", "vega").status == 1)
            let dry = try Self.clear(bench.las, "--older-than", "0", "--dry-run")
            #expect(
                dry.lines.contains { $0.hasPrefix("vega: would free ") && $0.contains(": 1 part; ") }, "\(dry.output)")
            #expect(
                dry.lines.contains { $0.hasPrefix("deneb: would free ") && $0.contains(": 2 parts") }, "\(dry.output)")
            #expect(try Folder.names(in: lash + "/parts").count == parts.count + 2)
            let told = try JSONText.parse(
                Array(try bench.las("host", "gc", "--older-than", "0", "--json").output.utf8))
            #expect(told.array?.first?["name"]?.string == "deneb")
            #expect(told.array?.last?["freed"]?["parts"]?["count"]?.integer == 1)
            #expect(try Folder.names(in: lash + "/parts").count == parts.count)
            let run = try #require(try Folder.names(in: lash + "/runs").first { $0.contains("many") })
            #expect(File.exists("\(lash)/runs/\(run)/start.json"))
            // What went is sent again; the runtime that speaks stays.
            let again = try bench.las(["deploy", "m"] + bench.all)
            #expect(again.status == 1 && !again.errors.contains("runtime"), "\(again.errors)")
        }
    }

    @Test func hostsJoinAndAreDrainedWhileARunGoesOn() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb", "altair"], in: folder)
            try SeveralHostsTests.write(
                SeveralHostsTests.metro.replacingOccurrences(of: "mkdir -p", with: "sleep 2; mkdir -p"), items: 40,
                in: folder)
            let begun = try bench.las(
                "deploy", "m", "--fresh", "--detach", "--cpus", "1", "--host", "vega", "--host", "deneb")
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            let twice = try bench.las("join", run, "vega")
            #expect(twice.errors.contains("vega takes part already"), "\(twice.errors)")
            let joined = try bench.las("join", run, "altair")
            #expect(joined.errors.contains("altair joins \(run)"), "\(joined.errors)")
            #expect(try bench.las("host", "drain", "deneb").status == 0)
            #expect(try bench.las("host", "list").output.contains("(drained)"))
            #expect(try bench.las("deploy", "m", "--host", "deneb").errors.contains("deneb is drained"))
            let attached = try bench.las("attach", run)
            #expect(attached.status == 0, "\(attached.errors)")
            #expect(attached.errors.contains("altair takes part from now on"), "\(attached.errors)")
            #expect(attached.errors.contains("deneb is drained"), "\(attached.errors)")
            let tasks =
                try JSONText.parse(Array(try bench.las("report", run, "--json").output.utf8))["byTask"]?.array ?? []
            // What begins once it is told: on the drained one no more than what ran or waited there already.
            let events = try File.read("\(bench.las.lash)/runs/\(run)/journal").split(separator: UInt8(ascii: "\n"))
                .map { line in try JSONText.parse(Array(line.drop { $0 != UInt8(ascii: "{") })) }
            func starts(on host: String, after note: String) throws -> Int {
                let place = try #require(events.firstIndex { $0["text"]?.string?.hasPrefix(note) ?? false })
                return events[place...].count { $0["kind"]?.string == "taskStarted" && $0["host"]?.string == host }
            }
            #expect(try starts(on: "altair", after: "altair takes part") > 2)
            #expect(try starts(on: "deneb", after: "deneb is drained, and gets no further") <= 4)
            // Nothing ran twice.
            for task in tasks { #expect(task["attempts"]?.integer == 1, "\(task)") }
            #expect(try bench.las("host", "drain", "deneb", "--undo").status == 0)
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    @Test func whatLeasedTasksPrintIsReadWhileTheyRun() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: talking
                lines:
                  one:
                    - station: talk
                      command: echo first; sleep 20; echo second; echo done > {out}
                      out: x
                """, to: folder + "/m/metro.yml")
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            let run = try #require(begun.lines.first)
            var early = ""
            #expect(
                try Self.until {
                    early = try bench.las("logs", run).output
                    return early.contains("first")
                })
            #expect(!early.contains("second"), "the task runs still")
            // Who follows gets the rest as well, and each line once.
            let followed = try bench.las("logs", run, "-f")
            #expect(followed.lines.filter { $0 == "first" || $0 == "second" } == ["first", "second"], "\(followed)")
            _ = try bench.las("attach", run)
            #expect(try bench.las("logs", run).lines.filter { $0 == "first" || $0 == "second" } == ["first", "second"])
        }
    }
}
