import Digests
import Execution
import Files
import Glibc
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing
import Threads

/// What is done already is not run again, in any run of one LASH; what could come out otherwise is.
@Suite struct ReuseTests {
    /// Numbers in an input of twelve, each doubled, then all of them added up.
    private static func sums(_ numbers: Int = 12, command: String = "read n < {each}; echo $((2 * n)) > {out}") -> Plan
    {
        let names = (1...numbers).map { "n\($0)" }
        let files = names.map {
            PlannedFile(name: $0, path: "/.las/inputs/numbers/\($0).txt", source: "numbers/\($0).txt")
        }
        return Plan(
            metro: "sums", environments: [PlannedEnvironment(id: .main, needs: Needs())],
            inputs: [PlannedInput(name: "numbers", kind: .files, files: files)],
            stations: [
                station("double", command, out: ["{name}.txt"], forEach: [Taken(.input("numbers"))]),
                station(
                    "sum", "s=0; while read n; do s=$((s + n)); done < <(cat {in}); echo $s", takes: [from("double")]),
            ],
            results: ["double", "sum"].map { PlannedResult(station: StationID($0)) })
    }

    private static func numbers(_ count: Int = 12, _ others: [Int: Int] = [:]) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: (1...count).map { ("inputs/numbers/n\($0).txt", "\(others[$0] ?? $0)\n") })
    }

    @Test(arguments: Way.here) func aSecondRunRunsNothingAndGivesTheSame(_ way: Way) throws {
        try withScratch { scratch in
            let given = plan([
                station(
                    "linked",
                    "mkdir {out}/c; echo x > {out}/a; ln -s a {out}/b; ln -s c {out}/d; cp /bin/cat {out}/c/cat; chmod 755 {out}/c/cat",
                    out: ["f/"]),
                station(
                    "takes", "cat {linked}/b; {linked}/d/cat {word}", takes: [from("linked"), Taken(.input("word"))]),
                station("each", "ls -l {each} | wc -l", out: ["{name}.txt"], forEach: [from("linked", "f/c/*")]),
                station("empty", ": {out}", out: ["none/"]),
            ])
            func run(_ name: String) throws -> TestRun {
                try TestRun.perform(
                    given, in: scratch, name: name, engine: way.engine, asOrdinaryUser: way.isOrdinaryUser)
            }
            let (first, second) = (try run("first"), try run("second"))
            #expect(first.ended.succeeded && second.ended.succeeded, "\(second.events)")
            #expect(first.tasks(.taskStarted) == ["each/cat", "empty", "linked", "takes"])
            #expect(second.tasks(.taskReused) == first.tasks(.taskDone))
            #expect(second.tasks(.taskStarted) == [])
            #expect(second.events.last?.files == first.events.last?.files)
            for path in second.events.last?.files?.filter({ $0.digest != nil }).map(\.path) ?? [] {
                #expect(File.areSame("\(first.folder.results)/\(path)", "\(second.folder.results)/\(path)"))
                let modes = [first, second].map { File.status("\($0.folder.results)/\(path)")?.mode }
                #expect(modes[0] == modes[1])
            }
            #expect(File.areSame(first.folder.made, second.folder.made))
            let (done, reused) = (first.first(.taskDone, "linked"), second.first(.taskReused, "linked"))
            #expect(done?.files == reused?.files && reused?.files?.count == 6)
            #expect(File.status(scratch + "/lash/tasks")?.mode == 0o700)
            // Nothing is left beside.
            #expect((try? Folder.names(in: scratch + "/lash/tmp")) ?? [] == [])
        }
    }

    @Test func onlyWhatAChangeReachesRunsAgain() throws {
        try withScratch { scratch in
            func run(_ name: String, _ plan: Plan, _ files: [String: String]) throws -> [String] {
                let run = try TestRun.perform(plan, files, in: scratch, name: name)
                #expect(run.ended.succeeded, "\(run.events)")
                #expect(run.tasks(.taskReused).count + run.tasks(.taskStarted).count == plan.inputs[0].files!.count + 1)
                return run.tasks(.taskStarted)
            }
            let first = try run("first", Self.sums(), Self.numbers())
            #expect(first.count == 13)
            // The image is another one, with other times in it.
            #expect(try run("same", Self.sums(), Self.numbers()) == [])
            #expect(try run("one", Self.sums(), Self.numbers(12, [7: 70])) == ["double/n7", "sum"])
            #expect(try run("more", Self.sums(13), Self.numbers(13)) == ["double/n13", "sum"])
            #expect(try run("less", Self.sums(11), Self.numbers(11)) == ["sum"])
            // What comes to the same as before does not go on.
            #expect(try run("back", Self.sums(), Self.numbers()) == [])
            let other = "read n < {each}; echo $((n + n)) > {out}"
            #expect(try run("command", Self.sums(command: other), Self.numbers()).count == 12)
        }
    }

    @Test func anotherEnvironmentRunsAllOfItAgain() throws {
        try withScratch { scratch in
            let given = plan([station("one", "echo one"), station("two", "cat {in}", takes: [from("one")])])
            func run(_ name: String, _ environment: String?) throws -> [String] {
                let digest = environment.map { Digest(of: $0) }
                return try TestRun.perform(given, in: scratch, name: name, environment: digest).tasks(.taskStarted)
            }
            let first = try run("first", nil)
            #expect(first == ["one", "two"])
            #expect(try run("other", "other") == ["one", "two"])
            #expect(try run("again", "other") == [])
        }
    }

    @Test func aScriptIsAPartOfWhoUsesIt() throws {
        try withScratch { scratch in
            let given = plan([
                station("uses", "embrace x > {out}"), station("other", "echo x > {out}"),
                station("inner", "outer.sh > {out}"),
            ])
            func run(_ name: String, _ files: [String: String]) throws -> [String] {
                try TestRun.perform(given, files, in: scratch, name: name).tasks(.taskStarted)
            }
            var files = [
                "files/bin/outer.sh": "#!/bin/bash\n. /.las/files/lib/common.sh\n", "files/lib/common.sh": "echo 1",
            ]
            let first = try run("first", files)
            #expect(first == ["inner", "other", "uses"])
            files["files/bin/embrace"] = "#!/bin/bash\necho changed\n"
            #expect(try run("one", files) == ["uses"])
            files["files/lib/common.sh"] = "echo 2"
            #expect(try run("two", files) == ["inner"])
            files["files/unused.txt"] = "echo 2"
            #expect(try run("three", files) == [])
            // It would be started in the place of the environment's own.
            files["files/bin/cat"] = "#!/bin/bash\necho no cat\n"
            #expect(try run("four", files) == ["inner", "other", "uses"])
        }
    }

    @Test func whatFailedRunsAgain() throws {
        try withScratch { scratch in
            let given = plan([
                station("bad", "echo half > {out}; exit 3"), station("good", "echo whole"),
                station("missing", "echo x > other; : {out}"),
                station(
                    "loop", "echo {turn} > {out}",
                    turns: Turns(count: 3, until: [.value(in: "out.txt", .above(9))])),
            ])
            let first = try TestRun.perform(given, in: scratch, name: "first")
            #expect(first.tasks(.taskFailed) == ["bad", "loop/3", "missing"])
            let second = try TestRun.perform(given, in: scratch, name: "second")
            #expect(second.tasks(.taskReused) == ["good", "loop/1", "loop/2"])
            #expect(second.tasks(.taskFailed) == ["bad", "loop/3", "missing"])
            // With more turns it goes on where it was.
            let more = plan([
                station(
                    "loop", "echo {turn} > {out}",
                    turns: Turns(count: 30, until: [.value(in: "out.txt", .above(9))]))
            ])
            let third = try TestRun.perform(more, in: scratch, name: "third")
            #expect(third.ended.succeeded && third.tasks(.taskReused) == ["loop/1", "loop/2"])
            #expect(try third.result("loop/out.txt") == "10\n")
            #expect(third.first(.taskReused, "loop/2")?.unmet == "out was 2, not above 9")
            let fourth = try TestRun.perform(more, in: scratch, name: "fourth")
            #expect(fourth.ended.succeeded && fourth.tasks(.taskStarted) == [])
            #expect(try fourth.result("loop/out.txt") == "10\n")
        }
    }

    @Test func turnsThatAreFedChainByWhatTheyMade() throws {
        try withScratch { scratch in
            func loop(_ turns: Turns, _ command: String) -> Plan {
                plan([
                    station(
                        "loop", command, takes: [Taken(.input("word"))], turns: turns),
                    station("after", "cat {in}", takes: [from("loop")]),
                ])
            }
            let fed = Turns(count: 4, isOneByOne: true, feed: "word")
            let command = "cat {word} > {out}; echo {turn} >> {out}"
            let first = try TestRun.perform(loop(fed, command), in: scratch, name: "first")
            #expect(first.tasks(.taskStarted).count == 5, "\(first.events)")
            let second = try TestRun.perform(loop(fed, command), in: scratch, name: "second")
            #expect(second.tasks(.taskStarted) == [] && second.results == first.results)
            #expect(try second.result("after/out.txt") == "hello\n1\n2\n3\n4\n")
            let other = try TestRun.perform(
                loop(fed, command), ["inputs/word/word.txt": "other\n"], in: scratch, name: "other")
            #expect(other.tasks(.taskStarted).count == 5)
        }
    }

    @Test func asFreshNothingIsTakenAndAllIsKeptAnew() throws {
        try withScratch { scratch in
            // Another each time.
            let given = plan([station("when", "read t rest < /proc/uptime; echo $t $RANDOM$RANDOM > {out}")])
            func run(_ name: String, isFresh: Bool = false) throws -> String {
                try TestRun.perform(given, in: scratch, name: name, isFresh: isFresh).result("when/out.txt")
            }
            let first = try run("first")
            #expect(try run("second") == first)
            let third = try run("third", isFresh: true)
            #expect(third != first)
            #expect(try run("fourth") == third)
        }
    }

    @Test func whatUsesTheNetworkRunsEachTime() throws {
        try withScratch { scratch in
            let given = plan([
                station("asks", "echo asked", usesNetwork: true), station("after", "cat {in}", takes: [from("asks")]),
                station("open", "cat /.las/plan.json | wc -c"),
            ])
            #expect(try TestRun.perform(given, in: scratch, name: "first").tasks(.taskStarted).count == 3)
            let second = try TestRun.perform(given, in: scratch, name: "second")
            #expect(second.tasks(.taskStarted) == ["asks", "open"])
            #expect(second.tasks(.taskReused) == ["after"])
        }
    }

    @Test func anotherMetroTakesWhatIsTheSame() throws {
        try withScratch { scratch in
            #expect(try TestRun.perform(Self.sums(), Self.numbers(), in: scratch, name: "first").ended.succeeded)
            let sums = Self.sums()
            let other = Plan(
                metro: "other", environments: sums.environments, inputs: sums.inputs,
                stations: [
                    station(
                        "twice", sums.stations[0].command, out: ["{name}.txt"], forEach: [Taken(.input("numbers"))],
                        uses: Resources(cpus: 1, memory: 1000), retry: 2)
                ], results: [PlannedResult(station: StationID("twice"))])
            let run = try TestRun.perform(other, Self.numbers(), in: scratch, name: "second")
            #expect(run.tasks(.taskStarted) == [] && run.tasks(.taskReused).count == 12)
            #expect(try run.result("twice/n12.txt") == "24\n")
        }
    }

    @Test func aLookAtAnInputIsRemembered() throws {
        try withScratch { scratch in
            var valid = Validity()
            valid.passes = "read n < {each}; test $n -gt 2"
            let sums = Self.sums(4)
            let input = PlannedInput(
                name: "numbers", kind: .files, files: sums.inputs[0].files, valid: valid, checkedIn: .main)
            let given = Plan(
                metro: "sums", environments: sums.environments, inputs: [input], stations: sums.stations,
                results: sums.results)
            let first = try TestRun.perform(given, Self.numbers(4), in: scratch, name: "first")
            #expect(first.ended.succeeded && first.tasks(.taskStarted).count == 7, "\(first.events)")
            let second = try TestRun.perform(given, Self.numbers(4), in: scratch, name: "second")
            #expect(second.ended.succeeded && second.tasks(.taskStarted) == [])
            #expect(try second.result("sum/out.txt") == "14\n")
            #expect(
                second.first(.taskReused, "inputs/numbers/n1")?.text
                    == first.first(.taskDone, "inputs/numbers/n1")?.text)
            #expect(try second.result("left-out.txt") == first.result("left-out.txt"))
            #expect(
                second.events.filter { $0.kind == .note }.map(\.text)
                    == first.events.filter { $0.kind == .note }.map(\.text))
        }
    }

    @Test func twoRunsAtOnceMakeOneOfIt() throws {
        try withScratch { scratch in
            let runs = try Workers.each(["one", "two"], on: 2) {
                try TestRun.perform(Self.sums(), Self.numbers(), in: scratch, name: $0)
            }
            for run in runs {
                #expect(run.ended.succeeded)
                #expect(try run.result("sum/out.txt") == "156\n")
            }
            let third = try TestRun.perform(Self.sums(), Self.numbers(), in: scratch, name: "three")
            #expect(third.tasks(.taskStarted) == [])
            let left = try Folder.names(in: scratch + "/lash/tmp")
            #expect(left == [])
        }
    }

    @Test func withoutWhatIsKeptItSimplyRuns() throws {
        try withScratch { scratch in
            let first = try TestRun.perform(Self.sums(), Self.numbers(), in: scratch, name: "first")
            try Folder.remove(scratch + "/lash/tasks")
            let second = try TestRun.perform(Self.sums(), Self.numbers(), in: scratch, name: "second")
            #expect(second.tasks(.taskStarted) == first.tasks(.taskStarted))
            // Where nothing can be kept either.
            try Folder.remove(scratch + "/lash/tasks")
            try File.write("in the way", to: scratch + "/lash/tasks")
            let third = try TestRun.perform(Self.sums(), Self.numbers(), in: scratch, name: "third")
            #expect(third.ended.succeeded && third.tasks(.taskStarted).count == 13)
        }
    }
}
