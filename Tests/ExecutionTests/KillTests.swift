import Execution
import Files
import Glibc
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing

/// The runtime is killed at random moments and resumed, again and again, until the run has ended.
@Suite(.serialized) struct KillTests {
    /// 200 in the soak.
    static let kills = isSoak ? 200 : 25
    static let isSoak = Program("true").environment["LAS_SOAK"] == "1"

    /// Some 300 tasks: a scatter with a second one behind it, a loop, turns with `until`, stations that are tried again.
    static func metro(items: Int, marker: String) -> Plan {
        let files = (1...items).map {
            PlannedFile(name: "n\($0)", path: "/.las/inputs/numbers/n\($0).txt", source: "numbers/n\($0).txt")
        }
        return Plan(
            metro: "kill", environments: [PlannedEnvironment(id: .main, needs: Needs())],
            inputs: [PlannedInput(name: "numbers", kind: .files, files: files)],
            stations: [
                station(
                    "double", ": \(marker); read n < {each}; sleep 0.01; echo $((2 * n)) > {out}",
                    out: ["{name}.txt"], forEach: [Taken(.input("numbers"))], usesNetwork: true),
                station(
                    "again",
                    ": \(marker); echo half > {out}; (( RANDOM % 12 )) || exit 1; cat {each} {each} > {out}",
                    out: ["{name}.txt"], forEach: [from("double")], retry: 9),
                station(
                    "grow", ": \(marker); cat {in} > {out}; echo {turn} >> {out}", takes: [from("double")],
                    turns: Turns(count: items / 3, feed: "double")),
                station(
                    "until", ": \(marker); echo {turn} > {out}",
                    turns:
                        Turns(count: items, until: [.value(in: "out.txt", .above(Double(items / 4)))])),
                station(
                    "daemon", ": \(marker); (exec -a \(marker) sleep 1000 > /dev/null 2>&1 &); echo d > {out}",
                    usesNetwork: true),
                station(
                    "sum", "cat {again} {grow} {until} > {out}", takes: [from("again"), from("grow"), from("until")]),
            ],
            results: ["again", "grow", "until", "sum", "daemon"].map { PlannedResult(station: StationID($0)) })
    }

    @Test func killedAtAnyMomentItGoesOnToTheSameResults() throws {
        try withScratch { scratch in
            let marker = "las-kill-\(UInt32.random(in: 0 ... .max))"
            let given = Self.metro(items: 100, marker: marker)
            let numbers = Dictionary(
                uniqueKeysWithValues: (1...100).map { ("inputs/numbers/n\($0).txt", "\($0)\n") })
            let lash = LASH(root: scratch + "/lash")
            // Undisturbed, with nothing that the others could take.
            let whole = try TestRun.perform(given, numbers, in: scratch, name: "whole")
            try #require(whole.ended.succeeded, "\(whole.events.filter { $0.kind == .taskFailed })")
            try Folder.remove(lash.tasks)
            let parts = try ShippedMetro(given, numbers, in: scratch)
            let client = try HostClient(lash: lash.root)
            try parts.ship(over: client)

            var (killed, runs, within) = (0, 0, 0)
            while killed < Self.kills {
                runs += 1
                let name = "run-\(runs)"
                let folder = RunFolder(RunID(name)!, in: lash)
                _ = try client.start(name, parts.all)
                var isOver = false
                while !isOver {
                    if killed < Self.kills {
                        wait(in: folder)
                        isOver = try Self.kill(folder)
                        killed += isOver ? 0 : 1
                        let done = Journal.read(folder.journal).count { $0.kind == .taskDone }
                        if !isOver, done > 0, done < 330 { within += 1 }
                        try Self.expectNothingLeft(of: marker, in: scratch)
                        if !isOver { _ = try client.resume(name) }
                    } else {
                        isOver = true
                    }
                }
                let events = try client.follow(name)
                let end = try #require(events.last)
                #expect(end.succeeded == true, "\(end)")
                ResumeTests.expectNothingTwice(Journal.read(folder.journal))
                #expect(end.files == whole.events.last?.files)
                #expect(File.areSame(folder.results, whole.folder.results))
                #expect(!File.exists(folder.tasks))
                try Self.expectNothingLeft(of: marker, in: scratch)
                // Of which it was is told by the name.
                let left = ((try? Folder.names(in: lash.temporary)) ?? [])
                #expect(left.isEmpty, "\(left)")
                try Folder.remove(folder.path)
                try Folder.remove(lash.tasks)
            }
            #expect(within > Self.kills / 4, "\(within) of \(killed) in \(runs) runs")
        }
    }

    /// Until a random moment: some of a run's beginning, most after so many bytes more in its journal.
    private func wait(in folder: RunFolder) {
        if Int.random(in: 0..<4) == 0 {
            usleep(UInt32.random(in: 0...200_000))
            return
        }
        func size() -> Int64 { File.status(folder.journal)?.size ?? 0 }
        let wanted = size() + Int64.random(in: 0...20_000)
        // However slow the machine is: else it might be killed each time before it has done anything.
        var looks = 0
        while size() < wanted, Journal.last(folder.journal)?.kind != .runEnded, looks < 240_000 {
            usleep(500)
            looks += 1
        }
        usleep(UInt32.random(in: 0...3000))
    }

    /// - Returns: whether the run was over before it was killed.
    private static func kill(_ folder: RunFolder) throws -> Bool {
        if Journal.last(folder.journal)?.kind == .runEnded { return true }
        // Also one that has not written its number yet, or is just ending.
        while Journal.isHeld(folder.journal) {
            guard let pid = try folder.process ?? Self.piece(of: folder) else { continue }
            Glibc.kill(pid, SIGKILL)
            usleep(2000)
        }
        return Journal.last(folder.journal)?.kind == .runEnded
    }

    /// By the arguments of its process.
    private static func piece(of folder: RunFolder) throws -> Int32? {
        let name = File.name(of: folder.path)
        for process in try Folder.names(in: "/proc").compactMap({ Int32($0) }) {
            guard let bytes = try? File.read("/proc/\(process)/cmdline") else { continue }
            let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if words.contains("piece"), words.contains(name), words.contains(where: { folder.path.hasPrefix($0) }) {
                return process
            }
        }
        return nil
    }

    /// No process, no mount and no loop device; the kernel takes a moment to end them.
    private static func expectNothingLeft(of marker: String, in scratch: String) throws {
        var left: [String] = []
        for _ in 0..<6000 {
            left = try processes(marker) + mounts(scratch) + loops(scratch)
            if left.isEmpty { return }
            usleep(10_000)
        }
        #expect(left == [])
    }

    private static func processes(_ marker: String) throws -> [String] {
        try Folder.names(in: "/proc").filter { Int32($0) != nil && Int32($0) != getpid() }.filter { process in
            guard let bytes = try? File.read("/proc/\(process)/cmdline") else { return false }
            let text = String(decoding: bytes, as: UTF8.self)
            return text.contains(marker)
        }
    }

    private static func mounts(_ scratch: String) throws -> [String] {
        String(decoding: try File.read("/proc/self/mountinfo"), as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.contains(scratch) }
    }

    private static func loops(_ scratch: String) throws -> [String] {
        try Folder.names(in: "/sys/block").filter { $0.hasPrefix("loop") }.filter { name in
            guard let file = try? File.read("/sys/block/\(name)/loop/backing_file") else { return false }
            return String(decoding: file, as: UTF8.self).contains(scratch)
        }
    }
}
