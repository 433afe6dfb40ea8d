import Files
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing

@testable import Execution

/// What tasks made and nothing needs any more makes room, and a run goes on all the same.
@Suite struct FreeingTests {
    private func metro(usesNetwork: Bool = false, keepsMade: Bool = false) -> Plan {
        plan(
            [
                PlannedStation(
                    id: StationID("first"), line: "line", environment: .main, takes: [], forEach: [],
                    command: "echo 1 > {out}", outputs: ["out.txt"], usesNetwork: usesNetwork, keepsMade: keepsMade),
                station("second", "cat {in} {in}", takes: [from("first")], usesNetwork: usesNetwork),
                station("beside", ": {out}; cp /.las/files/good {out}"),
            ], results: ["second", "beside"])
    }

    @Test func whatNothingNeedsGoes() throws {
        try withScratch { scratch in
            let run = try TestRun.perform(metro(), ["files/good": "1"], in: scratch)
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(run.tasks(.taskFreed) == ["first"])
            #expect(try Folder.names(in: run.folder.made) == ["beside", "second"])
            #expect(try run.result("second/out.txt") == "1\n1\n")
            let report = RunReport(RunID("test-run")!, in: LASH(root: scratch + "/lash"))
            #expect(report.tasks.filter(\.isFreed).map(\.id.name) == ["first"])
            // It is kept for other runs, as long as there is room.
            let other = try TestRun.perform(metro(), ["files/good": "2"], in: scratch, name: "other")
            #expect(other.tasks(.taskReused) == ["first", "second"] && other.tasks(.taskFreed) == ["first"])
            let kept = try TestRun.perform(metro(keepsMade: true), ["files/good": "1"], in: scratch, name: "kept")
            #expect(try Folder.names(in: kept.folder.made) == ["beside", "first", "second"])
            let runs = RunList(LASH(root: scratch + "/lash"))
            for run in ["kept", "other"] { try runs.leaveRecord(of: RunID(run)!) }
            #expect(try Folder.names(in: kept.folder.made) == ["first"] && !File.exists(kept.folder.results))
            #expect(!File.exists(other.folder.made))
        }
    }

    /// With tasks that are known by nothing, and with such as may be taken from earlier runs.
    @Test(arguments: [true, false]) func aRunGoesOnWithoutWhatWasRemoved(_ usesNetwork: Bool) throws {
        try withScratch { scratch in
            let metro = metro(usesNetwork: usesNetwork)
            let first = try TestRun.perform(metro, in: scratch)
            #expect(first.tasks(.taskFailed) == ["beside"] && first.tasks(.taskFreed) == ["first"])
            let second = try TestRun.perform(metro, in: scratch, resumes: true)
            #expect(second.tasks(.taskStarted) == ["beside"], "\(second.events)")
            // What goes on from it is lost, so it is wanted again.
            try Folder.remove(second.folder.made + "/second")
            let third = try TestRun.perform(metro, ["files/good": "1"], in: scratch, resumes: true)
            #expect(third.ended.succeeded, "\(third.events)")
            #expect(third.tasks(.taskStarted) == (usesNetwork ? ["beside", "first", "second"] : ["beside"]))
            #expect(third.tasks(.taskReused) == (usesNetwork ? [] : ["first", "second"]))
            #expect(try third.result("second/out.txt") == "1\n1\n")
            #expect(try Folder.names(in: third.folder.made) == ["beside", "second"])
        }
    }
}
