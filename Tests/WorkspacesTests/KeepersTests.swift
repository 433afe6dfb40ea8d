import Digests
import Files
import Testing

@testable import Workspaces

/// Who is chosen to hold what.
@Suite struct KeepersTests {
    private static func entry(_ writer: String, _ number: UInt64, kind: FileContent.Kind = .file) -> Entry {
        var entry = Entry()
        entry.write(
            FileContent(kind: kind, size: 1, digest: kind == .file ? Digest(of: "\(number)") : nil),
            as: Dot(writer, number), modified: 0, replacing: nil, .keepBoth)
        return entry
    }

    @Test func whoWroteItComesFirstAndThenWhoHasIt() throws {
        var keepers = Keepers(copies: 3)
        #expect(["a", "b", "c", "d", "a"].map { keepers.join($0) } == [true, true, true, true, false])
        let name = try #require(RelativePath("x"))
        let first = keepers.choose(name, Self.entry("d", 1)) { ["c", "d"].contains($0) }
        #expect(first.map(\.host) == ["d", "c"])
        // Once more: nothing moves, whoever has it by now.
        let again = keepers.choose(name, Self.entry("a", 2)) { _ in true }
        #expect(again.isEmpty)
        let lost = keepers.lose("d")
        #expect(lost == [name] && keepers.lacking(of: [name]) == [name])
        let instead = keepers.choose(name, Self.entry("d", 1)) { $0 == "a" }
        #expect(instead.map(\.host) == ["a"])
        // What is removed, or is a folder now, nobody holds.
        let told = keepers.choose(name, Self.entry("b", 3, kind: .folder)) { _ in true }
        #expect(told.map(\.host) == ["c", "a"] && told.allSatisfy { !$0.isKept })
        #expect(keepers.chosen.isEmpty)
    }

    @Test func filesAreSpread() throws {
        var keepers = Keepers(copies: 2)
        for host in ["a", "b", "c", "d"] { _ = keepers.join(host) }
        for number in 0..<4000 {
            let name = try #require(RelativePath("sample-\(number).txt"))
            _ = keepers.choose(name, Self.entry("@first", UInt64(number + 1))) { _ in true }
        }
        for host in keepers.hosts {
            let count = keepers.names(of: host).count
            #expect((800...1200).contains(count), "\(host) \(count)")
        }
    }

    /// Hosts come and go, files are written and removed, in any order: as many hold each as can, and nobody is told of what he was told.
    @Test(arguments: 1...40) func whateverHappensEnoughHoldEachFile(_ seed: Int) throws {
        var state = UInt64(seed)
        func number(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        let copies = 2 + seed % 3
        var keepers = Keepers(copies: copies)
        var entries: [RelativePath: Entry] = [:]
        var told: [String: Set<RelativePath>] = [:]
        func take(_ changes: [Keepers.Change]) {
            for change in changes {
                #expect(told[change.host]?.contains(change.name) ?? false != change.isKept)
                if change.isKept {
                    told[change.host, default: []].insert(change.name)
                } else {
                    told[change.host]?.remove(change.name)
                }
            }
        }
        for step in 1...300 {
            let host = "h\(number(6))"
            switch number(4) {
            case 0:
                if keepers.join(host) {
                    told[host] = []
                    for name in keepers.lacking(of: entries.keys) {
                        take(keepers.choose(name, entries[name]) { _ in number(2) == 0 })
                    }
                }
            case 1 where number(3) == 0:
                let lost = keepers.lose(host)
                #expect(Set(lost) == told[host] ?? [])
                told[host] = nil
                for name in lost { take(keepers.choose(name, entries[name]) { _ in number(2) == 0 }) }
            case 2:
                let name = try #require(RelativePath("f\(number(9))"))
                entries[name] = nil
                take(keepers.choose(name, nil) { _ in true })
            default:
                let name = try #require(RelativePath("f\(number(9))"))
                entries[name] = Self.entry(host, UInt64(step))
                take(keepers.choose(name, entries[name]) { _ in number(2) == 0 })
            }
            for name in entries.keys {
                let holders = told.filter { $0.value.contains(name) }.keys
                #expect(holders.count == min(copies - 1, keepers.hosts.count), "\(seed) \(step)")
                #expect(Set(holders) == Set(keepers.chosen[name] ?? []))
            }
            #expect(told.values.reduce(0) { $0 + $1.count } == keepers.chosen.values.reduce(0) { $0 + $1.count })
        }
    }
}
