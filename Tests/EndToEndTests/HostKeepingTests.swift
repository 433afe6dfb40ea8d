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

    @Test func oldPartsAreFreedAndThoseOfRunsStay() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try SeveralHostsTests.write(SeveralHostsTests.metro, items: 2, in: folder)
            try #require(try bench.las(["deploy", "m"] + bench.all).status == 0)
            let lash = bench.hosts[0].lash
            let parts = try Folder.names(in: lash + "/parts")
            #expect(parts.count >= 4)
            // They came today.
            let young = try bench.las("host", "gc")
            #expect(young.status == 0 && young.output.contains("vega: nothing to free; "), "\(young)")
            // One that could be resumed keeps what it needs.
            try File.write(
                SeveralHostsTests.metro.replacingOccurrences(of: "sort -n", with: "false; sort -n"),
                to: folder + "/m/metro.yml")
            #expect(try bench.las("deploy", "m", "--host", "vega").status == 1)
            let dry = try bench.las("host", "gc", "--older-than", "0", "--dry-run")
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
                SeveralHostsTests.metro.replacingOccurrences(of: "mkdir -p", with: "sleep 1; mkdir -p"), items: 40,
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
            let counts = Dictionary(grouping: tasks.compactMap { $0["host"]?.string }, by: { $0 }).mapValues(\.count)
            #expect((counts["altair"] ?? 0) > 10 && (counts["deneb"] ?? 0) < 10, "\(counts)")
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
                      command: echo first; sleep 5; echo second; echo done > {out}
                      out: x
                """, to: folder + "/m/metro.yml")
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            let run = try #require(begun.lines.first)
            #expect(try Self.until { try bench.las("logs", run).output.contains("first") })
            #expect(try !bench.las("logs", run).output.contains("second"), "the task runs still")
            // Who follows gets the rest as well, and each line once.
            let followed = try bench.las("logs", run, "-f")
            #expect(followed.lines.filter { $0 == "first" || $0 == "second" } == ["first", "second"], "\(followed)")
            _ = try bench.las("attach", run)
            #expect(try bench.las("logs", run).lines.filter { $0 == "first" || $0 == "second" } == ["first", "second"])
        }
    }
}
