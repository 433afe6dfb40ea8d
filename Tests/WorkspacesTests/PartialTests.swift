import Digests
import Files
import Glibc
import TestSupport
import Testing

@testable import Workspaces

/// Machines that know all files of a workspace and have only what is needed there: what is not there is never taken for removed, and
/// never the only one.
@Suite struct PartialTests {
    private func write(_ text: String, _ folder: String, _ path: String) throws {
        try Folder.make(File.parent(of: "\(folder)/\(path)"))
        try File.write(text, to: "\(folder)/\(path)", syncing: false)
    }

    private func text(_ folder: String, _ path: String) -> String? {
        (try? File.read("\(folder)/\(path)")).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The files that lie there, by their paths.
    private func files(_ folder: String) throws -> [String] {
        try listing(folder).filter { !$0.hasSuffix("/") }.map { String($0.split(separator: " ")[0].dropFirst()) }
    }

    private static let all: @Sendable (RelativePath) -> Bool = { _ in true }

    private static func only(_ names: String...) -> @Sendable (RelativePath) -> Bool {
        { path in names.contains { path.string == $0 || path.string.hasPrefix($0 + "/") } }
    }

    @Test func whatIsNotNeededIsKnownAndNotThere() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], partial: ["home"], in: scratch)
            let (lab, home) = (hub.machines[0].files, hub.machines[1].files)
            let long = String(repeating: "long ", count: 100_000)
            try write("1\n", lab, "a")
            try write(long, lab, "d/b")
            try write("3\n", lab, "d/c")
            symlink("a", lab + "/link")
            let before = hub.said
            try hub.settle()
            // Folders and links are there, and the bytes came to the middle alone.
            #expect(try listing(home) == ["/d/", "/link -> a"])
            #expect(hub.said - before < 600_000, "\(hub.said - before)")
            #expect((hub.machines[1].replica.map.entries == hub.middle.map.entries) as Bool)
            #expect(hub.machines[1].ends?.here.absent.map(\.string).sorted() == ["a", "d/b", "d/c"])
            // What is needed comes, also what is made meanwhile, and is kept in step from then on.
            try hub.need(1, "task", Self.only("d"))
            #expect(hub.machines[1].ends?.there.isInStep == false)
            try hub.pass()
            #expect(hub.machines[1].ends?.there.isInStep == true)
            #expect(text(home, "d/b") == long && text(home, "d/c") == "3\n")
            #expect(try files(home) == ["d/b", "d/c", "link"])
            try write("new\n", lab, "d/new")
            try write("not here\n", lab, "e")
            try write("again\n", lab, "a")
            try hub.settle()
            #expect(text(home, "d/new") == "new\n")
            #expect(hub.machines[1].replica.release("task"))
            try write("3 and more\n", lab, "d/c")
            try write("nobody needs it\n", lab, "d/late")
            try hub.settle()
            #expect(text(home, "d/c") == "3 and more\n")
            #expect(try files(home) == ["d/b", "d/c", "d/new", "link"])
            #expect(hub.machines[1].ends?.here.absent.map(\.string).sorted() == ["a", "d/late", "e"])
            // A look at all of it takes nothing for removed; what is removed elsewhere goes.
            try hub.look(1)
            try hub.settle()
            #expect(text(lab, "a") == "again\n" && text(lab, "e") == "not here\n")
            File.remove(lab + "/a")
            File.remove(lab + "/d/new")
            try hub.settle()
            #expect(try files(home) == ["d/b", "d/c", "link"])
            #expect(hub.machines[1].ends?.here.absent.map(\.string).sorted() == ["d/late", "e"])
            #expect(try files(lab) == ["d/b", "d/c", "d/late", "e", "link"])
        }
    }

    /// Who writes a name whose file is not there has not seen it.
    @Test func whoWritesWhatIsNotThereLosesNothing() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], partial: ["home"], in: scratch)
            let (lab, home) = (hub.machines[0].files, hub.machines[1].files)
            for name in ["a", "same"] { try write("of the lab\n", lab, name) }
            try hub.settle()
            try write("of home\n", home, "a")
            try write("of the lab\n", home, "same")
            try hub.settle()
            let found = try files(lab)
            #expect(found.count == 3 && found[0] == "a" && found[1].hasPrefix("a.collision-") && found[2] == "same")
            #expect(Set(found.prefix(2).map { text(lab, $0) ?? "" }) == ["of the lab\n", "of home\n"])
            // Who has one of them has the other one, too.
            #expect(try listing(home) == listing(lab))
        }
    }

    @Test func roomIsMadeOfWhatWasNotUsedForTheLongestTime() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], partial: ["home"], in: scratch)
            let (lab, home) = (hub.machines[0].files, hub.machines[1].files)
            for number in 1...5 { try write("\(number)" + String(repeating: ".", count: 999), lab, "f\(number)") }
            try hub.settle()
            try hub.need(1, "first", Self.only("f1", "f2"))
            try hub.need(1, "second", Self.only("f3", "f4"))
            try hub.settle()
            // What it has made itself.
            try write("own" + String(repeating: ".", count: 997), home, "own")
            try hub.look(1)
            // Nothing of what is needed, and not the only one there is.
            try hub.makeRoom(1, within: 0)
            #expect(try files(home) == ["f1", "f2", "f3", "f4", "own"])
            #expect(hub.machines[1].replica.release("first"))
            // The middle says at last that it has it.
            try hub.pass()
            #expect(hub.machines[1].replica.release("second"))
            for (number, name) in ["f3", "f1", "f4", "f2", "own"].enumerated() {
                hub.machines[1].replica.usedLast[RelativePath(name)!] = .max - 10 + Int64(number)
            }
            try hub.age(1)
            try hub.makeRoom(1, within: 3100)
            #expect(try files(home) == ["f2", "f4", "own"])
            try hub.makeRoom(1, within: 0)
            #expect(try files(home) == [])
            try hub.settle()
            #expect(try files(lab) == ["f1", "f2", "f3", "f4", "f5", "own"])
            #expect(hub.machines[1].ends?.here.absent.count == 6)
            #expect((hub.machines[1].replica.map.entries == hub.middle.map.entries) as Bool)
            // It comes back when it is needed, and says that it is there.
            try hub.need(1, "third", Self.only("own", "f5"))
            try hub.pass()
            #expect(try files(home) == ["f5", "own"])
            #expect(hub.machines[1].ends?.here.absent.map(\.string).sorted() == ["f1", "f2", "f3", "f4"])
        }
    }

    /// A program writes just then: before anybody has looked, or with the file still open.
    @Test func whatIsWrittenWhileRoomIsMadeStays() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], partial: ["home"], in: scratch)
            let (lab, home) = (hub.machines[0].files, hub.machines[1].files)
            for name in ["changed", "open", "gone", "quiet"] { try write("first\n", lab, name) }
            try hub.settle()
            try hub.need(1, "task", Self.all)
            try hub.settle()
            #expect(hub.machines[1].replica.release("task"))
            try hub.age(1)
            try write("changed at home\n", home, "changed")
            File.remove(home + "/gone")
            let file = open(home + "/open", O_WRONLY | O_CLOEXEC)
            try hub.makeRoom(1, within: 0)
            #expect(try files(home) == ["changed", "open"])
            try File.writeAll(Array("written to the open file\n".utf8), to: file, path: "open")
            close(file)
            try hub.settle()
            #expect(text(lab, "changed") == "changed at home\n")
            #expect(text(lab, "open") == "written to the open file\n")
            #expect(text(lab, "quiet") == "first\n")
            #expect(try files(lab) == ["changed", "open", "quiet"])
        }
    }

    /// What is known and not there is not forgotten, and not removed, by a process that comes again. Nor is what was to go when the one
    /// before was killed.
    @Test func aProcessThatComesAgainKnowsWhatIsNotThere() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], partial: ["home"], in: scratch)
            let (lab, home) = (hub.machines[0].files, hub.machines[1].files)
            for name in ["a", "b", "c"] { try write("of \(name)\n", lab, name) }
            try hub.settle()
            try hub.need(1, "task", Self.only("a", "b"))
            try hub.settle()
            #expect(hub.machines[1].replica.release("task"))
            try hub.age(1)
            try hub.makeRoom(1, within: 0)
            #expect(try files(home) == [])
            // It was written down that this one goes, and it has not gone yet.
            try write("of b\n", home, "b")
            try hub.restart(1)
            #expect(hub.machines[1].replica.absent.map(\.string).sorted() == ["a", "c"])
            try hub.settle()
            #expect(try files(home) == ["b"])
            #expect(try files(lab) == ["a", "b", "c"])
            // Cut off while it asks, it has it with the next connection.
            try hub.need(1, "again", Self.all)
            _ = try hub.pass(1, fromMiddle: false)
            hub.cut(1)
            hub.connect(1)
            try hub.pass()
            #expect(hub.machines[1].ends?.there.isInStep == true)
            #expect(try listing(home) == listing(lab))
        }
    }

    /// One that told of a file and had it is gone for good; others have it from the middle. What the middle has no longer nobody waits for.
    @Test func aMachineIsGoneForGood() throws {
        try withScratch { scratch in
            let hub = try Hub(["lab", "home"], partial: ["lab", "home"], in: scratch)
            let (lab, home) = (hub.machines[0].files, hub.machines[1].files)
            for name in ["a", "b"] { try write("of the lab: \(name)\n", lab, name) }
            try hub.settle()
            try write("never told\n", lab, "c")
            hub.cut(0)
            try Folder.remove(lab)
            try hub.need(1, "task", Self.only("a"))
            try hub.pass()
            #expect(text(home, "a") == "of the lab: a\n")
            // A person changes the middle's copy before anybody has looked.
            try write("of a person\n", hub.middle.folder.path, "b")
            try hub.need(1, "other", Self.only("b"))
            try hub.pass()
            #expect(hub.machines[1].ends?.there.isInStep == true)
            let changed = try hub.middle.lookAtAll()
            hub.machines[1].ends?.here.tell(changed, isNews: true)
            try hub.pass()
            #expect(text(home, "b") == "of a person\n")
        }
    }

    /// Machines that write, need, make room and restart at random moments, with cuts of their connections: nothing is lost that its own
    /// writer had not seen replaced, and who needs all of it has the same as the others.
    @Test(arguments: 1...8) func nothingIsLost(_ seed: Int) throws {
        try withScratch { scratch in
            let hub = try Hub(["a", "b", "c"], partial: ["b", "c"], in: scratch)
            var state = UInt64(seed)
            func number(_ limit: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % UInt64(limit))
            }
            var written: Set<String> = []
            var retired: Set<String> = []
            for step in 1...400 {
                let one = number(3)
                let machine = hub.machines[one]
                let path = "d\(number(2))/f\(number(6))"
                switch number(17) {
                case 0...3:
                    if let before = text(machine.files, path) { retired.insert(before) }
                    let content = "\(seed) \(step)\n"
                    try write(content, machine.files, path)
                    written.insert(content)
                    // Sometimes it has not been looked at when something else happens.
                    if number(3) > 0 { try hub.look(one) }
                case 4:
                    guard let before = text(machine.files, path) else { continue }
                    File.remove("\(machine.files)/\(path)")
                    retired.insert(before)
                    if number(3) > 0 { try hub.look(one) }
                case 5:
                    let to = "d\(number(2))/f\(number(6))"
                    guard path != to, text(machine.files, path) != nil,
                        File.exists("\(machine.files)/\(File.parent(of: to))")
                    else { continue }
                    if let before = text(machine.files, to) { retired.insert(before) }
                    rename("\(machine.files)/\(path)", "\(machine.files)/\(to)")
                    if number(3) > 0 { try hub.look(one) }
                case 6: if machine.ends == nil { hub.connect(one) } else { hub.cut(one) }
                case 7: try hub.need(one, "\(number(3))", Self.only(path, "d\(number(2))/f\(number(6))"))
                case 8: _ = machine.replica.release("\(number(3))")
                case 9:
                    try hub.age(one)
                    try hub.makeRoom(one, within: Int64(number(2) * 10))
                case 10 where number(4) == 0: try hub.restart(one)
                default: for _ in 1...number(6) + 1 { _ = try hub.pass(one, fromMiddle: number(2) == 0) }
                }
            }
            try hub.settle()
            for machine in hub.machines {
                #expect((machine.replica.map.entries == hub.middle.map.entries) as Bool)
                // Where it is not known to be absent, it is there.
                let here = Set(try files(machine.files))
                let known = hub.middle.map.view.filter { $0.value.version.content.kind == .file }.keys.map(\.string)
                let absent = Set(machine.replica.absent.map(\.string))
                #expect(Set(known).subtracting(absent) == here)
                #expect(absent.isSubset(of: known))
                #expect(machine.ends?.here.absent == machine.replica.absent)
            }
            for number in [1, 2] { try hub.need(number, "all", Self.all) }
            try hub.settle()
            let whole = try listing(hub.middle.folder.path)
            var found: Set<String> = []
            for path in try files(hub.middle.folder.path) { found.insert(text(hub.middle.folder.path, path) ?? "") }
            for machine in hub.machines {
                #expect(try listing(machine.files) == whole)
                #expect(machine.replica.absent.isEmpty)
                #expect(try Folder.names(in: machine.replica.incoming).isEmpty)
            }
            #expect(written.subtracting(retired).subtracting(found) == [])
            #expect(found.subtracting(written) == [])
        }
    }
}
