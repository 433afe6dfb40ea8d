import Files
import JSON
import TestSupport
import Testing

/// What is done is not run again: as a user sees it, with the built programs.
@Suite struct ReuseTests {
    private static let metro = """
        metro: numbers
        inputs:
          numbers: numbers/*.txt
        lines:
          one:
            - station: double
              for_each: numbers
              command: doubled.sh {each} > {out}
              out: "{name}.txt"
            - station: sum
              in: double
              command: cat {in} | tr '\\n' +
              out: sum.txt
          two:
            - station: base
              command: cat --version | head -1
              out: cat.txt
        results: [double, sum, base]
        """

    private func bench(_ body: (_ folder: String, _ las: LasCommand) throws -> Void) throws {
        try withScratch { folder in
            for name in ["numbers", "files/bin"] { try Folder.make("\(folder)/m/\(name)") }
            try File.write(Self.metro, to: folder + "/m/metro.yml")
            for number in 1...12 { try File.write("\(number)\n", to: "\(folder)/m/numbers/n\(number).txt") }
            try File.write(
                "#!/bin/bash\necho $(( 2 * $(cat $1) ))\n", to: folder + "/m/files/bin/doubled.sh", mode: 0o755)
            try body(folder, LasCommand(in: folder, lash: try makeLash(in: folder)))
        }
    }

    /// The tasks that something happened to, by the events that `--json` prints.
    private func tasks(_ kind: String, _ ended: Program.Ended) throws -> [String] {
        try ended.lines.compactMap { line in
            let event = try JSONText.parse(line)
            return event["kind"]?.string == kind ? event["task"]?.string : nil
        }.sorted()
    }

    private func started(_ las: LasCommand, _ more: String...) throws -> [String] {
        let ended = try las(["run", "m", "--json"] + more)
        #expect(ended.status == 0, "\(ended.errors)")
        return try tasks("taskStarted", ended)
    }

    private func forecast(_ las: LasCommand) throws -> String {
        let lines = try las("plan", "m").output.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.drop { $0 != "What would run" }.dropFirst().dropLast().joined(separator: "\n")
    }

    @Test func onlyWhatChangedRunsAndThePlanSaysWhy() throws {
        try bench { folder, las in
            #expect(try forecast(las) == "  all of it: it has not run here yet\n")
            #expect(try started(las).count == 14)
            let sum = try File.read(folder + "/results/sum/sum.txt")
            let done = try forecast(las)
            #expect(
                done == """
                      double      nothing: all 12 tasks are done
                      sum         nothing: it is done
                      base        nothing: it is done

                    """, "\(done)")
            try Folder.remove(folder + "/results")
            let again = try las("run", "m")
            #expect(
                again.errors.contains("= 14 of 14 tasks had been done before and were not run again"), "\(again.errors)"
            )
            #expect(try File.read(folder + "/results/sum/sum.txt") == sum)

            // Times of files say nothing; nor does where the metro lies.
            try Program("touch").run(folder + "/m/numbers/n3.txt", folder + "/m/metro.yml")
            #expect(try started(las) == [])
            try Program("mv").run(folder + "/m", folder + "/elsewhere")
            try Program("mv").run(folder + "/elsewhere", folder + "/m")

            try File.write("30\n", to: folder + "/m/numbers/n3.txt")
            let edited = try forecast(las)
            #expect(edited.contains("double      1 of 12 tasks: double/n3 (numbers/n3.txt changed)\n"), "\(edited)")
            #expect(edited.contains("sum         since double/n3 runs\n"), "\(edited)")
            #expect(try started(las) == ["double/n3", "sum"])

