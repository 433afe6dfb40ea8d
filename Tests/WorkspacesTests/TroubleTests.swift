import CLinux
import Digests
import Files
import Glibc
import TestSupport
import Testing
import Threads

@testable import Workspaces

/// What goes wrong on machines, and what they may do that is odd.
@Suite struct TroubleTests {
    private static let isSoak = Program("true").environment["LAS_SOAK"] == "1"

    private func write(_ text: String, _ machine: Hub.Machine, _ path: String) throws {
        try Folder.make(File.parent(of: "\(machine.files)/\(path)"))
        try File.create("\(machine.files)/\(path)", text)
    }

    private func text(_ path: String) -> String? {
        (try? File.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// All files of a folder with what stands in them.
    private func contents(_ folder: String, _ path: String = "") throws -> [ExactText: Digest] {
        var found: [ExactText: Digest] = [:]
        for name in try Folder.names(in: folder + path) {
            let inside = "\(path)/\(name)"
            if File.status(folder + inside)?.kind == .folder {
                found.merge(try contents(folder, inside)) { one, _ in one }
            } else {
                found[ExactText(inside)] = Digest(of: try File.read(folder + inside))
            }
        }
        return found
    }

    /// The disk of one machine is full: it says so, has nothing half-written, and gets the rest when there is room.
    @Test func aFullDisk() throws {
        try withScratch { scratch in
            let disk = scratch + "/home"
            try Folder.make(disk)
            // A user can't mount one: nothing to be tested then.
            guard try Program("mount").run("-t", "tmpfs", "-o", "size=2m", "tmpfs", disk).status == 0 else { return }
            defer { _ = try? Program("umount").run("-l", disk) }
            let hub = try Hub(["lab", "home"], in: scratch)
            for number in 0..<40 {
                try write("\(number)" + String(repeating: "small ", count: 5000), hub.machines[0], "d/\(number)")
            }
            try write("1" + String(repeating: "long ", count: 200_000), hub.machines[0], "long")
            for _ in 1...2 {
                try hub.look(0)
                let failure = #expect(throws: FileFailure.self) { try hub.pass() }
                #expect(failure.map { "\($0)".contains("No space left on device") } == true)
                hub.cut(1)
                try hub.pass()
                let whole = try contents(hub.machines[0].files)
                for (path, digest) in try contents(hub.machines[1].files) { #expect(whole[path] == digest, "\(path)") }
                hub.connect(1)
            }
            #expect(try Program("mount").run("-o", "remount,size=64m", disk).status == 0)
            hub.cut(1)
            try hub.settle()
            #expect(try contents(hub.machines[1].files) == contents(hub.machines[0].files))
            // What it wrote down on the full disk can be read.
            let again = try Replica(scratch + "/home", host: "home", rule: .keepBoth)
            #expect(again.map.entries == hub.middle.map.entries)
        }
    }

    /// Who is right is not told by clocks.
    @Test func aClockThatIsADayBehind() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            func setBack(_ machine: Hub.Machine, _ path: String) {
                let yesterday = timeval(tv_sec: time(nil) - 86_400, tv_usec: 0)
                utimes("\(machine.files)/\(path)", [yesterday, yesterday])
            }
            try write("first\n", hub.machines[0], "a")
            try hub.settle()
            try write("again\n", hub.machines[1], "a")
            setBack(hub.machines[1], "a")
            try hub.settle()
            #expect(text(hub.machines[0].files + "/a") == "again\n")
            #expect(try Folder.names(in: hub.machines[0].files) == ["a"])
            try write("of the lab\n", hub.machines[0], "a")
            try write("of home\n", hub.machines[1], "a")
            setBack(hub.machines[1], "a")
            try hub.settle()
            for machine in hub.machines {
                let found = Set(try Folder.names(in: machine.files).map { text("\(machine.files)/\($0)") ?? "" })
                #expect(found == ["of the lab\n", "of home\n"])
            }
        }
    }

    /// One machine is gone for good while it tells something: the others go on, with what had come whole.
    @Test func aMachineThatIsGoneForGood() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home", "office"], in: scratch)
            for number in 0..<200 {
                let size = number % 10 == 0 ? 300_000 : 5000
                try write("\(number) " + String(repeating: "x", count: size), hub.machines[0], "f\(number)")
            }
            let whole = try contents(hub.machines[0].files)
            try hub.look(0)
            for _ in 1...8 {
                _ = try hub.pass(0, fromMiddle: false)
                _ = try hub.pass(0, fromMiddle: true)
            }
            hub.cut(0)
            try Folder.remove(hub.machines[0].files)
            try write("of home\n", hub.machines[1], "new")
            for _ in 1...2 {
                for number in 1...2 { try hub.look(number) }
                try hub.pass()
            }
            let found = try contents(hub.machines[2].files)
            #expect(!found.isEmpty && found.count < 201)
            for (path, digest) in found where path != ExactText("/new") { #expect(whole[path] == digest, "\(path)") }
            #expect(found[ExactText("/new")] == Digest(of: "of home\n"))
            #expect(try contents(hub.machines[1].files) == found && contents(hub.middle.folder.path) == found)
        }
    }

