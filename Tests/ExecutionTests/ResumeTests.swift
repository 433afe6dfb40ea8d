import Digests
import Execution
import Failures
import Files
import Glibc
import HostProtocol
import JSON
import Metro
import Plan
import TestSupport
import Testing

/// A run that was cut off goes on where it was.
@Suite struct ResumeTests {
    /// Every byte in the soak would take hours; every line's end, and each 500th byte.
    private static let (everyLine, step) = KillTests.isSoak ? (1, 500) : (5, 4999)

    /// A loop, a scatter, a station that is tried again, one that uses the network: what content keys know and what they don't.
    static func metro(items: Int = 6, turns: Int = 4, usesNetwork: Bool = true) -> Plan {
        let names = (1...items).map { "n\($0)" }
        let files = names.map {
            PlannedFile(name: $0, path: "/.las/inputs/numbers/\($0).txt", source: "numbers/\($0).txt")
        }
        return Plan(
            metro: "sums", environments: [PlannedEnvironment(id: .main, needs: Needs())],
            inputs: [PlannedInput(name: "numbers", kind: .files, files: files)],
            stations: [
                station(
                    "double", "read n < {each}; echo $((2 * n)) > {out}", out: ["{name}.txt"],
                    forEach: [Taken(.input("numbers"))], usesNetwork: usesNetwork),
                station(
                    "folder", "mkdir {out}/a; cat {in} > {out}/a/all; ln -s a/all {out}/link", out: ["f/"],
                    takes: [from("double")]),
                station(
                    "grow", "cat {in} {in} | head -c 400 > {out}", takes: [from("folder", "f/link")],
                    turns: Turns(count: turns, feed: "folder")),
                station(
                    "each", "cat {each} > {out}", out: ["{name}.copy"], forEach: [from("double")],
                    retry: 2),
                station(
                    "sum", "s=0; while read n; do s=$((s + n)); done < <(cat {in}); echo $s > {out}",
                    takes: [from("each")], usesNetwork: usesNetwork),
            ],
            results: ["folder", "grow", "each", "sum"].map { PlannedResult(station: StationID($0)) })
    }

    static func numbers(_ count: Int = 6) -> [String: String] {
        Dictionary(uniqueKeysWithValues: (1...count).map { ("inputs/numbers/n\($0).txt", "\($0)\n") })
    }

    /// That nothing which is recorded as done was started again.
    static func expectNothingTwice(_ events: [RunEvent]) {
        var done: Set<TaskID> = []
        for event in events {
            guard let task = event.task else { continue }
            switch event.kind {
            case .taskDone, .taskReused: #expect(done.insert(task).inserted, "\(task) was done twice")
            case .taskStarted: #expect(!done.contains(task), "\(task) was started again")
            default: break
            }
        }
        #expect(events.map(\.sequence) == Array(1...max(1, events.count)))
    }

    @Test func aJournalThatIsCutAnywhereGoesOnToTheSameResults() throws {
        try withScratch { scratch in
            // What is removed is removed after the disk has the journal that says so, and here it gets it cut off.
            let whole = try TestRun.perform(Self.metro(), Self.numbers(), in: scratch, keepsMade: true)
            #expect(whole.ended.succeeded, "\(whole.events)")
            let journal = try File.read(whole.folder.journal)
            let ends = journal.indices.filter { journal[$0] == UInt8(ascii: "\n") }
            let lash = scratch + "/lash"
            // All of the lines' ends and what is beside them, and some of the rest.
            let places = Set(
                ends.enumerated().filter { $0.offset % Self.everyLine == 0 }.flatMap { [$0.element, $0.element + 1] }
                    + stride(from: 0, to: journal.count, by: Self.step))
            let last = ends[ends.count - 2]
            for length in places.sorted() where length <= last {
                try Program("cp").run("-a", whole.folder.path, lash + "/runs/copy")
                let folder = RunFolder(RunID("copy")!, in: LASH(root: lash))
                let start = try File.read(folder.start)
                try File.write(
                    String(decoding: start, as: UTF8.self).replacing("test-run\"", with: "copy\""), to: folder.start)
                try File.write(journal[..<length], to: folder.journal)
                let recorded = Journal.read(folder.journal)
                let run = try TestRun.perform(
                    Self.metro(), Self.numbers(), in: scratch, name: "copy", isFresh: true, resumes: true,
                    keepsMade: true)
                #expect(run.ended.succeeded, "\(length): \(run.events)")
                #expect(run.events.last?.files == whole.events.last?.files)
                for path in run.results where File.status("\(folder.results)/\(path)")?.kind == .file {
                    #expect(File.areSame("\(folder.results)/\(path)", "\(whole.folder.results)/\(path)"), "\(path)")
                }
                let all = Journal.read(folder.journal)
                Self.expectNothingTwice(all)
                #expect(all.starts(with: recorded))
                let done = recorded.filter { $0.kind == .taskDone }.count
                #expect(run.tasks(.taskStarted).count == whole.tasks(.taskStarted).count - done)
                if !recorded.isEmpty { #expect(run.events.first?.kind == .runResumed) }
                #expect(
                    run.events.contains { $0.text?.hasPrefix("the journal was cut off") == true } == !ends.contains(
                        length - 1) || length == 0)
                try Folder.remove(folder.path)
            }
        }
    }

