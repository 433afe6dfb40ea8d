import Digests
import Execution
import Failures
import Files
import Glibc
import HostProtocol
import Metro
import Parts
import Plan
import TestSupport
import Testing
import Threads

/// A run whose steps are started one by one, as an engine does.
struct SteppedRun: Sendable {
    let folder: StepFolder
    let start: RunStart
    let lash: LASH

    init(_ plan: Plan, in scratch: String, named name: String = "stepped") throws {
        let image = "\(scratch)/\(name).squashfs"
        try TestImages.metro(plan, to: image)
        func location(_ kind: Part.Kind, _ path: String) throws -> ImageLocation {
            let (part, _) = try TestImages.part(kind, "x", path)
            return ImageLocation(path: path, offset: 0, size: part.size, digest: part.digest)
        }
        start = RunStart(
            run: RunID(name)!, metro: try location(.metro, image),
            environments: ["main": try location(.environment, TestImages.environment)], engine: .extraction)
        lash = LASH(root: scratch + "/lash")
        folder = try StepFolder("\(scratch)/\(name)", run: RunID(name), metro: start.metro.digest) {
            TestImages.planText(plan)
        }
    }

    func advance(_ known: StepAdvance.Known = .init()) throws -> StepAdvance.Standing {
        try StepAdvance(folder, engine: "test", reason: "the test does it").perform(known)
    }

    func step(_ station: String, _ number: Int = 0, isLast: Bool = false) throws -> StepRun.Ended {
        let (folder, start, lash) = (folder, start, lash)
        return try OwnThread.waiting {
            try StepRun(
                StepID(StationID(station), number), in: folder, start, lash: lash, isLast: isLast, patience: 0
            ).perform()
        }
    }

    /// What may start is started, until nothing more can.
    @discardableResult
    func toItsEnd() throws -> StepAdvance.Standing {
        for _ in 0..<100 {
            let standing = try advance()
            if standing.end != nil { return standing }
            for station in standing.stations {
                for number in station.numbers(.ready) { _ = try step(station.station.name, number) }
            }
        }
        return try advance()
    }

    var events: [RunEvent] { Journal.read(folder.run.journal) }
    func result(_ path: String) throws -> String {
        String(decoding: try File.read(folder.run.results + "/" + path), as: UTF8.self)
    }
}

@Suite struct StepTests {
    /// Every way in which stations follow one another.
    static let plans: [(String, Plan)] = [
        (
            "lines",
            plan([
                station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
                station("folder", "for i in 1 2 3; do echo $i > {out}/$i.txt; done", out: ["parts/"]),
                station(
                    "copy", "cat {each} {hello} > {out}", out: ["{name}.copy"], takes: [from("hello")],
                    forEach: [from("folder", "parts/*.txt")]),
                station("again", "cat {each} {each} > {out}", out: ["{name}.again"], forEach: [from("copy")]),
                station(
                    "both", "cat {copy} {again} > {out}", out: ["{name}.both"], forEach: [from("copy"), from("again")]),
                station("all", "cat {in} > {out}", takes: [from("both"), from("again", "*.again")]),
            ])
        ),
        (
            "turns",
            plan(
                [
                    station("side", "echo {turn} {seed} > {out}", turns: Turns(count: 3), seed: Seed()),
                    station("line", "echo {turn} > {out}", turns: Turns(count: 3, isOneByOne: true)),
                    station("ofLine", "cat {each} > {out}", out: ["{name}.txt"], forEach: [from("line")]),
                    station(
                        "fed", "cat {hello} > {out}; echo {turn} >> {out}", takes: [from("hello")],
                        turns: Turns(count: 3, feed: "hello")),
                    station("until", "echo {turn} > {out}", turns: Turns(count: 9, until: [.outputContains("4")])),
                    station(
                        "last", "cat {in} > {out}",
                        takes: [from("side"), from("line"), from("fed"), from("until"), from("ofLine")]),
                ].afterHello)
        ),
    ]

