import Digests
import Files
import JSON
import Testing

@testable import Workspaces

/// The protocol without disks and connections: maps that are merged in any order come out the same, and lose nothing.
@Suite struct SharedMapTests {
    private func file(_ text: String) -> FileContent {
        FileContent(kind: .file, size: Int64(text.utf8.count), digest: Digest(of: text), mode: 0o644)
    }

    private func map(_ writes: [(String, String, Dot, Dot?)], _ rule: CollisionRule = .keepBoth) -> SharedMap {
        var map = SharedMap(rule)
        for (name, text, dot, replaced) in writes {
            map.write(
                RelativePath(name)!, file(text), as: dot, modified: Int64(dot.number) * 1_000_000_000,
                replacing: replaced)
        }
        return map
    }

    private func shown(_ map: SharedMap) -> [String: String] {
        Dictionary(uniqueKeysWithValues: map.view.map { ($0.key.string, $0.value.version.dot.description) })
    }

    @Test func whoWritesOverAFileKeepsItsName() {
        var lab = map([("a", "1", Dot("lab", 1), nil)])
        var home = lab
        home.write(RelativePath("a")!, file("2"), as: Dot("home", 1), modified: 0, replacing: Dot("lab", 1))
        lab.merge(home)
        #expect(shown(lab) == ["a": "home-1"])
    }

    @Test func whatTwoWroteAtOnceIsKept() {
        let first = map([("d/a.txt", "1", Dot("lab", 1), nil)])
        let second = map([("d/a.txt", "2", Dot("home", 7), nil)])
        var (one, other) = (first, second)
        one.merge(second)
        other.merge(first)
        #expect(shown(one) == ["d/a.txt": "home-7", "d/a.txt.collision-lab-1": "lab-1"])
        #expect(shown(one) == shown(other) && one.entries == other.entries)
        let isCollision = one.view[RelativePath("d/a.txt.collision-lab-1")!]?.isCollision
        #expect(isCollision == true)
        // It is written again by one who has seen both: the name stays, and so does what is kept beside.
        one.write(RelativePath("d/a.txt")!, file("3"), as: Dot("lab", 2), modified: 0, replacing: Dot("home", 7))
        #expect(shown(one) == ["d/a.txt": "lab-2", "d/a.txt.collision-lab-1": "lab-1"])
        // The file goes, what is kept beside does not take its name; then it goes too.
        one.remove(RelativePath("d/a.txt")!, Dot("lab", 2), as: Dot("lab", 3), modified: 0)
        #expect(shown(one) == ["d/a.txt.collision-lab-1": "lab-1"])
        one.remove(RelativePath("d/a.txt")!, Dot("lab", 1), as: Dot("lab", 4), modified: 0)
        other.merge(one)
        #expect(shown(other) == [:])
    }

    @Test func theSameTwiceIsNoCollision() {
        var one = map([("a", "1", Dot("lab", 1), nil)])
        one.merge(map([("a", "1", Dot("home", 1), nil)]))
        #expect(one.view.count == 1)
        one.write(
            RelativePath("a")!, file("2"), as: Dot("lab", 2), modified: 0, replacing: one.view.values.first?.version.dot
        )
        #expect(shown(one) == ["a": "lab-2"])
    }

    @Test func theNewestMayBeAskedFor() {
        var one = map([("a", "1", Dot("lab", 5), nil)], .newest)
        one.merge(map([("a", "2", Dot("home", 3), nil)], .newest))
        #expect(shown(one) == ["a": "lab-5"])
    }

    @Test func aRemovedFileStaysAwayUnlessItWasWrittenMeanwhile() {
        let first = map([("a", "1", Dot("lab", 1), nil)])
        var removed = first
        removed.remove(RelativePath("a")!, Dot("lab", 1), as: Dot("lab", 2), modified: 0)
        var old = first
        old.merge(removed)
        #expect(shown(old) == [:])
        old.merge(first)
        #expect(shown(old) == [:])
        var written = first
        written.write(RelativePath("a")!, file("2"), as: Dot("home", 1), modified: 0, replacing: Dot("lab", 1))
        written.merge(removed)
        #expect(shown(written) == ["a": "home-1"])
    }

    @Test func aFolderTakesTheNameOfAFile() {
        var one = map([("a", "1", Dot("lab", 1), nil)])
        one.merge(map([("a/b", "2", Dot("home", 1), nil)]))
        #expect(shown(one) == ["a/b": "home-1", "a.collision-lab-1": "lab-1"])
        // Another file may have that name already.
        one.merge(map([("a.collision-lab-1", "3", Dot("home", 2), nil)]))
        #expect(shown(one) == ["a/b": "home-1", "a.collision-lab-1": "home-2", "a.collision-lab-1+": "lab-1"])
    }