            try File.write(
                "#!/bin/bash\necho $(( $(cat $1) * 2 ))\n", to: folder + "/m/files/bin/doubled.sh", mode: 0o755)
            let script = try forecast(las)
            #expect(script.contains("all 12 tasks: the script files/bin/doubled.sh changed\n"), "\(script)")
            // It comes to the same as before, so what follows is as it was.
            #expect(try started(las).count == 12)
            #expect(try started(las, "--fresh").count == 14)
        }
    }

    @Test func otherNeedsRunAgain() throws {
        try bench { folder, las in
            #expect(try started(las).count == 14)
            let text = Self.metro.replacing("inputs:\n", with: "needs: { debian: [bc] }\ninputs:\n")
            try File.write(text, to: folder + "/m/metro.yml")
            let misfit = try forecast(las)
            #expect(misfit.contains("the needs now have bc"))
            #expect(try las("lock", "m", "--update").status == 0)
            let unpacked = try forecast(las)
            #expect(unpacked.contains("it was not packed here yet with these needs"))
            #expect(try las("pack", "m").status == 0)
            let plan = try forecast(las)
            #expect(plan.contains("all 12 tasks: its needs changed (bc added"), "\(plan)")
            // All of it, also what the new package changes nothing of: the environment is another one.
            #expect(try started(las).count == 14)
            let done = try forecast(las)
            #expect(done.contains("nothing: all 12 tasks are done"))
        }
    }

    @Test func aBundleAloneTakesThemToo() throws {
        try bench { folder, las in
            #expect(try started(las).count == 14)
            #expect(try las("pack", "m").status == 0)
            func run(_ more: String...) throws -> Program.Ended {
                let environment = ["LASH": las.lash, "HOME": folder, "PATH": "/usr/bin:/bin"]
                return try Program(folder + "/numbers.las", environment: environment, folder: folder).run(
                    ["run", "--results", "out"] + more)
            }
            let told = try run()
            #expect(told.status == 0 && told.errors.contains("14 of 14 tasks had been done before"), "\(told.errors)")
            #expect(File.areSame(folder + "/out", folder + "/results"))
            let fresh = try run("--fresh", "--json")
            #expect(try tasks("taskStarted", fresh).count == 14)
            #expect(File.areSame(folder + "/out", folder + "/results"))
        }
    }

    /// A person's results are copies: what is kept stays as it was.
    @Test func resultsMayBeEdited() throws {
        try bench { folder, las in
            #expect(try started(las).count == 14)
            let result = folder + "/results/sum/sum.txt"
            let sum = try File.read(result)
            #expect(try Program("/bin/sh").run("-c", "echo edited >> \(result)").status == 0)
            #expect(try started(las, "--results", "other") == [])
            #expect(try File.read(folder + "/other/sum/sum.txt") == sum)
            for run in try Folder.names(in: las.lash + "/runs") {
                #expect(!File.exists("\(las.lash)/runs/\(run)/made"), "what \(run) made is left")
            }
        }
    }

    @Test func whatWasKilledRunsAgain() throws {
        try withScratch { folder in
            let gate = try Gate { try? File.write("", to: folder + "/arrived") }
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: killed
                lines:
                  one:
                    - { station: first, command: echo first, out: f.txt }
                    - station: second
                      network: yes
                      command: |
                        echo half > {out}
                        \(gate.command)
                        cat {in} >> {out}
                      out: s.txt
                """, to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            #expect(try las("pack", "m").status == 0)
            let killed = try Program("/bin/sh", environment: ["LASH": las.lash, "HOME": folder], folder: folder).run(
                "-c",
                "./killed.las run --json > told & p=$!; until test -e arrived; do sleep 0.05; done; kill -9 $p; wait $p"
            )
            #expect(killed.status == 137, "\(killed.errors)")
            gate.open()
            let again = try las("run", "m", "--json")
            #expect(again.status == 0, "\(again.errors)")
            #expect(try tasks("taskReused", again) == ["first"])
            #expect(try tasks("taskStarted", again) == ["second"])
            #expect(try File.read(folder + "/results/second/s.txt") == Array("half\nfirst\n".utf8))
            #expect(gate.waits(for: 2))
        }
    }
}