    @Test(arguments: plans.indices) func stepsGiveWhatARunGives(_ number: Int) throws {
        try withScratch { scratch in
            let (name, given) = Self.plans[number]
            let whole = try TestRun.perform(given, in: scratch, engine: .extraction, isFresh: true)
            try #require(whole.ended.succeeded, "\(name): \(whole.events)")
            let stepped = try SteppedRun(given, in: scratch)
            let standing = try stepped.toItsEnd()
            #expect(standing.end?.succeeded == true, "\(name): \(stepped.events)")
            #expect(standing.end?.files == whole.events.last?.files)
            let done = { (events: [RunEvent]) in
                Set(events.filter { $0.kind == .taskDone }.map { "\($0.task?.name ?? "") \($0.files ?? [])" })
            }
            #expect(done(stepped.events) == done(whole.events))
            #expect(stepped.events.map(\.sequence) == Array(1...stepped.events.count))
            // Nothing more is told of what was told.
            let count = stepped.events.count
            #expect(try stepped.advance().end?.succeeded == true)
            #expect(stepped.events.count == count)
            // Nothing is left but what is meant to be.
            #expect(!File.exists(stepped.folder.run.tasks))
        }
    }

    @Test func aStepTakesNoMoreRecordsThanItNeeds() throws {
        try withScratch { scratch in
            let stepped = try SteppedRun(Self.plans[0].1, in: scratch)
            #expect(try stepped.step("hello") == .done)
            #expect(try stepped.step("folder") == .done)
            #expect(try stepped.step("copy", 1) == .done)
            // Its own item's, and of no other.
            #expect(try stepped.step("again", 1) == .done)
            #expect(throws: ExecutionFailure.self) { try stepped.step("again", 0) }
            #expect(throws: PlanFailure.self) { try stepped.step("copy", 3) }
            #expect(throws: PlanFailure.self) { try stepped.step("nonesuch") }
            #expect(try stepped.step("copy", 1) == .wasDone)
            let standing = try stepped.advance()
            let copy = standing.stations.first { $0.station.name == "copy" }
            #expect(copy?.states == [.ready, .done, .ready])
            #expect(
                copy?.waits == [
                    .init(StationID("hello"), isMatched: false), .init(StationID("folder"), isMatched: false),
                ])
            let again = standing.stations.first { $0.station.name == "again" }
            #expect(again?.states == [.waiting, .done, .waiting])
            #expect(again?.waits == [.init(StationID("copy"), isMatched: true)])
        }
    }

    @Test func aFailureIsRecordedAndStopsWhatDependsOnIt() throws {
        try withScratch { scratch in
            let stepped = try SteppedRun(
                plan([
                    station("bad", "echo about to fail >&2; : {out}; exit 7", retry: 1),
                    station("after", "cat {in}", takes: [from("bad")]),
                    station("other", "echo fine"),
                ]), in: scratch)
            #expect(try stepped.step("bad") == .failed("it ended with the exit code 7"))
            #expect(throws: ExecutionFailure.self) { try stepped.step("after") }
            let standing = try stepped.toItsEnd()
            #expect(standing.end?.succeeded == false)
            #expect(standing.stations.map(\.states) == [[.failed], [.skipped], [.done]])
            let failed = stepped.events.first { $0.kind == .taskFailed }
            #expect(failed?.exitCode == 7 && failed?.printed == "about to fail\n")
            #expect(stepped.events.contains { $0.kind == .taskRetried })
            #expect(stepped.events.contains { $0.kind == .taskSkipped && $0.station?.name == "after" })
            #expect(standing.end?.files?.map(\.path) == ["other/out.txt"])
            // Nothing of it in “made”.
            #expect(try Folder.names(in: stepped.folder.run.made) == ["other"])
        }
    }

    @Test func whatTheMachineLacksIsNoFailureOfTheStation() throws {
        try withScratch { scratch in
            let stepped = try SteppedRun(plan([station("one", "echo x")]), in: scratch)
            // Where nothing can be put.
            try Folder.remove(stepped.folder.run.made)
            try File.write("", to: stepped.folder.run.made)
            #expect(throws: (any Error).self) { try stepped.step("one") }
            #expect(try stepped.advance().stations[0].states == [.ready])
            File.remove(stepped.folder.run.made)
            #expect(try stepped.step("one") == .done)
        }
    }

    @Test func filesThatDoNotPassAreLeftOut() throws {
        try withScratch { scratch in
            var valid = Validity()
            valid.passes = "cat {each} > /dev/null"
            let files = ["word", "no"].map {
                PlannedFile(name: $0, path: "/.las/inputs/word/\($0).txt", source: "\($0).txt")
            }
            let input = PlannedInput(name: "word", kind: .files, files: files, valid: valid, checkedIn: .main)
            let given = Plan(
                metro: "test", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [input],
                stations: [station("each", "cat {each}", out: ["{name}.txt"], forEach: [Taken(.input("word"))])],
                results: [PlannedResult(station: StationID("each"))])
            let whole = try TestRun.perform(given, in: scratch, engine: .extraction, isFresh: true)
            let stepped = try SteppedRun(given, in: scratch)
            let first = try stepped.advance()
            #expect(first.stations.map(\.station.name) == ["inputs/word", "each"])
            #expect(first.stations.map(\.states) == [[.ready, .ready], nil])
            let standing = try stepped.toItsEnd()
            #expect(standing.end?.files == whole.events.last?.files)
            #expect(
                stepped.events.contains { $0.kind == .note && $0.text?.hasPrefix("1 of 2 word was left out") == true })
        }
    }

    @Test func ofSeveralThatTryTheSameAtOnceOneCounts() throws {
        try withScratch { scratch in
            let stepped = try SteppedRun(
                plan([
                    station("random", "head -c 100000 /dev/urandom > {out}"),
                    station("turns", "head -c 1000 /dev/urandom > {out}", turns: Turns(count: 5, isOneByOne: true)),
                    station("after", "cat {in} > {out}", takes: [from("random"), from("turns")]),
                ]), in: scratch)
            for name in ["random", "turns"] {
                let crew = Crew(atMost: 6)
                let ends = Monitor<[StepRun.Ended?]>([])
                for _ in 0..<6 {
                    try crew.perform {
                        let end = try? stepped.step(name)
                        ends.change { $0.append(end) }
                    }
                }
                crew.end()
                #expect(ends.change { $0 }.allSatisfy { $0 == .done || $0 == .wasDone }, "\(ends.change { $0 })")
            }
            #expect(try stepped.step("after") == .done)
            #expect(try stepped.advance().end?.succeeded == true)
            // What is told of is what lies there.
            for event in stepped.events where event.kind == .taskDone {
                for file in event.files ?? [] {
                    let bytes = try File.read("\(stepped.folder.run.made)/\(event.task!)/\(file.path)")
                    #expect(file.digest == Digest(of: bytes))
                }
            }
        }
    }

    @Test func aRunThatWasCancelledGoesOn() throws {
        try withScratch { scratch in
            let stepped = try SteppedRun(
                plan([
                    station("one", "echo x"), station("two", "cat {in}", takes: [from("one")]),
                    station("bad", "test -e /nonesuch; : {out}"),
                ]), in: scratch)
            #expect(try stepped.step("one") == .done)
            #expect(try stepped.step("bad") != .done)
            var known = StepAdvance.Known()
            known.cancels = true
            let cancelled = try stepped.advance(known)
            #expect(cancelled.end?.text == "the run was cancelled")
            #expect(try stepped.step("two") == .failed("the run was cancelled"))
            #expect(try stepped.advance().end?.text == "the run was cancelled")
            known = .init()
            known.goesOn = true
            let again = try stepped.advance(known)
            #expect(again.end == nil)
            #expect(again.stations.map(\.states) == [[.done], [.ready], [.ready]])
            #expect(try stepped.step("two") == .done)
            // Its job ended without a word.
            known = .init()
            known.goneStations = [StationID("bad")]
            let end = try stepped.advance(known).end
            #expect(end?.succeeded == false && end?.files?.map(\.path) == ["one/out.txt", "two/out.txt"])
            #expect(stepped.events.first { $0.kind == .runResumed }?.count == 1)
            #expect(
                stepped.events.last { $0.kind == .taskFailed }?.text?.hasPrefix("its job ended without a word") == true)
        }
    }

    @Test func aFolderIsOfOneMetro() throws {
        try withScratch { scratch in
            _ = try SteppedRun(plan([station("one", "echo x")]), in: scratch)
            #expect(throws: ExecutionFailure.self) { try SteppedRun(plan([station("one", "echo y")]), in: scratch) }
            #expect(throws: ExecutionFailure.self) { try StepFolder(scratch + "/elsewhere") }
        }
    }
}

extension [PlannedStation] {
    /// With a station that the others take.
    fileprivate var afterHello: [PlannedStation] {
        [station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))])] + self
    }
}
