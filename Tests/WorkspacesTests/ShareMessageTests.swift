import Digests
import Files
import JSON
import TestSupport
import Testing

@testable import Workspaces

/// What machines say of workspaces, and what they write down of them.
@Suite struct ShareMessageTests {
    private let known: [ShareMessage.Known] = {
        var map = SharedMap(.keepBoth)
        let names = ["a", "naïve name/with \"signs\"\\\t\u{1}", "link", "folder"]
        let contents = [
            FileContent(kind: .file, size: 5, digest: Digest(of: "hello"), mode: 0o755),
            FileContent(kind: .file, size: 0, digest: Digest(of: ""), mode: 0o600),
            FileContent(kind: .link, target: "../naïve \"target\""), FileContent(kind: .folder),
        ]
        for (number, (name, content)) in zip(names, contents).enumerated() {
            let dot = Dot("lab-2.x", UInt64(number + 1))
            map.write(RelativePath(name)!, content, as: dot, modified: -5 + Int64(number), replacing: nil)
        }
        var other = SharedMap(.keepBoth)
        other.write(RelativePath("a")!, contents[1], as: Dot("home", 7), modified: .max, replacing: nil)
        map.merge(other)
        map.remove(RelativePath("a")!, Dot("home", 7), as: Dot("lab-2.x", 9), modified: 0)
        map.remove(RelativePath("folder")!, Dot("lab-2.x", 4), as: Dot("lab-2.x", 10), modified: 0)
        return map.entries.sorted { $0.key < $1.key }.map { .init(name: $0, entry: $1) }
    }()

    @Test func whatIsSaidIsUnderstood() throws {
        let short = [ShareMessage.Short(digest: Digest(of: "hello"), bytes: Array("hello".utf8))]
        guard case .tell(let back, let shortBack) = try ShareMessage(bytes: ShareMessage.tell(known, short).bytes)
        else {
            Issue.record("another message")
            return
        }
        #expect(back.map(\.name) == known.map(\.name) && back.map(\.entry) == known.map(\.entry))
        #expect(shortBack.map(\.digest) == short.map(\.digest) && shortBack.map(\.bytes) == short.map(\.bytes))
        let asks = [
            ShareMessage.Ask(digest: Digest(of: "1"), size: 1, like: nil),
            ShareMessage.Ask(digest: Digest(of: "2"), size: 1 << 40, like: Digest(of: "1")),
        ]
        guard case .ask(let asksBack) = try ShareMessage(bytes: ShareMessage.ask(asks).bytes) else {
            Issue.record("another message")
            return
        }
        #expect(asksBack.map(\.digest) == asks.map(\.digest) && asksBack.map(\.size) == asks.map(\.size))
        #expect(asksBack.map(\.like) == asks.map(\.like))
        guard case .files(let files) = try ShareMessage(bytes: ShareMessage.files([[1, 2], nil, []]).bytes) else {
            Issue.record("another message")
            return
        }
        #expect(files == [[1, 2], nil, []])
        let places = known.enumerated().map { ShareMessage.Place(path: $1.name, isHere: $0 % 2 == 0) }
        guard case .places(let placesBack) = try ShareMessage(bytes: ShareMessage.places(places).bytes) else {
            Issue.record("another message")
            return
        }
        #expect(placesBack.map(\.path) == places.map(\.path) && placesBack.map(\.isHere) == places.map(\.isHere))
    }

    @Test func whatIsToBeHeldComesBack() throws {
        let keeps = known.enumerated().map { ShareMessage.Keep(name: $1.name, isKept: $0 % 2 == 0) }
        for (isAnew, isLast) in [(false, false), (true, false), (false, true), (true, true)] {
            let bytes = ShareMessage.keep(keeps, isAnew: isAnew, isLast: isLast).bytes
            guard case .keep(let back, let anew, let last) = try ShareMessage(bytes: bytes) else {
                Issue.record("another message")
                return
            }
            #expect(back == keeps && anew == isAnew && last == isLast)
            #expect(throws: (any Error).self) { try ShareMessage(bytes: Array(bytes.dropLast())) }
        }
    }

    /// One that ends too early, or has anything behind its end, or a byte that is another one, does no harm.
    @Test func whatIsCutOrWrongIsRefused() throws {
        let whole = ShareMessage.tell(known, [.init(digest: Digest(of: "hello"), bytes: Array("hello".utf8))]).bytes
        for length in 0..<whole.count {
            #expect(throws: (any Error).self) { try ShareMessage(bytes: Array(whole.prefix(length))) }
        }
        #expect(throws: (any Error).self) { try ShareMessage(bytes: whole + [0]) }
        let places = ShareMessage.places(known.map { .init(path: $0.name, isHere: true) }).bytes
        #expect(throws: (any Error).self) { try ShareMessage(bytes: Array(places.dropLast())) }
        #expect(throws: (any Error).self) { try ShareMessage(bytes: places + [1, 0, 2, 0x2E, 0x2E]) }
        for place in whole.indices {
            for value: UInt8 in [0, 1, 0x7F, 0xFF] {
                var other = whole
                other[place] = value
                guard case .tell(let known, _)? = try? ShareMessage(bytes: other) else { continue }
                var map = SharedMap(.keepBoth)
                for one in known { map.merge(one.name, one.entry) }
                #expect(map.view == map.viewAnew)
            }
        }
    }

    @Test func aLineOfTheJournalIsJSON() throws {
        for one in known {
            let line = ReplicaJournal.Line(name: one.name, entry: one.entry, lying: nil)
            var bytes: [UInt8] = []
            line.write(into: &bytes)
            let text = try JSONText.bytes(of: JSONText.parse(bytes))
            #expect(text == JSONText.encode(line))
            for version in one.entry.versions {
                let stamp = try #require(File.status("/").map(Stamp.init))
                let state = Replica.Lying(name: one.name, dot: version.dot, content: version.content, stamp: stamp)
                let line = ReplicaJournal.Line(name: one.name, entry: nil, lying: state)
                var bytes: [UInt8] = []
                line.write(into: &bytes)
                #expect(try JSONText.bytes(of: JSONText.parse(bytes)) == JSONText.encode(line))
            }
        }
    }
}
