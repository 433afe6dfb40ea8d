import Execution
import Files
import Glibc
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing

/// What stations share while a run goes on, on one machine.
@Suite struct WorkspaceRunTests {
    /// - Parameter uses: by their own names; of a nested metro `qc/panel`.
    private func station(
        _ name: String, _ command: String, takes: [Taken] = [], forEach: [Taken] = [], uses: [WorkspaceMount],
        turns: Turns? = nil, out: String = "out.txt"
    ) -> PlannedStation {
        PlannedStation(
            id: StationID(name), line: "line", environment: .main, takes: takes, forEach: forEach, command: command,
            outputs: [out], turns: turns, workspaces: uses)
    }

    private func metro(_ stations: [PlannedStation], _ workspaces: [PlannedWorkspace]) -> Plan {
        Plan(
            metro: "test", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [],
            workspaces: workspaces, stations: stations, results: stations.map { PlannedResult(station: $0.id) })
    }

    private let panel = PlannedWorkspace(
        name: "panel", patterns: ["refs/**"],
        files: [
            PlannedFile(name: "a", path: "/.las/workspaces/panel/a.fa", source: "refs/a.fa"),
            PlannedFile(name: "d", path: "/.las/workspaces/panel/deep", source: "refs/deep", contents: ["b.fa"]),
        ])
    private let packed = ["workspaces/panel/a.fa": "first\n", "workspaces/panel/deep/b.fa": "second\n"]

    private func use(_ name: String, read: Bool = false) -> WorkspaceMount {
        WorkspaceMount(name, word: String(name.split(separator: "/").last ?? ""), isReadOnly: read)
    }

    @Test(arguments: Way.here) func stationsFindAndLeaveFilesThere(_ way: Way) throws {
        try withScratch { scratch in
            let given = metro(
                [
                    station(
                        "write",
                        "cat {panel}/a.fa {panel}/deep/b.fa > {panel}/both; echo more >> {panel}/a.fa; : > {out}",
                        uses: [use("panel")]),
                    station(
                        "read", "cat {panel}/both {panel}/a.fa > {out}; ! (echo x > {panel}/x) 2> /dev/null",
                        takes: [from("write")], uses: [use("panel", read: true)]),
                    station("none", "ls /.las/workspaces > {out}", takes: [from("write")], uses: []),
                ], [panel])
            let run = try TestRun.perform(
                given, packed, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(try run.result("read/out.txt") == "first\nsecond\nfirst\nmore\n")
            // The originals are shown to nobody, what is shared only to those who use it.
            #expect(try run.result("none/out.txt") == "")
            #expect(try File.read(run.folder.workspaces + "/panel/files/both") == Array("first\nsecond\n".utf8))
        }
    }

    /// Each waits for the other: neither could end alone.
    @Test func tasksThatRunAtOnceSeeEachOther() throws {
        try withScratch { scratch in
            func meeting(_ own: String, _ other: String) -> PlannedStation {
                station(
                    own,
                    "echo {out} > {panel}/\(own); for i in $(seq 1200); do [ -e {panel}/\(other) ] && break; sleep 0.1; done; ls {panel}/\(other) > {out}",
                    uses: [use("panel")])
            }
            let run = try TestRun.perform(
                metro([meeting("left", "right"), meeting("right", "left")], [PlannedWorkspace(name: "panel")]),
                in: scratch, cpus: 2)
            #expect(run.ended.succeeded, "\(run.events)")
        }
    }

    @Test func aRunThatGoesOnFindsWhatWasThere() throws {
        try withScratch { scratch in
            let given = metro(
                [
                    station("first", "echo 1 >> {panel}/a.fa; : > {out}", uses: [use("panel")]),
                    station(
                        "second",
                        "echo 2 >> {panel}/a.fa; [ -e {panel}/go ] || {{ : > {panel}/go; exit 3; }}; cat {panel}/a.fa > {out}",
                        takes: [from("first")], uses: [use("panel")]),
                ], [panel])
            let failed = try TestRun.perform(given, packed, in: scratch)
            #expect(failed.first(.taskFailed)?.exitCode == 3)
            let resumed = try TestRun.perform(given, packed, in: scratch, resumes: true)
            #expect(resumed.ended.succeeded, "\(resumed.events)")
            // Nothing is filled in again, and what is done is not done again; a task that failed leaves what it wrote.
            #expect(try resumed.result("second/out.txt") == "first\n1\n2\n2\n")
        }
    }

    @Test func whoUsesOneRunsEachTime() throws {
        try withScratch { scratch in
            let given = metro(
                [
                    station("shares", "cat {panel}/a.fa > {out}", uses: [use("panel")]),
                    station("alone", "echo alone > {out}", uses: []),
                ], [panel])
            _ = try TestRun.perform(given, packed, in: scratch, name: "one")
            let again = try TestRun.perform(given, packed, in: scratch, name: "two")
            #expect(again.tasks(.taskStarted) == ["shares"])
            #expect(again.tasks(.taskReused) == ["alone"])
        }
    }

    /// A metro in another one tries every path that it can know.
    private static let attempts = """
        shopt -s nullglob dotglob
        for p in /.las/workspaces/panel /.las/workspaces/panel/a.fa /.las/workspaces.own /.las/made/../workspaces/panel \
          {panel}/../../panel /proc/1/root/.las/workspaces/panel /.las/metros/qc/../../workspaces/panel; do
        for f in "$p" "$p"/*; do (: < "$f") 2> /dev/null && [ ! -d "$f" ] && echo "$f" >> {out}; done; done
        (echo x > /.las/workspaces/panel/a.fa) 2> /dev/null || :
        cat {panel}/own >> {out}
        """

    @Test(arguments: Way.here + [Way(engine: .proot, isOrdinaryUser: false)])
    func aMetroInItSeesItsOwnOnly(_ way: Way) throws {
        guard way.engine != .proot || Program.find("proot") != nil else { return }
        try withScratch { scratch in
            let own = PlannedWorkspace(
                name: "qc/panel", patterns: ["own"],
                files: [PlannedFile(name: "own", path: "/.las/workspaces/qc/panel/own", source: "own")])
            let given = metro(
                [
                    station("outer", "echo outer > {panel}/secret; cat {panel}/a.fa > {out}", uses: [use("panel")]),
                    station("qc/look", ": > {out}\n" + Self.attempts, takes: [from("outer")], uses: [use("qc/panel")]),
                    station("after", "cat {panel}/a.fa > {out}", takes: [from("qc/look")], uses: [use("panel")]),
                ], [panel, own])
            let run = try TestRun.perform(
                given, packed.merging(["workspaces/qc/panel/own": "own\n"]) { $1 }, in: scratch, engine: way.engine,
                asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(try run.result("qc/look/out.txt") == "own\n")
            #expect(try run.result("after/out.txt") == "first\n")
        }
    }
}
