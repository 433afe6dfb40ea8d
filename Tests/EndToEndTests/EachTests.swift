import Files
import TestSupport
import Testing

/// `las each`: one command for each of several files.
@Suite struct EachTests {
    private func make(_ files: [String: String], in folder: String) throws {
        for (path, text) in files {
            try Folder.make(File.parent(of: "\(folder)/\(path)"))
            try File.write(text, to: "\(folder)/\(path)")
        }
    }

    private static let texts = [
        "here/notes/a.txt": "one two\n", "here/notes/b c's.txt": "three\n", "here/Z.txt": "x y z\n",
        "elsewhere/ü $x.txt": "4 5 6 7\n", "here/-dash.txt": "-\n",
    ]

    @Test func whatEachPrintsComesInTheOrderOfTheFilesWithTheirNamesAsGiven() throws {
        try withScratch { folder in
            try make(Self.texts, in: folder)
            let las = LasCommand(in: folder + "/here")
            let files = [
                "notes/b c's.txt", "Z.txt", "../elsewhere/ü $x.txt", "./notes/a.txt", folder + "/here/-dash.txt",
            ]
            let ended = try las(["each", "md5sum {each}"] + files)
            #expect(ended.status == 0, "\(ended.errors)")
            // The same by the machine's own tools.
            #expect(ended.output == (try Program("md5sum", folder: folder + "/here").run(files)).output)
            // Given to the end where the command does not say where; a name without its ending.
            let appended = try las(["each", "echo {name}; wc -w", "--"] + files + ["-dash.txt", "Z.txt"])
            #expect(
                appended.lines == [
                    "b c's", "1 notes/b c's.txt", "Z", "3 Z.txt", "ü $x", "4 ../elsewhere/ü $x.txt", "a",
                    "2 ./notes/a.txt", "-dash", "1 \(folder)/here/-dash.txt",
                ], "\(appended.errors)")
            #expect(
                try Folder.names(in: folder + "/here") == ["-dash.txt", "Z.txt", "notes"], "nothing is left behind")
        }
    }

    @Test func oneThatFailsIsToldAndTheOthersGoOn() throws {
        try withScratch { folder in
            try make(Self.texts, in: folder)
            let las = LasCommand(in: folder + "/here")
            let ended = try las(
                "each", "test {name} != Z || ls {each} /nowhere; cat {each}", "notes/a.txt", "Z.txt", "notes/b c's.txt",
                "--jobs", "1")
            #expect(ended.status == 1)
            #expect(ended.output == "one two\nthree\n")
            #expect(ended.errors.contains("✗ Z.txt failed: it ended with the exit code 2"), "\(ended.errors)")
            #expect(ended.errors.contains("/nowhere"))
            #expect(ended.errors.contains("error: 1 of 3 failed: Z.txt"))
        }
    }

    @Test func whatOneThatFailsPrintedIsShownAndKept() throws {
        try withScratch { folder in
            try make(["a.txt": "same\n", "b.txt": "same\nand more\n"], in: folder)
            let las = LasCommand(in: folder)
            let ended = try las("each", "echo same | diff - {each}", "a.txt", "b.txt", "--jobs", "1")
            #expect(ended.status == 1 && ended.output == "")
            #expect(ended.errors.contains("✗ b.txt failed: it ended with the exit code 1"), "\(ended.errors)")
            #expect(ended.errors.contains("    > and more\n"), "\(ended.errors)")
            let place = ended.errors.split(separator: "\n").first { $0.contains("what was printed is kept in ") }
            let logs = String(place?.split(separator: " ").last ?? "")
            let kept = try Program("find").run(logs, "-name", "b.out", "-size", "+0")
            #expect(kept.lines.count == 1, "\(ended.errors)")
        }
    }

    @Test func whatIsPrintedIsShownBeforeTheLastHasEnded() throws {
        try withScratch { folder in
            try make(["1.txt": "first\n", "2.txt": "second\n"], in: folder)
            // The second one ends an hour later, or when the first one's text was seen.
            let judge = """
                import os, signal, subprocess, sys
                las = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, start_new_session=True)
                print(las.stdout.readline().decode().strip(), las.poll())
                os.killpg(las.pid, signal.SIGTERM)
                print(las.wait() != 0)
                """
            try File.write(judge, to: folder + "/judge.py")
            var environment = ["PATH": "/usr/bin:/bin", "HOME": folder, "LASH": BuiltPrograms.lash]
            environment["LAS_RUNTIME"] = BuiltPrograms.runtime
            let ended = try Program("python3", environment: environment, folder: folder).run(
                folder + "/judge.py", BuiltPrograms.las, "each", "test {name} = 1 || sleep 3600; cat {each}", "1.txt",
                "2.txt")
            #expect(ended.lines == ["first None", "True"], "\(ended.errors)")
        }
    }

    @Test func filesAreMadeIntoTheResults() throws {
        try withScratch { folder in
            try make(Self.texts, in: folder)
            let las = LasCommand(in: folder + "/here")
            let printed = try las("each", "tr a-z A-Z < {each}", "notes/a.txt", "Z.txt", "--out", "{name}.up")
            #expect(printed.status == 0 && printed.output == "", "\(printed.errors)")
            #expect(printed.errors.contains("results (2 files)"), "\(printed.errors)")
            #expect(try files(in: folder + "/here/results") == ["Z.up", "a.up"])
            #expect(try File.read(folder + "/here/results/a.up") == Array("ONE TWO\n".utf8))
            let made = try las(
                "each", "mkdir -p {out} && cp {each} {out}/copy && echo said", "notes/a.txt", "Z.txt", "--out",
                "of-{name}/", "--results", "../made")
            #expect(made.status == 0 && made.output == "", "\(made.errors)")
            #expect(try files(in: folder + "/made") == ["of-Z/copy", "of-a/copy"])
        }
    }

    @Test func filesOfOneNameAreToldApart() throws {
        try withScratch { folder in
            try make(["a/x.txt": "1", "b/x.txt": "2", "b/x.csv": "3", "y.txt": "4", ".hidden": "5"], in: folder)
            let ended = try LasCommand(in: folder)(
                "each", "echo {name} $(cat {each})", "a/x.txt", "b/x.txt", "b/x.csv", "y.txt", ".hidden")
            #expect(ended.lines == ["a_x.txt 1", "b_x.txt 2", "x.csv 3", "y 4", ".hidden 5"], "\(ended.errors)")
        }
    }

    @Test func whatWasDoneBeforeIsShownAgainAndFreshRunsIt() throws {
        try withScratch { folder in
            try make(["x.txt": folder], in: folder)
            let las = LasCommand(in: folder)
            func run(_ more: String...) throws -> String {
                let ended = try las(["each", "head -c 8 /proc/sys/kernel/random/uuid; : {each}", "x.txt"] + more)
                #expect(ended.status == 0 && ended.output.utf8.count == 8, "\(ended.errors)")
                return ended.output
            }
            let first = try run()
            #expect(try run() == first)
            #expect(try run("--fresh") != first)
            // Without the sandbox nothing is taken from earlier runs.
            #expect(try run("--sandbox", "off") != first)
            let away = try las("each", "wc", "x.txt", "--sandbox", "off", "--host", "there")
            #expect(away.status == 2 && away.errors.contains("leave --host out"), "\(away.errors)")
        }
    }

    @Test func aCommandThatNeedsAPackageHasIt() throws {
        try withScratch { folder in
            try make(["a.json": "{\"x\": [1, 2]}", "b.json": "{\"x\": 3}"], in: folder)
            let ended = try LasCommand(in: folder)("each", "jq -c .x {each}", "a.json", "b.json", "--needs", "jq")
            #expect(ended.output == "[1,2]\n3\n", "\(ended.errors)")
        }
    }

    @Test func savedItIsAMetroThatDoesTheSame() throws {
        try withScratch { folder in
            try make(
                ["m/texts/a.txt": "one two\n", "m/texts/b.txt": "three\n", "m/other/c d.txt": "", "m/other/e.txt": ""],
                in: folder)
            let las = LasCommand(in: folder + "/m")
            let saved = try las(
                "each", "printf '%s: %s\\n' {name} \"$(wc -w < {each})\" # counted", "texts/a.txt", "texts/b.txt",
                "other/c d.txt", "--save", "metro.yml")
            #expect(saved.status == 0, "\(saved.errors)")
            #expect(saved.errors.contains("metro.yml holds the metro. Next: las run\n"), "\(saved.errors)")
            #expect(
                String(decoding: try File.read(folder + "/m/metro.yml"), as: UTF8.self) == """
                    metro: each
                    about: One command for each of several files.
                    inputs:
                      items:
                        - texts/*.txt
                        - other/c d.txt
                    lines:
                      main:
                        - station: run
                          for_each: items
                          command: |-
                            printf '%s: %s\\n' {name} "$(wc -w < {each})" # counted
                          out: '{name}.txt'

                    """)
            let run = try las("run")
            #expect(run.status == 0, "\(run.errors)")
            #expect(try files(in: folder + "/m/results") == ["run/a.txt", "run/b.txt", "run/c d.txt"])
            #expect(try File.read(folder + "/m/results/run/a.txt") == Array("a: 2\n".utf8))
            // Nothing is overwritten, and what would not run is not written.
            #expect(try las("each", "wc", "texts/a.txt", "--save", "metro.yml").errors.contains("exists already"))
            let outside = try LasCommand(in: folder)("each", "wc", "m/texts/a.txt", "--save", "m/other/metro.yml")
            #expect(outside.status == 2 && outside.errors.contains("does not lie in the folder of m/other/metro.yml"))
            let wrong = try las("each", "wc {eahc} {each}", "texts/a.txt", "--save", "wrong.yml")
            #expect(wrong.status == 2 && wrong.errors.contains("did you mean “{each}”"), "\(wrong.errors)")
            #expect(!File.exists(folder + "/m/wrong.yml"))
        }
    }

    @Test func dryRunsShowTheCommandsAndMistakesAreToldBeforeAnythingRuns() throws {
        try withScratch { folder in
            try make(Self.texts, in: folder)
            let las = LasCommand(in: folder + "/here")
            let dry = try las("each", "wc -w", "notes/a.txt", "Z.txt", "notes/b c's.txt", "--dry-run")
            #expect(dry.lines == ["wc -w notes/a.txt", "wc -w Z.txt", "wc -w 'notes/b c'\\''s.txt'"], "\(dry.errors)")
            let missing = try las("each", "wc", "notes/a.txt", "notes/aa.txt")
            #expect(missing.status == 2 && missing.errors.contains("notes/aa.txt"), "\(missing.errors)")
            #expect(missing.errors.contains("did you mean"))
            let none = try las("each", "wc")
            #expect(none.status == 2 && none.errors.contains("FILE is missing"), "\(none.errors)")
            let out = try las("each", "sort {each} > {out}", "Z.txt")
            #expect(out.status == 2 && out.errors.contains("--out '{name}.txt'"), "\(out.errors)")
            let jobs = try las("each", "wc", "Z.txt", "--jobs", "many")
            #expect(jobs.status == 2 && jobs.errors.contains("--jobs 2"))
            #expect(try las("each", " ", "Z.txt").errors.contains("the command is empty"))
        }
    }

    @Test(.enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) func aHostDoesTheSame() throws {
        try withScratch { folder in
            try make(Self.texts, in: folder)
            let host = try BareHost(in: folder)
            let las = host.las(in: folder + "/here", lash: try makeLash(in: folder))
            #expect(try host.add(las).status == 0)
            let ended = try las("each", "head -c 3 {each}; wc -w {each}", "notes/a.txt", "Z.txt", "--host", "lab")
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.output == "one2 notes/a.txt\nx y3 Z.txt\n")
            // What is printed may be any bytes, and much.
            let bytes = try las("each", "head -c 3000000 /dev/zero; : {each}", "Z.txt", "--host", "lab")
            #expect(bytes.status == 0 && bytes.output.utf8.count == 3_000_000, "\(bytes.errors)")
            let made = try las(
                "each", "cp {each} {out}", "notes/a.txt", "Z.txt", "--host", "lab", "--out", "{name}.copy")
            #expect(made.status == 0, "\(made.errors)")
            #expect(try files(in: folder + "/here/results") == ["Z.copy", "a.copy"])
        }
    }
}
