import Files
import TestSupport
import Testing

@Suite struct StationFailureTests {
    /// A metro of two stations that do not depend on each other, the first with `command`.
    private func metro(_ command: String, out: String = "a.txt") -> String {
        """
        metro: trouble
        lines:
          one:
            - station: first
              command: \(command)
              out: \(out)
            - station: after
              command: cat {in}
              out: b.txt
          two:
            - station: other
              command: echo fine
              out: c.txt
        results: [after, other]
        """
    }

    private func run(_ command: String, out: String = "a.txt", check: (Program.Ended, String) throws -> Void) throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(metro(command, out: out), to: folder + "/m/metro.yml")
            try check(try LasCommand(in: folder)("run", "m"), folder)
        }
    }

    @Test func aStationThatFailsStopsOnlyWhatDependsOnIt() throws {
        try run("echo about to fail >&2; exit 7") { ended, folder in
            #expect(ended.status == 1)
            #expect(ended.errors.contains("first failed: it ended with the exit code 7"), "\(ended.errors)")
            #expect(ended.errors.contains("about to fail"))
            #expect(ended.errors.contains("after was not run"))
            let results = try Folder.names(in: folder + "/results")
            #expect(results == ["other"])
        }
    }

    @Test func aRunThatWasEndedGoesOnToItsOwnEnd() throws {
        try withScratch { folder in
            let gate = try Gate { try? File.write("", to: folder + "/arrived") }
            try Folder.make(folder + "/m")
            let text = metro(gate.command + "; echo late > {out}") + "\nnetwork: yes\n"
            try File.write(text, to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try #require(try las("pack", "m").status == 0)
            // As by Ctrl-C, once the station runs; with job control, since a shell's background jobs ignore it otherwise.
            let ended = try Program(
                "bash", environment: ["PATH": "/usr/bin:/bin", "HOME": folder, "LASH": las.lash], folder: folder
            ).run(
                "-c",
                """
                set -m; "$0" run m & until test -e arrived; do sleep 0.05; done
                kill -INT $!; wait $!
                """, BuiltPrograms.las)
            #expect(ended.errors.contains("the run was cancelled"), "\(ended.errors)")
            gate.open()
            // The end that its journal has is not the one to wait for.
            let resumed = try las("resume")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try Folder.names(in: folder + "/results") == ["after", "other"])
            #expect(gate.waits(for: 2))
        }
    }

    @Test func whatFailedBeforeIsNotToldAgain() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(metro("exit 7"), to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            let ended = try las("run", "m")
            #expect(ended.errors.contains("run it again: what is done is not run twice"), "\(ended.errors)")
            let resumed = try las("resume")
            #expect(resumed.status == 1)
            #expect(resumed.errors.split(separator: "first failed:").count == 2, "\(resumed.errors)")
        }
    }

    @Test func aStationThatIsKilledSaysBySignal() throws {
        try run("kill -SEGV $$") { ended, _ in
            #expect(ended.status == 1)
            #expect(ended.errors.contains("first failed: it was killed by the signal SIGSEGV"), "\(ended.errors)")
        }
    }

    @Test func anOutputThatIsNotThereIsNamed() throws {
        try run("true > somewhere-else; true {out}") { ended, _ in
            #expect(ended.status == 1)
            #expect(ended.errors.contains("first failed: it did not make a.txt"), "\(ended.errors)")
        }
    }
}