    @Test func namesOfAllKinds() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            let names = [
                "two words", " begins and ends ", "Größe.txt", "caf\u{E9}", "cafe\u{301}", "файл", "文件/名前", "a\nb",
                "-rf",
                "*", "'", "\"", "\\", "\u{202E}txt", ".hidden", "a:b", String(repeating: "é", count: 127),
            ]
            for (number, name) in names.enumerated() { try write("\(number)\n", hub.machines[0], name) }
            try hub.settle()
            for (number, name) in names.enumerated() {
                #expect(text("\(hub.machines[1].files)/\(name)") == "\(number)\n", "\(name)")
            }
            #expect(try contents(hub.machines[1].files) == contents(hub.machines[0].files))
            // Written at once, the longest has no room for what tells its collision: it is cut.
            for machine in hub.machines { try write("of \(machine.replica.host)\n", machine, names[names.count - 1]) }
            try hub.settle()
            let found = try contents(hub.machines[0].files)
            #expect(found.count == names.count + 1)
            #expect(try contents(hub.machines[1].files) == found)
        }
    }

    /// A program writes to a file that was told of, before or while it is sent: that one does not come, nobody asks for it again and again,
    /// and the next version comes.
    @Test(arguments: [100_000, 400_000]) func aFileThatChangesWhileItIsSent(_ size: Int) throws {
        try withScratch { scratch in
            // After so many messages of both sides: before it is opened, after its list, among its bytes.
            for moment in 0...6 {
                let hub = try Hub(["lab"], in: "\(scratch)/\(moment)")
                let path = hub.machines[0].files + "/a"
                var bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
                try File.write(bytes, to: path, syncing: false)
                try hub.look(0)
                for _ in 0..<moment {
                    _ = try hub.pass(0, fromMiddle: false)
                    _ = try hub.pass(0, fromMiddle: true)
                }
                bytes[size / 2] ^= 1
                bytes.append(7)
                let file = open(path, O_WRONLY | O_CLOEXEC)
                try File.writeAll(bytes, to: file, path: path)
                close(file)
                try hub.pass()
                if let there = try? File.read(hub.middle.folder.path + "/a") { #expect(there.count == size) }
                try hub.settle()
                #expect((try File.read(hub.middle.folder.path + "/a") == bytes) as Bool, "\(moment)")
            }
        }
    }

    /// A program that adds to a file again and again, and one that has it open all the time.
    @Test func aFileThatGrowsWhileItIsTold() throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, watches: true)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, watches: true)
            let wire = try ShareTests.Wire(one, other)
            defer { wire.end() }
            let path = scratch + "/one/files/log"
            let held = open(scratch + "/one/files/held", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            var whole: [UInt8] = []
            for number in 0..<300 {
                let line = Array("line \(number) \(String(repeating: "x", count: 1000))\n".utf8)
                whole += line
                let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
                try File.writeAll(line, to: file, path: path)
                close(file)
                try File.writeAll(line, to: held, path: path)
                if number % 7 == 0 { usleep(4000) }
                // What the other one sees is a beginning of it that ends with a line.
                if let seen = text(scratch + "/other/files/log") {
                    #expect(whole.starts(with: seen.utf8) && (seen.isEmpty || seen.utf8.last == UInt8(ascii: "\n")))
                }
                #expect(!File.exists(scratch + "/other/files/held"))
            }
            close(held)
            for name in ["log", "held"] {
                let begun = ContinuousClock.now
                while (try? File.read("\(scratch)/other/files/\(name)")) != whole,
                    ContinuousClock.now - begun < .seconds(180)
                { usleep(1000) }
                #expect((try File.read("\(scratch)/other/files/\(name)") == whole) as Bool)
            }
        }
    }

    // MARK: What takes long

    @Test(.enabled(if: isSoak, "it takes long: make soak")) func aGigabyteOfWhichAMegabyteChanges() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            let path = hub.machines[0].files + "/large"
            try Folder.make(hub.machines[0].files)
            #expect(try Program("sh").run("-c", "head -c 1073741824 /dev/urandom > \(path)").status == 0)
            try hub.settle()
            let change = "head -c 1048576 /dev/urandom | dd of=\(path) bs=1M seek=500 conv=notrunc status=none"
            #expect(try Program("sh").run("-c", change).status == 0)
            let before = hub.said
            try hub.settle()
            let cost = (hub.said - before) / 2
            #expect(cost < 1_153_434 + (64 << 10), "\(cost)")
            let same = try Program("cmp").run(path, hub.machines[1].files + "/large")
            #expect(same.status == 0)
        }
    }

    @Test(.enabled(if: isSoak, "it takes long: make soak")) func aHundredThousandFiles() throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, watches: true)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, watches: true)
            let wire = try ShareTests.Wire(one, other)
            defer { wire.end() }
            for number in 0..<100_000 {
                if number % 1000 == 0 { try Folder.make("\(scratch)/one/files/d\(number / 1000)") }
                try File.create("\(scratch)/one/files/d\(number / 1000)/f\(number)", "file \(number)\n")
            }
            let begun = ContinuousClock.now
            while other.map.entries.count < 100_100, ContinuousClock.now - begun < .seconds(600) { usleep(100_000) }
            #expect(try contents(scratch + "/other/files") == contents(scratch + "/one/files"))
            // One more is told soon.
            let told = ContinuousClock.now
            try File.create(scratch + "/one/files/d7/more", "more\n")
            while text(scratch + "/other/files/d7/more") != "more\n", ContinuousClock.now - told < .seconds(60) {
                usleep(500)
            }
            #expect(text(scratch + "/other/files/d7/more") == "more\n")
            print("one more of 100,000 was told in \(ContinuousClock.now - told)")
        }
    }

    /// Four machines write the same 200 names at random, 10,000 times, while their connections are cut and mended. Each puts a file into
    /// place whole, and knows what it put it over: that alone may be gone at the end.
    @Test(.enabled(if: isSoak, "it takes long: make soak")) func tenThousandWritesOfFourMachines() throws {
        try withScratch { scratch in
            let middle = try Share(scratch + "/head", host: "head", rule: .keepBoth)
            let hosts = ["a", "b", "c", "d"]
            var wires: [ShareTests.Wire] = []
            for host in hosts {
                let share = try Share("\(scratch)/\(host)", host: host, rule: .keepBoth, watches: true)
                wires.append(try ShareTests.Wire(middle, share))
            }
            defer { for wire in wires { wire.end() } }
            let told = Monitor((written: Set<String>(), replaced: Set<String>()))
            let writers = try hosts.map { host in
                try OwnThread {
                    for number in 1...2500 {
                        let content = "\(host) \(number) \(UInt64.random(in: 0 ... .max))\n"
                        let (new, place) = (
                            "\(scratch)/\(host)/new", "\(scratch)/\(host)/files/f\(Int.random(in: 0..<200))"
                        )
                        try? File.create(new, content)
                        told.change { _ = $0.written.insert(content) }
                        while true {
                            if link(new, place) == 0 { break }
                            if las_exchange(AT_FDCWD, new, AT_FDCWD, place) == 0 {
                                let before = (try? File.read(new)).map { String(decoding: $0, as: UTF8.self) } ?? ""
                                told.change { _ = $0.replaced.insert(before) }
                                break
                            }
                        }
                        unlink(new)
                        usleep(UInt32.random(in: 0..<40_000))
                    }
                }
            }
            let isWriting = Monitor(true)
            let cutter = try OwnThread { [wires] in
                while isWriting.change({ $0 }) {
                    let wire = wires[Int.random(in: 0..<4)]
                    wire.cut()
                    usleep(UInt32.random(in: 0..<400_000))
                    wire.mend()
                    usleep(UInt32.random(in: 0..<400_000))
                }
            }
            for writer in writers { writer.join() }
            isWriting.change { $0 = false }
            cutter.join()
            for wire in wires { wire.mend() }
            let begun = ContinuousClock.now
            func isAlike() throws -> Bool {
                let first = try contents(scratch + "/a/files")
                return try hosts.allSatisfy { try contents("\(scratch)/\($0)/files") == first }
                    && wires.allSatisfy { $0.other.map.entries == middle.map.entries }
            }
            while (try? isAlike()) != true, ContinuousClock.now - begun < .seconds(300) { usleep(100_000) }
            #expect(try isAlike())
            var found: Set<String> = []
            for name in try Folder.names(in: scratch + "/a/files") {
                found.insert(text("\(scratch)/a/files/\(name)") ?? "")
            }
            let (written, replaced) = told.change { $0 }
            #expect(written.count == 10_000)
            #expect(written.subtracting(replaced).subtracting(found) == [])
            #expect(found.subtracting(written) == [])
            print("10,000 writes: \(replaced.count) replaced, \(found.count) files at the end")
        }
    }
}