    @Test func whatFailedIsTriedAgainAndTheRestIsNot() throws {
        try withScratch { scratch in
            let given = plan([
                station("bad", "[ -e /.las/files/good ] || exit 3; echo good > {out}"),
                station("after", "cat {in}", takes: [from("bad")]),
                station("other", "echo fine", usesNetwork: true),
            ])
            let first = try TestRun.perform(given, in: scratch)
            #expect(first.tasks(.taskFailed) == ["bad"] && first.tasks(.taskDone) == ["other"])
            let second = try TestRun.perform(given, ["files/good": ""], in: scratch, resumes: true)
            #expect(second.ended.succeeded)
            #expect(second.tasks(.taskStarted) == ["after", "bad"])
            #expect(second.results == ["after/out.txt", "bad/out.txt", "other/out.txt"])
            // It has ended well now.
            let third = try TestRun.perform(given, in: scratch, resumes: true)
            #expect(third.ended.exitCode == .usage)
            #expect(third.events.last?.text?.contains("there is nothing to resume") == true)
        }
    }

    @Test func whatIsLostRunsAgainAndWhoTakesItOnlyWhereItIsOtherwise() throws {
        try withScratch { scratch in
            let given = plan([
                station("same", "echo same > {out}", usesNetwork: true),
                station("takes", "cat {in}", takes: [from("same")], usesNetwork: true),
                station("random", "echo $RANDOM$RANDOM$RANDOM > {out}", usesNetwork: true),
                station("shows", "cat {in}", takes: [from("random")], usesNetwork: true),
                station("bad", "exit 1"),
            ])
            let first = try TestRun.perform(given, in: scratch)
            #expect(first.tasks(.taskDone) == ["random", "same", "shows", "takes"])
            for task in ["same", "random"] { try Folder.remove("\(first.folder.made)/\(task)") }
            let second = try TestRun.perform(given, in: scratch, resumes: true)
            #expect(second.tasks(.taskStarted) == ["bad", "random", "same", "shows"])
            #expect(try second.result("shows/out.txt") == second.result("random/out.txt"))
        }
    }

    /// What a machine that went down had not written out yet is found by its digest.
    @Test func afterARestartOfTheMachineFilesAreRead() throws {
        try withScratch { scratch in
            let given = plan([
                station("one", "echo one > {out}", usesNetwork: true), station("two", "echo two", usesNetwork: true),
                station("bad", "exit 1"),
            ])
            let first = try TestRun.perform(given, in: scratch)
            // As another start of the machine would have it.
            let boot = try #require(first.first(.runStarted)?.boot)
            let events = Journal.read(first.folder.journal)
            File.remove(first.folder.journal)
            do {
                let journal = try Journal(first.folder.journal)
                for event in events {
                    journal.append(event.kind) {
                        let (sequence, time) = ($0.sequence, $0.time)
                        $0 = event
                        ($0.sequence, $0.time) = (sequence, time)
                        if $0.boot == boot { $0.boot = "another" }
                    }
                }
                try journal.commit()
            }
            try File.write("0ne\n", to: first.folder.made + "/one/out.txt")
            return try again(given, in: scratch)
        }
    }

    private func again(_ given: Plan, in scratch: String) throws {
        let second = try TestRun.perform(given, in: scratch, resumes: true)
        #expect(second.tasks(.taskStarted) == ["bad", "one"])
        #expect(try second.result("one/out.txt") == "one\n")
    }

    @Test func aPlanAfterARunThatWasKilledTellsTheTruth() throws {
        try withScratch { scratch in
            let metro = Self.metro(usesNetwork: false)
            let whole = try TestRun.perform(metro, Self.numbers(), in: scratch)
            let lash = LASH(root: scratch + "/lash")
            #expect(whole.ended.succeeded && Forecast.knows("sums", in: lash))
            try Folder.remove(lash.tasks + "/metros")
            #expect(!Forecast.knows("sums", in: lash))
            // Cut off after a third of it.
            let bytes = try File.read(whole.folder.journal)
            try File.write(bytes[..<(bytes.count / 3)], to: whole.folder.journal)
            #expect(Forecast.knows("sums", in: lash))
        }
    }

    @Test func aDiskThatIsFullEndsTheRunAndItGoesOnWithRoom() throws {
        try FullDisk.with(size: "24m") { scratch in
            let given = plan([
                station("first", "echo 1", usesNetwork: true),
                station("large", "head -c 3000000 /dev/zero > {out}", takes: [from("first")], usesNetwork: true),
                station("last", "head -c 10 {in}", takes: [from("large")], usesNetwork: true),
            ])
            let folder = RunFolder(RunID("test-run")!, in: LASH(root: scratch + "/lash"))
            FullDisk.fill(scratch, leaving: 900_000)
            // Images are mounted, or there is no room for them either.
            guard let first = try? TestRun.perform(given, in: scratch, engine: OrdinaryUser.isRootHere ? .kernel : nil)
            else { return }
            #expect(!first.ended.succeeded)
            let failed = first.events.last { $0.kind == .taskFailed || $0.kind == .runEnded }
            #expect(failed != nil)
            File.remove(scratch + "/filler")
            let done = Journal.read(folder.journal).filter { $0.kind == .taskDone }.compactMap { $0.task?.name }
            let second = try TestRun.perform(given, in: scratch, resumes: true)
            #expect(second.ended.succeeded, "\(second.events)")
            #expect(Set(second.tasks(.taskStarted)).isDisjoint(with: done))
            Self.expectNothingTwice(Journal.read(folder.journal))
        }
    }
}
