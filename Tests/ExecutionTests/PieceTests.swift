import Digests
import Execution
import Failures
import Files
import Glibc
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing
import Threads

/// Who runs, and by which engine.
struct Way: Sendable, CustomTestStringConvertible {
    let engine: Engine
    let isOrdinaryUser: Bool
    var testDescription: String { "\(engine.rawValue), \(isOrdinaryUser ? "an ordinary user" : "root")" }

    static let here =
        OrdinaryUser.isRootHere
        ? [
            Way(engine: .kernel, isOrdinaryUser: false), Way(engine: .extraction, isOrdinaryUser: false),
            Way(engine: .extraction, isOrdinaryUser: true),
        ] : [Way(engine: .extraction, isOrdinaryUser: true)]
}

@Suite struct PieceTests {
    @Test(arguments: Way.here) func aMetroRunsToItsResults(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan(
                [
                    station("hello", "cat {word} > {out}; echo told >&2", takes: [Taken(.input("word"))]),
                    station("twice", "cat {in} {in} | wc -l", takes: [from("hello")]),
                    station("script", "embrace \"$(cat {hello})\" > {out}", takes: [from("hello")]),
                    station("folder", "for i in 1 2 3; do echo $i > {out}/$i.txt; done", out: ["parts/"]),
                    station(
                        "each", "cat {each} > {out}", out: ["{name}.copy"], forEach: [from("folder", "parts/*.txt")]),
                ])
            let run = try TestRun.perform(given, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.ended.succeeded, "\(run.events.last?.text ?? "")")
            #expect(run.first(.runStarted)?.engine == way.engine.rawValue)
            #expect(try run.result("hello/out.txt") == "hello\n")
            #expect(try run.result("twice/out.txt") == "2\n")
            #expect(try run.result("script/out.txt") == "<hello>\n")
            #expect(try run.result("each/2.copy") == "2\n")
            #expect(run.results.contains("folder/parts/3.txt"))
            #expect(run.events.map(\.sequence) == Array(1...run.events.count))
            let done = run.first(.taskDone, "hello")
            #expect(done?.files == [.init(path: "out.txt", size: 6, digest: Digest(of: "hello\n"))])
            #expect(try File.read(run.folder.logs + "/hello.err") == Array("told\n".utf8))
            #expect(run.events.contains { $0.kind == .stationPlanned && $0.station?.name == "each" && $0.count == 3 })
            // Nothing is left of work folders and mounts.
            #expect(!File.exists(run.folder.tasks))
            #expect(((try? Folder.names(in: run.folder.mounts)) ?? []).isEmpty)
        }
    }

    @Test func aFailureStopsOnlyWhatDependsOnIt() throws {
        try withScratch { scratch in
            let given = plan([
                station("bad", "echo about to fail >&2; echo half > {out}; exit 7"),
                station("after", "cat {in}", takes: [from("bad")]),
                station("last", "cat {in}", takes: [from("after")]),
                station("other", "echo fine"),
            ])
            let run = try TestRun.perform(given, in: scratch)
            #expect(!run.ended.succeeded && run.ended.exitCode == .stationsFailed)
            let failed = run.first(.taskFailed, "bad")
            #expect(failed?.text == "it ended with the exit code 7")
            #expect(failed?.exitCode == 7)
            #expect(failed?.printed == "about to fail\n")
            #expect(run.events.filter { $0.kind == .taskSkipped }.map { $0.station?.name } == ["after", "last"])
            #expect(run.results == ["other/out.txt"], "\(run.events)")
            // What it had made by then is nowhere.
            #expect(try Folder.names(in: run.folder.made) == ["other"])
        }
    }

    @Test(arguments: [
        ("kill -SEGV $$; : {out}", "it was killed by the signal SIGSEGV"),
        (": {out}", "it did not make out.txt"),
        ("mkdir {out}", "its output out.txt is a folder; the metro has to say so: out.txt/"),
        ("mkfifo {out}", "its output out.txt is neither a file nor a folder"),
        (
            "ln -s /etc/passwd {out}",
            "its output out.txt is a link that leads out of what it made; copy the file instead (cp -L)"
        ),
        (
            "ln -s ../../journal {out}",
            "its output out.txt is a link that leads out of what it made; copy the file instead (cp -L)"
        ),
        (
            "echo x > other; ln -s other {out}",
            "its output out.txt is a link that leads out of what it made; copy the file instead (cp -L)"
        ),
        ("nonesuch > {out}", "it ended with the exit code 127"),
        ("echo x > /x; : {out}", "it ended with the exit code 1"),
        ("sleep 60; : {out}", "it took longer than the 0.3 s that it may"),
        ("trap '' TERM; (trap '' TERM; sleep 60) & kill -9 $$; : {out}", "it was killed by the signal SIGKILL"),
    ])
    func aTaskThatFailsSaysWhy(_ command: String, _ reason: String) throws {
        try withScratch { scratch in
            let uses = Resources(time: 0.3)
            let run = try TestRun.perform(
                plan([station("one", command, uses: command.hasPrefix("sleep") ? uses : Resources())]), in: scratch)
            #expect(run.first(.taskFailed)?.text == reason)
            #expect(run.ended.exitCode == .stationsFailed)
            #expect(try Folder.names(in: run.folder.made).isEmpty)
        }
    }

    @Test func whatDoesNotPassIsLeftOutAndReported() throws {
        try withScratch { scratch in
            let check = { (command: String, stops: Bool) -> Plan in
                var valid = Validity()
                valid.passes = command
                valid.stops = stops ? true : nil
                let files = ["word", "no", "gone"].map {
                    PlannedFile(name: $0, path: "/.las/inputs/word/\($0).txt", source: "texts/\($0).txt")
                }
                let input = PlannedInput(
                    name: "word", kind: .files, files: files, valid: valid, checkedIn: .main,
                    leftOut: [LeftOut(path: "texts/empty.txt", reason: "is not larger than 0")])
                return Plan(
                    metro: "test", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [input],
                    stations: [
                        station("each", "cat {each}", out: ["{name}.txt"], forEach: [Taken(.input("word"))]),
                        station("other", "echo fine"),
                    ], results: ["each", "other"].map { PlannedResult(station: StationID($0)) })
            }
            let run = try TestRun.perform(check("cat {each} > /dev/null", false), in: scratch)
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(
                run.results
                    == ["each", "each/word.txt", "left-out.txt", "other", "other/out.txt"].filter { $0.contains(".") })
            let said =
                "does not pass “cat {each} > /dev/null”: cat: /.las/inputs/word/no.txt: No such file or directory"
            #expect(run.first(.taskDone, "inputs/word/no")?.text == said)
            #expect(
                run.events.contains {
                    $0.kind == .note
                        && $0.text?.hasPrefix("2 of 3 word were left out: texts/no.txt does not pass") == true
                })
            #expect(
                try run.result("left-out.txt")
                    == "3 of 4 word were left out:\n  texts/empty.txt is not larger than 0\n  texts/no.txt \(said)\n  texts/gone.txt "
                    + said.replacing("no.txt", with: "gone.txt") + "\n")
            #expect(try Folder.names(in: run.folder.made) == ["each", "other"])

            // With “otherwise: stop”, and where the command is not there at all, the stations that take it don't run.
            for (plan, text) in [
                (check("cat {each} > /dev/null", true), "its file " + said),
                (check("nonesuch {each}; true", false), "it ended with the exit code 127"),
                (
                    check("nonesuch {each}", false),
                    "it can't be started: can't start nonesuch: No such file or directory"
                ),
            ] {
                try Folder.remove(run.folder.path)
                let run = try TestRun.perform(plan, in: scratch)
                #expect(run.ended.exitCode == .stationsFailed)
                #expect(run.first(.taskFailed, "inputs/word/no")?.text == text)
                #expect(run.events.filter { $0.kind == .taskSkipped }.map(\.station?.name) == ["each"])
                #expect(run.results.contains("other/out.txt"))
            }
        }
    }

    @Test func linksInsideOfWhatATaskMadeAreItsOwn() throws {
        try withScratch { scratch in
            let given = plan([
                station(
                    "linked", "echo x > {out}/a; ln -s a {out}/b; mkdir {out}/c; ln -s ../a {out}/c/d; ln -s c {out}/e",
                    out: ["f/"]),
                station("takes", "cat {in}/b {in}/c/d {in}/e/d", takes: [from("linked")]),
            ])
            let run = try TestRun.perform(given, in: scratch)
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(try run.result("takes/out.txt") == "x\nx\nx\n")
            // Among the results they are files.
            #expect(try run.result("linked/f/c/d") == "x\n")
            #expect(File.status(run.folder.results + "/linked/f/b")?.kind == .file)
        }
    }

    @Test func filesAreNeverSetuid() throws {
        try withScratch { scratch in
            let run = try TestRun.perform(plan([station("one", "cp /bin/bash {out}; chmod 6755 {out}")]), in: scratch)
            #expect(File.status(run.folder.results + "/one/out.txt")?.mode == 0o755)
        }
    }

    @Test func tasksSeeOnlyWhatTheyTake() throws {
        try withScratch { scratch in
            let given = plan([
                station("secret", "echo s > {out}"),
                station("taken", "echo t > {out}"),
                station("looks", "ls -a / /.las/made /task > {out}; echo x >> {in} || true", takes: [from("taken")]),
            ])
            let run = try TestRun.perform(given, in: scratch)
            let seen = try run.result("looks/out.txt")
            #expect(seen.contains("/.las/made:\n.\n..\ntaken\n"))
            #expect(seen.contains("/task:\n.\n..\nout.txt\n"))
            #expect(try run.result("taken/out.txt") == "t\n")
        }
    }

    @Test func asManyRunAtOnceAsThereAreCpus() throws {
        try withScratch { scratch in
            let command =
                "read from rest < /proc/uptime; sleep 0.1; read to rest < /proc/uptime; echo $from $to > {out}"
            let stations = (1...6).map { station("s\($0)", command, uses: Resources(cpus: $0 == 3 ? 2 : 1)) }
            let run = try TestRun.perform(plan(stations), in: scratch, cpus: 2)
            #expect(run.ended.succeeded)
            let times = try (1...6).map { number -> (cpus: Int, from: Double, to: Double) in
                let words = try run.result("s\(number)/out.txt").split(whereSeparator: \.isWhitespace)
                return (number == 3 ? 2 : 1, try #require(Double(words[0])), try #require(Double(words[1])))
            }
            for (_, from, to) in times {
                let moment = (from + to) / 2
                #expect(times.filter { $0.from < moment && moment < $0.to }.map(\.cpus).reduce(0, +) <= 2)
            }
        }
    }

    @Test func aStationThatIsTooLargeIsRefusedBeforeAnythingStarts() throws {
        try withScratch { scratch in
            let given = plan([station("small", "echo"), station("large", "echo", uses: Resources(cpus: 1000))])
            let run = try TestRun.perform(given, in: scratch, cpus: 2)
            #expect(run.ended.exitCode == .resources)
            #expect(run.events.map(\.kind) == [.runEnded])
            #expect(
                run.events.last?.text
                    == "the station large wants 1000 cpus, and the run may use 2 (change its “uses”, or run it on a larger host)"
            )
        }
    }

    @Test func muchThatIsPrintedIsCutInTheMiddle() throws {
        try withScratch { scratch in
            let run = try TestRun.perform(
                plan([station("loud", "head -c 70000000 /dev/zero >&2; echo end >&2; : > {out}")]), in: scratch)
            #expect(run.ended.succeeded)
            let log = run.folder.logs + "/loud.err"
            #expect((File.status(log)?.size ?? 0) < 68_000_000)
            let text = try File.read(log)
            #expect(text.suffix(4).elementsEqual("end\n".utf8))
            #expect(String(decoding: text.suffix(17_000), as: UTF8.self).contains("bytes left out here]"))
        }
    }

    @Test func anImageThatIsNoneIsToldInTheJournal() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            try File.write([UInt8](repeating: 7, count: 8192), to: scratch + "/bad")
            let image = ImageLocation(path: scratch + "/bad", offset: 0, size: 8192, digest: Digest(of: "bad"))
            let start = RunStart(run: RunID("bad")!, metro: image, environments: [:])
            let folder = RunFolder(start.run, in: lash)
            try folder.make(for: start)
            let ended = try OwnThread.waiting {
                Piece(start, folder: folder, in: lash, journal: try Journal(folder.journal)).perform()
            }
            #expect(!ended.succeeded)
            let recorded = try Journal(folder.journal).recorded
            #expect(recorded.map(\.kind) == [.runEnded])
            #expect(recorded.last?.text?.isEmpty == false)
        }
    }

    @Test func anImageIsUnpackedOnceForAllRuns() throws {
        try withScratch { scratch in
            let given = plan([station("one", "echo")])
            let run = try TestRun.perform(given, in: scratch, engine: .extraction)
            #expect(run.ended.succeeded)
            let environment = try TestImages.part(.environment, "main", TestImages.environment).part.digest
            let place = scratch + "/lash/images/" + environment.hex
            let before = try #require(File.status(place)?.inode)
            try Folder.remove(run.folder.path)
            #expect(try TestRun.perform(given, in: scratch, engine: .extraction).ended.succeeded)
            #expect(File.status(place)?.inode == before)
        }
    }

    @Test func theKernelEngineIsForRootOnly() throws {
        try withScratch { scratch in
            let run = try TestRun.perform(
                plan([station("one", "echo")]), in: scratch, engine: .kernel, asOrdinaryUser: true)
            #expect(run.ended.exitCode == .usage)
            #expect(run.events.last?.text?.contains("only root may mount") == true)
        }
    }

    @Test(arguments: Way.here) func noTaskGetsOutOfItsSandbox(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan([
                station("taken", "echo t > {out}"),
                station(
                    "root",
                    "! echo x > /x; ! echo x > /bin/cat; ! echo x > /.las/plan.json; ! echo x > /.las/made/taken/out.txt; : > {out}",
                    takes: [from("taken")]),
                station("host", "ls -a /tmp > {out}; ! ls \(scratch)"),
                station(
                    "rights",
                    "id -u > {out}; while read a b; do case $a in Cap*) echo $b;; esac; done < /proc/self/status >> {out}"
                ),
            ])
            let run = try TestRun.perform(given, in: scratch, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            #expect(run.ended.succeeded, "\(run.events)")
            #expect(try run.result("host/out.txt") == ".\n..\n")
            #expect(try run.result("rights/out.txt") == "0\n" + String(repeating: "0000000000000000\n", count: 5))
        }
    }
}
