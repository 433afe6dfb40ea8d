import Digests
import Dispatch
import Files
import Glibc
import TestSupport
import Testing
import Threads

@testable import Workspaces

/// Machines that share a workspace with real folders, by what they say to each other.
@Suite struct ReplicaTests {
    private func write(_ text: String, _ machine: Hub.Machine, _ path: String, mode: UInt32 = 0o644) throws {
        try Folder.make(File.parent(of: "\(machine.files)/\(path)"))
        try File.write(text, to: "\(machine.files)/\(path)", mode: mode, syncing: false)
    }

    private func text(_ machine: Hub.Machine, _ path: String) -> String? {
        (try? File.read("\(machine.files)/\(path)")).map { String(decoding: $0, as: UTF8.self) }
    }

    private func expectAlike(_ hub: Hub) throws {
        let first = try listing(hub.middle.folder.path)
        for machine in hub.machines {
            #expect(try listing(machine.files) == first, "\(machine.replica.host)")
            #expect(machine.replica.map.entries == hub.middle.map.entries, "\(machine.replica.host)")
            #expect(try Folder.names(in: machine.replica.incoming).isEmpty)
        }
    }

    @Test func whatOneMakesAllHave() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            try write("1\n", hub.machines[0], "a.txt")
            try write("#!/bin/sh\n", hub.machines[0], "bin/tool", mode: 0o755)
            try write("", hub.machines[0], "naïve name\twith “signs”/empty")
            try Folder.make(hub.machines[0].files + "/folder/inside")
            symlink("../a.txt", hub.machines[0].files + "/bin/link")
            try hub.settle()
            try expectAlike(hub)
            #expect(text(hub.machines[1], "bin/link") == "1\n")
            // Changed, renamed, removed.
            try write("2\n", hub.machines[1], "a.txt")
            rename(hub.machines[1].files + "/bin", hub.machines[1].files + "/programs")
            rmdir(hub.machines[1].files + "/folder/inside")
            let before = hub.said
            try hub.settle()
            try expectAlike(hub)
            #expect(text(hub.machines[0], "a.txt") == "2\n")
            #expect(text(hub.machines[0], "programs/tool") == "#!/bin/sh\n")
            #expect(!File.exists(hub.machines[0].files + "/bin"))
            #expect(!File.exists(hub.machines[0].files + "/folder/inside"))
            #expect(hub.said - before < 20_000)
        }
    }

    /// A file moves on one machine, and the copy of it that another one has is overwritten there before it hears of that.
    @Test func bytesThatVanishBeforeTheyHaveTheirPlaceAreAskedForAgain() throws {
        for hasLooked in [false, true] {
            try withScratch { scratch in
                let hub = try Hub(["lab", "home"], in: scratch)
                try write("of the lab\n", hub.machines[0], "new")
                try hub.settle()
                rename(hub.machines[0].files + "/new", hub.machines[0].files + "/kept")
                try hub.look(0)
                try write("of home\n", hub.machines[1], "new")
                if hasLooked { try hub.look(1) }
                try hub.pass()
                #expect(text(hub.machines[1], "kept") == "of the lab\n")
                try hub.settle()
                try expectAlike(hub)
                #expect(text(hub.machines[0], "new") == "of home\n")
            }
        }
    }

    /// The most natural way to settle it, by hand.
    @Test func aVersionThatIsMovedOverTheOtherStays() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            try write("of the lab\n", hub.machines[0], "a")
            try write("from home\n", hub.machines[1], "a")
            try hub.settle()
            let files = hub.machines[0].files
            let beside = try #require(try Folder.names(in: files).first { $0 != "a" })
            let wanted = text(hub.machines[0], beside)
            #expect(rename("\(files)/\(beside)", files + "/a") == 0)
            try hub.settle()
            try expectAlike(hub)
            #expect(try Folder.names(in: hub.machines[1].files) == ["a"])
            #expect(text(hub.machines[1], "a") == wanted)
        }
    }

    @Test func whatTwoWroteAtOnceIsKeptEverywhere() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home", "office"], in: scratch)
            try write("common\n", hub.machines[0], "a")
            try hub.settle()
            try write("of the lab\n", hub.machines[0], "a")
            try write("from home\n", hub.machines[1], "a")
            try hub.settle()
            try expectAlike(hub)
            let names = try Folder.names(in: hub.middle.folder.path)
            #expect(names.count == 2 && names[1].hasPrefix("a.collision-"))
            #expect(Set(names.map { text(hub.machines[2], $0) ?? "" }) == ["of the lab\n", "from home\n"])
            // What is kept beside is removed by who has looked at it.
            File.remove("\(hub.machines[2].files)/\(names[1])")
            try hub.settle()
            try expectAlike(hub)
            #expect(try Folder.names(in: hub.machines[0].files) == ["a"])
        }
    }

    @Test func aMachineThatWasAwayCatchesUp() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            try write("1\n", hub.machines[0], "a")
            try hub.settle()
            hub.cut(1)
            try write("2\n", hub.machines[0], "a")
            try write("new\n", hub.machines[0], "b")
            try write("mine\n", hub.machines[1], "c")
            try hub.look(0)
            try hub.pass()
            #expect(text(hub.machines[1], "a") == "1\n")
            try hub.settle()
            try expectAlike(hub)
            #expect(text(hub.machines[1], "a") == "2\n" && text(hub.machines[0], "c") == "mine\n")
        }
    }

    @Test func aProcessThatWasKilledKnowsWhatItKnew() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab"], in: scratch)
            try write("1\n", hub.machines[0], "a")
            try write("1\n", hub.machines[0], "gone")
            try hub.settle()
            File.remove(hub.machines[0].files + "/gone")
            let journal = "\(scratch)/lab/map"
            var bytes = try File.read(journal)
            bytes += Array("{\"name\":\"a\",\"ent".utf8)
            try File.write(bytes, to: journal)
            let again = try Replica(scratch + "/lab", host: "lab", rule: .keepBoth)
            #expect(again.map.entries == hub.machines[0].replica.map.entries)
            #expect(again.lying == hub.machines[0].replica.lying)
            #expect(again.nextNumber > 1)
            #expect(try again.lookAtAll() == [RelativePath("gone")!])
            #expect(try again.lookAtAll() == [])
        }
    }

    /// A megabyte in the middle of a large file, or something put before its beginning, costs about that.
    @Test func aChangeCostsWhatItIs() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            // The same each time: where it is cut, and so what a change costs, follows from it (xorshift64).
            var random: UInt64 = 0x5EED
            func bytes(_ count: Int) -> [UInt8] {
                var bytes: [UInt8] = []
                bytes.reserveCapacity(count)
                while bytes.count < count {
                    random ^= random << 13
                    random ^= random >> 7
                    random ^= random << 17
                    withUnsafeBytes(of: random) { bytes += $0 }
                }
                return bytes
            }
            var content = bytes(12 << 20)
            let path = hub.machines[0].files + "/large"
            try File.write(content, to: path, syncing: false)
            try hub.settle()
            #expect(hub.said > 24 << 20)
            let listed = hub.listed
            for change in [0, 1] {
                if change == 0 {
                    content.replaceSubrange(5 << 20..<6 << 20, with: bytes(1 << 20))
                } else {
                    content = bytes(100_000) + content
                }
                try File.write(content, to: path, syncing: false)
                let before = hub.said
                try hub.settle()
                // To the middle and on to the other one.
                let cost = (hub.said - before) / 2
                #expect(cost < (change == 0 ? 1_100_000 + (64 << 10) : 100_000 + (96 << 10)), "\(cost)")
                #expect(try File.read(hub.machines[1].files + "/large") == content)
            }
            // Where it is cut is not told anew: neither of them has the version before any more, but both know how it was cut.
            #expect(hub.listed - listed < 24_000, "\(hub.listed - listed)")
        }
    }

    @Test func whatIsBeingWrittenIsToldLater() throws {
        try withScratch { scratch in
            let replica = try Replica(scratch + "/lab", host: "lab", rule: .keepBoth)
            let path = replica.folder.path + "/a"
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            try File.writeAll(Array("half".utf8), to: file, path: path)
            let early = try replica.scan(settled: false)
            #expect(early.changed == [] && early.isUnsettled)
            close(file)
            // Until what is written next would bear another time.
            var scan = try replica.scan(settled: false)
            let begun = ContinuousClock.now
            // Or a child of another test has not let go of it yet.
            while scan.isUnsettled, ContinuousClock.now - begun < .seconds(120) {
                usleep(1000)
                scan = try replica.scan(settled: false)
            }
            #expect(scan.changed == [RelativePath("a")!] && !scan.isUnsettled)
        }
    }

    /// A program that puts a link to elsewhere into the place of a folder makes nobody leave the workspace.
    @Test func nobodyIsLedOutOfTheFolder() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], in: scratch)
            try write("1\n", hub.machines[0], "d/a")
            try hub.settle()
            let outside = scratch + "/outside"
            try Folder.make(outside)
            try File.write("secret\n", to: outside + "/a")
            try Folder.remove(hub.machines[1].files + "/d")
            symlink(outside, hub.machines[1].files + "/d")
            try write("2\n", hub.machines[0], "d/a")
            try write("3\n", hub.machines[0], "d/b")
            try hub.settle()
            #expect(try File.read(outside + "/a") == Array("secret\n".utf8))
            #expect(try Folder.names(in: outside) == ["a"])
            for machine in hub.machines { #expect(text(machine, "d/a") == "2\n") }
            try expectAlike(hub)
        }
    }

    /// Machines that do what they like at random moments, with cuts of their connections: all are alike at the end, and nothing is lost
    /// that its own writer had not seen replaced.
    @Test(arguments: 1...10) func nothingIsLost(_ seed: Int) throws {
        try withScratch { scratch in
            let hub = try Hub(["a", "b", "c", "d"], in: scratch)
            var state = UInt64(seed)
            func number(_ limit: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % UInt64(limit))
            }
            var written: Set<String> = []
            var retired: Set<String> = []
            for step in 1...400 {
                let one = number(4)
                let machine = hub.machines[one]
                switch number(13) {
                case 0...3:
                    let path = "d\(number(2))/f\(number(6))"
                    if let before = text(machine, path) { retired.insert(before) }
                    try write("\(seed) \(step)\n", machine, path)
                    written.insert("\(seed) \(step)\n")
                    try hub.look(one)
                case 4:
                    let path = "d\(number(2))/f\(number(6))"
                    guard let before = text(machine, path) else { continue }
                    File.remove("\(machine.files)/\(path)")
                    retired.insert(before)
                    try hub.look(one)
                case 5:
                    let (from, to) = ("d\(number(2))/f\(number(6))", "d\(number(2))/f\(number(6))")
                    guard from != to, text(machine, from) != nil, File.exists("\(machine.files)/\(File.parent(of: to))")
                    else { continue }
                    if let before = text(machine, to) { retired.insert(before) }
                    rename("\(machine.files)/\(from)", "\(machine.files)/\(to)")
                    try hub.look(one)
                case 6: if machine.ends == nil { hub.connect(one) } else { hub.cut(one) }
                default: for _ in 1...number(6) + 1 { _ = try hub.pass(one, fromMiddle: number(2) == 0) }
                }
                #expect(machine.replica.map.view == machine.replica.map.viewAnew)
            }
            try hub.settle()
            try expectAlike(hub)
            func texts(_ folder: String) throws -> Set<String> {
                var found: Set<String> = []
                for name in try Folder.names(in: folder) {
                    let path = "\(folder)/\(name)"
                    if File.status(path)?.kind == .folder {
                        found.formUnion(try texts(path))
                    } else {
                        found.insert(String(decoding: try File.read(path), as: UTF8.self))
                    }
                }
                return found
            }
            let found = try texts(hub.middle.folder.path)
            #expect(written.subtracting(retired).subtracting(found) == [])
            #expect(found.subtracting(written) == [])
        }
    }
}
