import Execution
import Files
import Plan
import TestSupport
import Testing

/// `writable: yes`: what a task changes in its environment is seen by it alone.
@Suite struct WritableTests {
    private func changing(_ name: String, isWritable: Bool) -> PlannedStation {
        PlannedStation(
            id: StationID(name), line: "line", environment: .main, takes: [], forEach: [],
            command:
                "ls /etc > {out}; echo mine > /etc/file; echo x > /etc/new; mkdir /opt; cat /etc/file /etc/new >> {out}",
            outputs: ["out.txt"], isWritable: isWritable)
    }

    @Test(arguments: Way.here) func whatATaskChangesIsThrownAway(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan([
                changing("first", isWritable: true), changing("second", isWritable: true),
                changing("fixed", isWritable: false),
                station("after", "ls / /etc; cat /etc/file", takes: [from("first")]),
            ])
            let run = try TestRun.perform(
                given, in: scratch, engine: way.engine, cpus: 1, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.tasks(.taskDone) == ["after", "first", "second"], "\(run.events)")
            for name in ["first", "second"] {
                #expect(try run.result("\(name)/out.txt") == "file\nfolder\nlink\nmine\nx\n")
            }
            let after = try run.result("after/out.txt")
            #expect(after.hasSuffix("of the image\n") && !after.contains("new") && !after.contains("opt"))
            #expect(!File.exists(run.folder.tasks))
        }
    }

    @Test func byPRootItIsRefusedBeforeAnythingStarts() throws {
        guard Program.find("proot") != nil else { return }
        try withScratch { scratch in
            let run = try TestRun.perform(plan([changing("first", isWritable: true)]), in: scratch, engine: .proot)
            #expect(run.ended.exitCode == .resources)
            #expect(run.events.last?.text?.contains("the station first may change its environment") == true)
        }
    }
}
