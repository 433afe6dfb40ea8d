import Digests
import Execution
import Failures
import Files
import Glibc
import HostProtocol
import Parts
import Plan
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
            #expect(try Folder.names(in: scratch + "/lash/tmp").isEmpty)
            #expect(try client.ship(part, extents, whole).digest == part.digest)
        }
    }

    @Test func aConnectionThatIsCutLeavesNothingBehind() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("a", "echo")]), in: scratch)
            try client.begin(metro.parts[0].part, metro.parts[0].extents)
            try client.send(Frame(kind: .data, payload: Array(metro.parts[0].bytes.prefix(1000))))
            #expect(client.close() != 0)
            #expect(((try? Folder.names(in: scratch + "/lash/parts")) ?? []).isEmpty)
            #expect(try Folder.names(in: scratch + "/lash/tmp").isEmpty)
        }
    }

    @Test func whatCanNotBeDoneIsRefused() throws {
        try withScratch { scratch in
            let client = try HostClient(lash: scratch + "/lash")
            let metro = try ShippedMetro(plan([station("a", "sleep 0.3; : > {out}")]), in: scratch)
            func refusal(_ body: () throws -> Void) -> String? {
                #expect(throws: Refusal.self, performing: body)?.summary
            }
            #expect(refusal { _ = try client.start("r", metro.all) }?.contains("is not on this host") == true)
            try metro.ship(over: client)
            #expect(refusal { _ = try client.start("r", [metro.all[0]]) } == "a run needs the image of a metro")
            #expect(refusal { _ = try client.start("r", metro.all, engine: "magic") } == "there is no engine “magic”")
            _ = try client.start("long", metro.all)
            #expect(
                refusal {
                    try client.send(Frame(.clean, json: Clean(run: RunID("long")!)))
                    _ = try client.answer(.done, Done.self)
                } == "the run long is going on")
            // The moment that it has ended it can be cleaned.
            #expect(try client.follow("long").last?.kind == .runEnded)
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
            let metro = try ShippedMetro(plan([station("a", "sleep 0.7; echo done > {out}")]), in: scratch)
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
            for _ in 1...200 where isRunning(seconds) { usleep(10_000) }
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
