import Digests
import Execution
import Failures
import Files
import Glibc
import HostProtocol
import Parts
import Plan
import Signatures
import TestSupport
import Testing

@Suite struct HostServiceTests {
    @Test func aMetroIsShippedRunFollowedAndFetched() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(
                plan([
                    station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
                    station("folder", "echo 1 > {out}/1; cp /bin/cat {out}/cat", out: ["f/"]),
                ]), in: scratch)
            #expect(try client.offer(metro.all).parts.isEmpty)
            try metro.ship(over: client)
            #expect(try client.offer(metro.all).parts == metro.all.map(\.digest))
            #expect(try client.start("run-1", metro.all).run.name == "run-1")
            let events = try client.follow("run-1")
            #expect(events.last?.succeeded == true)
            #expect(events.last?.files?.map(\.path) == ["folder/f", "folder/f/1", "folder/f/cat", "hello/out.txt"])
            #expect(try client.follow("run-1", from: 3).first?.sequence == 3)

            try client.send(Frame(.fetch, json: Fetch(run: RunID("run-1")!)))
            var fetched: [String: [UInt8]] = [:]
            while let frame = try client.next(), frame.kind != .done {
                let header = try frame.expect(.file, FileHeader.self, awaited: "a file")
                var bytes: [UInt8] = []
                var next = try #require(try client.next())
                while next.kind == .data {
                    bytes += next.payload
                    next = try #require(try client.next())
                }
                let end = try next.expect(.fileEnd, FileEnd.self, awaited: "the end of the file")
                #expect(Int64(bytes.count) == header.size)
                #expect(end.digest == (header.kind == .file ? Digest(of: bytes) : nil))
                #expect(header.executable == header.path.hasSuffix("cat"))
                fetched[header.path] = bytes
            }
            #expect(fetched["hello/out.txt"] == Array("hello\n".utf8))
            #expect(
                fetched.keys.sorted() == ["folder", "folder/f", "folder/f/1", "folder/f/cat", "hello", "hello/out.txt"])

            try client.send(Frame(.clean, json: Clean(run: RunID("run-1")!)))
            _ = try client.answer(.done, Done.self)
            #expect(try Folder.names(in: scratch + "/lash/runs").isEmpty)
            #expect(try client.offer(metro.all).parts.count == 2)
            #expect(client.close() == 0)
        }
    }

    /// A host that demands a signature takes it for nothing else than what was signed.
    @Test func aSignatureIsHeldAgainstThePartsThatAreStarted() throws {
        try withScratch { scratch in
            let trust = Trust(LASH(root: scratch + "/lash"))
            let key = try SigningKey.make()
            try trust.setDemandsSignature(true)
            try trust.add(key.publicKey, as: "anna")
            func bundle(_ parts: [Part], signed: [Part]) -> SentBundle {
                let message = BundleSignature.message(BundleIndex.identity(of: signed))
                return SentBundle(
                    parts: parts,
                    signatures: [BundleSignature(key: key.publicKey.bytes, bytes: key.sign(message))])
            }
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("hello", "echo hello > {out}")]), in: scratch)
            try metro.ship(over: client)
            let runtime = Part(kind: .runtime, name: "", size: 1, digest: Digest(of: "a runtime"))
            let other = Part(kind: .metro, name: "test", size: 1, digest: Digest(of: "another metro"))
            let (all, others) = ([runtime] + metro.all, [runtime, metro.all[0], other])
            let wrong: [(SentBundle?, String)] = [
                (nil, "what was sent is not signed"),
                (SentBundle(parts: all, signatures: []), "what was sent is not signed"),
                (bundle(all, signed: others), "the bundle or its signature was changed"),
                (
                    bundle(others, signed: others),
                    "the image of the metro “test” is none of the bundle's that was signed"
                ),
            ]
            for (sent, cause) in wrong {
                let refusal = #expect(throws: Refusal.self) { try client.start("run-1", metro.all, bundle: sent) }
                #expect(refusal?.exitCode == .integrity && refusal?.cause == cause)
                #expect(!File.exists(scratch + "/lash/runs/run-1"))
            }
            #expect(try client.start("run-1", metro.all, bundle: bundle(all, signed: all)).run.name == "run-1")
            #expect(try client.follow("run-1").last?.succeeded == true)
            #expect(client.close() == 0)
        }
    }

    @Test func aRunFromBeforeThePolicyIsNotResumed() throws {
        try withScratch { scratch in
            let before = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("wrong", "exit 1")]), in: scratch)
            try metro.ship(over: before)
            _ = try before.start("run-1", metro.all)
            #expect(try before.follow("run-1").last?.succeeded == false)
            #expect(before.close() == 0)
            try Trust(LASH(root: scratch + "/lash")).setDemandsSignature(true)
            let after = try HostClient(lash: scratch + "/lash")
            let refusal = #expect(throws: Refusal.self) { try after.resume("run-1") }
            #expect(refusal?.summary == "the run began before this host demanded a signature")
            #expect(refusal?.exitCode == .integrity)
            #expect(after.close() == 0)
        }
    }

    @Test func whatTasksMakeComesWhileTheRunIsFollowed() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(
                plan([
                    station("folder", "echo 1 > {out}/1; ln -s 1 {out}/2; cp /bin/cat {out}/cat", out: ["f/"]),
                    station("wrong", "exit 3"),
                    station("large", "head -c 3000000 /bin/bash > {out} || seq 1000000 > {out}"),
                ]), in: scratch)
            try metro.ship(over: client)
            _ = try client.start("r", metro.all)
            try client.send(Frame(.follow, json: Follow(run: RunID("r")!, from: 1, files: true)))
            var came: [String: [String: Int]] = [:]
            while let frame = try client.next() {
                let event = try frame.expect(.event, RunEvent.self, awaited: "an event")
                if event.kind == .runEnded { break }
                guard event.kind == .taskDone, let task = event.task?.name else { continue }
                came[task] = [:]
                while let frame = try client.next(), frame.kind != .done {
                    let header = try frame.expect(.file, FileHeader.self, awaited: "a file")
                    var hasher = SHA256()
                    var (size, next) = (0, try #require(try client.next()))
                    while next.kind == .data {
                        next.payload.withUnsafeBytes { hasher.update($0) }
                        (size, next) = (size + next.payload.count, try #require(try client.next()))
                    }
                    let end = try next.expect(.fileEnd, FileEnd.self, awaited: "the end of the file")
                    #expect(end.digest == (header.kind == .file ? hasher.digest() : nil))
                    #expect(Int64(size) == header.size)
                    came[task]?[header.path] = size
                }
            }
            #expect(came.keys.sorted() == ["folder", "large"])
            #expect(came["folder"]?.keys.sorted() == ["f", "f/1", "f/2", "f/cat"])
            #expect(came["folder"]?["f/2"] == 2)
            #expect(came["large"]?["out.txt"] ?? 0 > 500_000)
            #expect(client.close() == 0)
        }
    }

    @Test func aPartThatArrivesChangedIsRefusedAndTheConnectionGoesOn() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("a", "echo")]), in: scratch)
            let (part, extents, whole) = metro.parts[0]
            var bytes = whole
            bytes[bytes.count / 2] ^= 1
            let refusal = #expect(throws: Refusal.self) { try client.ship(part, extents, bytes) }
            #expect(refusal?.exitCode == .integrity)
            #expect(throws: Refusal.self) { try client.ship(part, extents, Array(whole.dropLast())) }
            #expect(throws: Refusal.self) { try client.ship(part, metro.parts[1].extents, whole) }
            #expect(((try? Folder.names(in: scratch + "/lash/parts")) ?? []).isEmpty)
            #expect(try Folder.names(in: scratch + "/lash/incoming").isEmpty)
            #expect(try client.ship(part, extents, whole).digest == part.digest)
        }
    }

    @Test func aConnectionThatIsCutLeavesNothingBehind() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("a", "echo")]), in: scratch)
            _ = try client.begin(metro.parts[0].part, metro.parts[0].extents)
            try client.send(Frame(kind: .data, payload: Array(metro.parts[0].bytes.prefix(1000))))
            #expect(client.close() != 0)
            #expect(((try? Folder.names(in: scratch + "/lash/parts")) ?? []).isEmpty)
            #expect(try Folder.names(in: scratch + "/lash/incoming").isEmpty)
        }
    }

    @Test func whatCameWholeBeforeACutIsNotWantedAgain() throws {
        try withScratch { scratch in
            let (part, extents, bytes) = try sample(lengths: [60_000, 70_000, 80_000, 90_000])
            let cut = try HostClient(lash: scratch + "/lash")
            #expect(try cut.begin(part, extents).runs == [0..<4])
            // Two extents and a half.
            try cut.send(Frame(kind: .data, payload: Array(bytes[..<170_000])))
            #expect(cut.close() != 0)
            let client = try HostClient(lash: scratch + "/lash")
            #expect(try client.begin(part, extents).runs == [2..<4])
            try client.send(Frame(kind: .data, payload: Array(bytes[130_000...])))
            try client.send(Frame(.commit, json: PartHeader(part: part)))
            #expect(try client.answer(.committed, Committed.self).digest == part.digest)
            #expect(try File.read("\(scratch)/lash/parts/\(part.digest)") == bytes)
            #expect(try Folder.names(in: scratch + "/lash/incoming").isEmpty)
            #expect(client.close() == 0)
        }
    }

    @Test func whatLiesInAnotherPartIsNotWantedAndItsListIsToldByTheDifference() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let lengths = Array(repeating: 20_000, count: 100)
            let (before, list, bytes) = try sample(lengths: lengths)
            _ = try client.ship(before, list, bytes)
            // Two extents are others, and one came between.
            var pieces = list.extents.enumerated().map { (number, _) in
                Array(bytes[number * 20_000..<(number + 1) * 20_000])
            }
            pieces[40][3] ^= 1
            pieces[41][3] ^= 1
            pieces.insert([1, 2, 3], at: 70)
            let (part, extents, changed) = try sample(pieces: pieces)
            let have = try client.offer([before, part])
            #expect(have.parts == [before.digest] && have.kept == [before.digest])
            let difference = ExtentDifference(extents, from: list).bytes
            #expect(difference.count < 200)
            let wanted = try client.begin(part, extents, like: before.digest, list: difference)
            #expect(wanted.runs == [40..<42, 70..<71])
            try client.send(Frame(kind: .data, payload: pieces[40] + pieces[41] + pieces[70]))
            try client.send(Frame(.commit, json: PartHeader(part: part)))
            #expect(try client.answer(.committed, Committed.self).digest == part.digest)
            #expect(try File.read("\(scratch)/lash/parts/\(part.digest)") == changed)
            // Damage of what is copied is noticed: it is wanted.
            var damaged = try File.read("\(scratch)/lash/parts/\(part.digest)")
            damaged[5] ^= 1
            try File.write(damaged, to: "\(scratch)/lash/parts/\(part.digest)")
            try Folder.remove("\(scratch)/lash/parts/\(before.digest)")
            #expect(try client.begin(before, list).runs == [0..<1, 40..<42])
            #expect(client.close() != 0)
        }
    }

    /// Tables that can't be made of what was told are wanted, as if nothing had been told.
    @Test(arguments: [[], [7, 7, 7], Array("LASTABLE".utf8) + [UInt8](repeating: 0, count: 100)])
    func tablesThatCantBeMadeAreWanted(_ told: [UInt8]) throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let (before, list, bytes) = try sample(lengths: [5000, 2000])
            _ = try client.ship(before, list, bytes)
            let (part, extents, changed) = try sample(lengths: [5000, 2000])
            #expect(try client.offer([part]).tables != nil)
            let wanted = try client.begin(part, extents, tables: (before.digest, told))
            #expect(wanted.runs == [0..<2])
            try client.send(Frame(kind: .data, payload: changed))
            try client.send(Frame(.commit, json: PartHeader(part: part)))
            #expect(try client.answer(.committed, Committed.self).digest == part.digest)
            // Of a part that the host does not have, neither.
            let (other, others, _) = try sample(lengths: [1000])
            #expect(try client.begin(other, others, tables: (Digest(of: "none"), told)).runs == [0..<1])
            #expect(client.close() != 0)
        }
    }

    @Test func aDifferenceThatMakesAnotherListIsRefused() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let (before, list, bytes) = try sample(lengths: [1000, 2000])
            _ = try client.ship(before, list, bytes)
            let (part, extents, _) = try sample(lengths: [1000, 2000, 3000])
            let wrong = ExtentDifference(list, from: list).bytes
            let refusal = #expect(throws: Refusal.self) {
                try client.begin(part, extents, like: before.digest, list: wrong)
            }
            #expect(refusal?.exitCode == .integrity)
            #expect(throws: Refusal.self) { try client.begin(part, extents, like: part.digest, list: wrong) }
            #expect(client.close() == 0)
        }
    }

    /// A part of extents of these lengths, all different.
    private func sample(lengths: [Int]) throws -> (Part, ExtentList, [UInt8]) {
        try sample(pieces: lengths.map { length in (0..<length).map { _ in UInt8.random(in: 0...255) } })
    }

    private func sample(pieces: [[UInt8]]) throws -> (Part, ExtentList, [UInt8]) {
        let list = try ExtentList(pieces.map { Extent(length: Int64($0.count), digest: Digest(of: $0)) })
        let part = Part(kind: .environment, name: "main", size: list.size, digest: list.digest)
        return (part, list, Array(pieces.joined()))
    }

    @Test func whatCanNotBeDoneIsRefused() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("a", ": > {out}")]), in: scratch)
            let long = try ShippedMetro(plan([station("a", "sleep 1000; : > {out}")]), in: scratch)
            func refusal(_ body: () throws -> Void) -> String? {
                #expect(throws: Refusal.self, performing: body)?.summary
            }
            #expect(refusal { _ = try client.start("r", metro.all) }?.contains("is not on this host") == true)
            try metro.ship(over: client)
            #expect(refusal { _ = try client.start("r", [metro.all[0]]) } == "a run needs the image of a metro")
            #expect(refusal { _ = try client.start("r", metro.all, engine: "magic") } == "there is no engine “magic”")
            try long.ship(over: client)
            _ = try client.start("long", long.all)
            #expect(
                refusal {
                    try client.send(Frame(.clean, json: Clean(run: RunID("long")!)))
                    _ = try client.answer(.done, Done.self)
                } == "the run long is going on")
            // The moment that it has ended it can be cleaned.
            let events = try client.follow("long") { event in
                if event.kind == .taskStarted { try client.send(Frame(.cancel, json: Cancel(run: RunID("long")!))) }
                return true
            }
            #expect(events.last?.kind == .runEnded)
            try client.send(Frame(.clean, json: Clean(run: RunID("long")!)))
            _ = try client.answer(.done, Done.self)
            #expect(refusal { _ = try client.follow("nonesuch") } == "there is no run nonesuch on this host")
            _ = try client.start("r", metro.all)
            #expect(refusal { _ = try client.start("r", metro.all) } == "there is a run r here already")
            #expect(try client.follow("r").last?.succeeded == true)
        }
    }

    @Test func aRunIsCancelledWhileItIsFollowed() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let seconds = "97.\(Int.random(in: 100_000...999_999))"
            let metro = try ShippedMetro(
                plan([station("quick", "echo 1"), station("long", "sleep \(seconds); : {out}")]), in: scratch)
            try metro.ship(over: client)
            _ = try client.start("r", metro.all)
            let events = try client.follow("r") { event in
                if event.kind == .taskDone { try client.send(Frame(.cancel, json: Cancel(run: RunID("r")!))) }
                return true
            }
            #expect(events.last?.kind == .runEnded)
            #expect(events.last?.succeeded == false)
            #expect(events.last?.text == "the run was cancelled")
            #expect(events.last?.files?.map(\.path) == ["quick/out.txt"])
            #expect(events.contains { $0.kind == .taskFailed && $0.text == "the run was cancelled" })
            #expect(!isRunning(seconds))
        }
    }

    @Test(arguments: [true, false]) func aTetheredRunEndsWithTheConnectionAndAnotherGoesOn(_ isTethered: Bool) throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            // The one goes on long enough to be ended, however late its end is noticed.
            let command = "sleep \(isTethered ? 1000 : 0.7); echo done > {out}"
            let metro = try ShippedMetro(plan([station("a", command)]), in: scratch)
            try metro.ship(over: client)
            _ = try client.start("r", metro.all, tethered: isTethered)
            let begun = try client.follow("r") { $0.kind != .taskStarted }
            #expect(client.close() == 0)
            let again = try HostClient(lash: scratch + "/lash")
            let rest = try again.follow("r", from: (begun.last?.sequence ?? 0) + 1)
            #expect(rest.first?.sequence == (begun.last?.sequence ?? 0) + 1)
            #expect(rest.last?.succeeded == !isTethered)
        }
    }

    @Test func aRunWhoseProcessIsKilledIsToldAndTakesItsTasksAlong() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let seconds = "96.\(Int.random(in: 100_000...999_999))"
            let metro = try ShippedMetro(plan([station("a", "sleep \(seconds); : {out}")]), in: scratch)
            try metro.ship(over: client)
            _ = try client.start("r", metro.all)
            let refusal = #expect(throws: Refusal.self) {
                try client.follow("r") { event in
                    guard event.kind == .taskStarted else { return true }
                    while !isRunning(seconds) { usleep(1000) }
                    let pid = String(decoding: try File.read(scratch + "/lash/runs/r/pid"), as: UTF8.self)
                    kill(Int32(pid.dropLast())!, SIGKILL)
                    return true
                }
            }
            #expect(refusal?.summary.hasSuffix("the run's process ended without ending the run") == true)
            // The kernel ends the sandbox a moment after the process that held it.
            var looks = 0
            while isRunning(seconds), looks < 6000 {
                usleep(10_000)
                looks += 1
            }
            #expect(!isRunning(seconds))
        }
    }

    @Test func whatIsNoProtocolEndsIt() throws {
        try withScratch { scratch in
            let lost = try HostClient(lash: scratch + "/lash", greeting: false)
            try lost.send(raw: Array("GET / HTTP/1.1\r\n\r\n".utf8))
            #expect(try lost.next()?.kind == .hello)
            #expect(try lost.next()?.kind == .refusal)
            #expect(lost.close() != 0)
            let newer = try HostClient(lash: scratch + "/lash", greeting: false)
            try newer.send(Frame(.hello, json: Hello(version: 99, program: "las 99", host: nil)))
            #expect(try newer.next()?.kind == .hello)
            let refusal = try #require(try newer.next()).decode(Refusal.self)
            #expect(refusal.summary.contains("speaks version 99"))
        }
    }
}

/// Whether any process of the machine has this argument.
func isRunning(_ argument: String) -> Bool {
    let processes = (try? Folder.names(in: "/proc")) ?? []
    return processes.contains { name in
        guard Int(name) != nil, let line = try? File.read("/proc/\(name)/cmdline") else { return false }
        return line.split(separator: 0).contains { $0.elementsEqual(argument.utf8) }
    }
}