    @Test func entriesComeBackFromTheirTextAndOthersAreRefused() throws {
        let entry = try #require(map([("a", "1", Dot("lab-2.x", 1), nil)]).entries.values.first)
        let text = JSONText.encode(entry)
        #expect(try JSONText.decode(Entry.self, from: text) == entry)
        let good = String(decoding: text, as: UTF8.self)
        for (from, to) in [
            ("lab-2.x", "../x"), ("\"file\"", "\"pipe\""), ("lab-2.x-1", "lab-2.x-0"),
            ("\"lab-2.x\":1", "\"lab-2.x\":0"),
        ] {
            let bad = good.replacing(from, with: to)
            #expect(bad != good)
            #expect(throws: (any Error).self) { try JSONText.decode(Entry.self, from: Array(bad.utf8)) }
        }
    }

    /// One map that lives long: what it shows is renewed with each change, and where it is otherwise is told.
    @Test(arguments: CollisionRule.allCases) func whatIsShownIsRenewed(_ rule: CollisionRule) {
        var random: UInt64 = 42
        func number(_ limit: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((random >> 33) % UInt64(limit))
        }
        var map = SharedMap(rule)
        var before: [RelativePath: SharedMap.Shown] = [:]
        for step in 1...3000 {
            let hosts = ["a", "b"]
            let name = RelativePath(
                ["x", "x/y", "x/y/z", "x/w", "v", "x.collision-a-\(max(1, step - 3))"][number(6)])!
            let dot = Dot(hosts[number(2)], UInt64(step))
            let old = map.entries[name].flatMap { $0.versions.isEmpty ? nil : $0.versions[number($0.versions.count)] }
            switch number(4) {
            case 0:
                if let old { map.remove(name, old.dot, as: dot, modified: Int64(step)) }
            case 1:
                map.write(
                    name, number(2) == 0 ? FileContent(kind: .folder) : file("\(number(3))"), as: dot,
                    modified: Int64(step), replacing: old?.dot)
            default:
                var other = Entry()
                other.write(file("\(step)"), as: dot, modified: Int64(number(100)), replacing: nil, rule)
                map.merge(name, other)
            }
            let view = map.view
            #expect(view == map.viewAnew, "\(step)")
            if number(3) == 0 {
                let touched = map.takeTouched()
                let changed = Set(view.keys).union(before.keys).filter { view[$0] != before[$0] }
                #expect(changed.isSubset(of: touched), "\(step)")
                for path in changed { #expect(map.shown(at: path) == view[path]) }
                before = view
            }
        }
    }

    /// Everything that three machines can do in six steps, up to the same state.
    @Test(arguments: CollisionRule.allCases) func threeMachinesInEveryOrder(_ rule: CollisionRule) {
        var steps: [Model.Step] = []
        for one in 0..<3 {
            steps += [.write(one, "a"), .remove(one, "a"), .show(one)]
            if one == 0 { steps += [.write(0, "a/b")] }
            if one == 2 { steps += [.leave(2, "a")] }
            for other in 0..<3 where other != one { steps.append(.send(one, other)) }
        }
        var level: Set<Model> = [Model(3, rule)]
        var all = level
        for _ in 1...6 {
            var next: Set<Model> = []
            for model in level {
                for step in steps {
                    var after = model
                    guard after.take(step), all.insert(after).inserted else { continue }
                    if let fault = after.fault { Issue.record("\(fault) after \(step)") }
                    next.insert(after)
                }
            }
            level = next
        }
        #expect(all.count > 10_000)
    }

    /// Longer stories, with more files and machines: those that come out wrong are told whole.
    @Test(arguments: CollisionRule.allCases) func manyMachinesAtRandom(_ rule: CollisionRule) {
        for seed in 1...150 {
            var random = Steps(state: UInt64(seed))
            var model = Model(2 + seed % 4, rule)
            var told: [String] = []
            for _ in 1...60 {
                let step = random.next(model)
                if model.take(step) { told.append("\(step)") }
            }
            if let fault = model.fault { Issue.record("\(fault): \(told.joined(separator: "; "))") }
        }
    }
}

/// Steps by chance, the same for the same seed.
private struct Steps {
    var state: UInt64

    private mutating func number(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }

    mutating func next(_ model: Model) -> Model.Step {
        let one = number(below: model.machines.count)
        let disk = model.machines[one].disk.keys.map(\.string).sorted()
        switch number(below: 11) {
        case 0...2: return .write(one, ["a", "b", "a/b", "a/c"][number(below: 4)])
        case 3 where !disk.isEmpty: return .write(one, disk[number(below: disk.count)])
        case 4 where !disk.isEmpty: return .remove(one, disk[number(below: disk.count)])
        case 5...7:
            let other = number(below: model.machines.count)
            return .send(one, other == one ? (one + 1) % model.machines.count : other)
        case 8 where !disk.isEmpty: return .leave(one, disk[number(below: disk.count)])
        default: return .show(one)
        }
    }
}
