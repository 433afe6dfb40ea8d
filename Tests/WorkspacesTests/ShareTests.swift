import Digests
import Dispatch
import Files
import Glibc
import TestSupport
import Testing
import Threads

@testable import Workspaces

/// Workspaces that tell by themselves what happens in them.
@Suite struct ShareTests {
    /// Two machines with a connection that passes on what there is when it is woken.
    final class Wire: @unchecked Sendable {
        let one: Share
        let other: Share
        private let bell = DispatchSemaphore(value: 0)
        private struct State {
            var hasEnded = false
            /// What they are called on both sides; nil while the connection is cut.
            var ends: (here: Int, there: Int)?
        }
        private let state = Monitor(State())
        private var thread: OwnThread?

        init(_ one: Share, _ other: Share) throws {
            (self.one, self.other) = (one, other)
            mend()
            thread = try OwnThread { [self] in
                while true {
                    bell.wait()
                    if state.change({ $0.hasEnded }) { return }
                    while pass() {}
                }
            }
        }

        /// - Returns: false where nobody had anything to say.
        private func pass() -> Bool {
            // What is cut meanwhile is cut behind the message.
            state.change { state in
                guard let (here, there) = state.ends else { return false }
                var isMore = false
                do {
                    if let message = try one.next(here) {
                        isMore = true
                        try other.hear(there, message)
                    }
                    if let message = try other.next(there) {
                        isMore = true
                        try one.hear(here, message)
                    }
                } catch { Issue.record("\(error)") }
                return isMore
            }
        }

        func cut() {
            state.change { state in
                guard let (here, there) = state.ends else { return }
                one.leave(here)
                other.leave(there)
                state.ends = nil
            }
        }

        func mend() {
            state.change { state in
                if state.ends != nil { return }
                state.ends = (one.join { [bell] in bell.signal() }, other.join { [bell] in bell.signal() })
            }
            bell.signal()
        }

        func end() {
            state.change { $0.hasEnded = true }
            bell.signal()
            thread?.join()
            one.end()
            other.end()
        }
    }

    private func text(_ path: String) -> String? {
        (try? File.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }

    private func waits(for isSo: () -> Bool) -> Double {
        let begun = ContinuousClock.now
        while !isSo(), ContinuousClock.now - begun < .seconds(180) { usleep(1000) }
        let took = ContinuousClock.now - begun
        return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
    }

    @Test func aSignalReachesTheOtherMachineAtOnce() throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, watches: true)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, watches: true)
            let wire = try Wire(one, other)
            defer { wire.end() }
            var times: [Double] = []
            for number in 1...20 {
                let name = number % 2 == 0 ? "f\(number)" : "d\(number)/f"
                let (from, to) = number % 3 == 0 ? ("other", "one") : ("one", "other")
                try Folder.make(File.parent(of: "\(scratch)/\(from)/files/\(name)"))
                try File.write("\(number)\n", to: "\(scratch)/\(from)/files/\(name)", syncing: false)
                times.append(waits { text("\(scratch)/\(to)/files/\(name)") == "\(number)\n" })
            }
            #expect(times.max()! < 180)

            // What is still open is told when it is closed.
            let path = scratch + "/one/files/open"
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            try File.writeAll(Array("half".utf8), to: file, path: path)
            usleep(100_000)
            #expect(text(scratch + "/other/files/open") == nil)
            try File.writeAll(Array(" and whole".utf8), to: file, path: path)
            close(file)
            _ = waits { text(scratch + "/other/files/open") == "half and whole" }
            #expect(text(scratch + "/other/files/open") == "half and whole")
        }
    }

    /// Files that both make under the same name and rename at once.
    @Test func bothRenameIntoPlaceAtOnce() throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, watches: true)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, watches: true)
            let wire = try Wire(one, other)
            defer { wire.end() }
            for number in 1...30 {
                for name in ["one", "other"] {
                    let folder = "\(scratch)/\(name)/files"
                    try File.write("from \(name) \(number)\n", to: "\(folder)/new", syncing: false)
                    if number % 2 == 0 { usleep(20_000) }
                    rename("\(folder)/new", "\(folder)/\(name)\(number)")
                }
                for (name, from) in [("one", "other"), ("other", "one")] {
                    let path = "\(scratch)/\(name)/files/\(from)\(number)"
                    _ = waits { text(path) == "from \(from) \(number)\n" }
                    #expect(text(path) == "from \(from) \(number)\n", "\(number)")
                }
            }
        }
    }

    /// Folders that come, move, go and come again while they are watched: all that happens is told by what is watched, and a look at
    /// everything finds nothing more.
    @Test(arguments: 1...3) func whatHappensIsToldWithoutLookingAtEverything(_ seed: Int) throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, watches: true)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, watches: true)
            let wire = try Wire(one, other)
            defer { wire.end() }
            var state = UInt64(seed)
            func number(_ limit: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % UInt64(limit))
            }
            let files = scratch + "/one/files"
            for step in 1...150 {
                let folder = ["", "/d0", "/d1", "/d0/e", "/d1/e", "/d1/e/g"][number(6)]
                switch number(8) {
                case 0...3:
                    try Folder.make(files + folder)
                    try File.write(
                        "\(step)\n", to: "\(files)\(folder)/f\(number(3))", syncing: false)
                case 4 where !folder.isEmpty: try Folder.remove(files + folder)
                case 5 where !folder.isEmpty:
                    let to = ["/d0", "/d1", "/d2", "/d0/e", "/d2/e"][number(5)]
                    rename(files + folder, files + to)
                case 6:
                    try Folder.make(files + folder)
                    try? File.create("\(files)\(folder)/f\(number(3))", "\(number(10))", mode: 0o644)
                default: usleep(UInt32(number(12_000)))
                }
            }
            // Both know the same, and it lies there: nothing is on its way that would make them otherwise once more.
            _ = waits {
                let known = one.map.entries
                return known == other.map.entries
                    && (try? listing(scratch + "/other/files")) == (try? listing(files))
                    && known == one.map.entries
            }
            #expect(try listing(scratch + "/other/files") == listing(files))
            let before = one.map.entries
            try lookAtAll(of: one)
            #expect((one.map.entries == before) as Bool)
        }
    }

    /// Twice in one breath, as long as before: the time of the file does not tell.
    @Test func whatIsWrittenAgainAtOnceIsToldAgain() throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, watches: true)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, watches: true)
            let wire = try Wire(one, other)
            defer { wire.end() }
            for number in 100...160 {
                try File.create(scratch + "/one/files/a", "\(number) first\n")
                if number % 2 == 0 { try one.look(settled: true) }
                try File.create(scratch + "/one/files/a", "\(number) after\n")
                _ = waits { text(scratch + "/other/files/a") == "\(number) after\n" }
                #expect(text(scratch + "/other/files/a") == "\(number) after\n")
            }
        }
    }

    @Test func whatLiesThereAtFirstIsTheSameEverywhere() throws {
        try withScratch { scratch in
            for name in ["one", "other"] {
                try Folder.make("\(scratch)/\(name)/files/deep")
                try File.write("first\n", to: "\(scratch)/\(name)/files/deep/a")
            }
            try awaitClosed(scratch)
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth, first: true)
            try File.write("changed\n", to: scratch + "/one/files/deep/a")
            try lookAtAll(of: one)
            // The other one comes later, with what lay there at first.
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth, first: true)
            let wire = try Wire(one, other)
            defer { wire.end() }
            _ = waits { text(scratch + "/other/files/deep/a") == "changed\n" }
            #expect(text(scratch + "/other/files/deep/a") == "changed\n")
            #expect(try Folder.names(in: scratch + "/other/files/deep") == ["a"])
            #expect(one.map.entries == other.map.entries)
            let again = try Replica(scratch + "/other", host: "other", rule: .keepBoth)
            #expect(again.map.entries == one.map.entries)
        }
    }

    @Test func twoThousandFilesAreKnown() throws {
        try withScratch { scratch in
            let one = try Share(scratch + "/one", host: "one", rule: .keepBoth)
            let other = try Share(scratch + "/other", host: "other", rule: .keepBoth)
            for number in 0..<2000 {
                try Folder.make("\(scratch)/one/files/\(number % 50)")
                try File.write(
                    "\(number)" + String(repeating: ".", count: 4090),
                    to: "\(scratch)/one/files/\(number % 50)/\(number)",
                    syncing: false)
            }
            try lookAtAll(of: one)
            let wire = try Wire(one, other)
            defer { wire.end() }
            _ = waits { other.map.entries.count == 2050 }

            #expect((other.map.entries == one.map.entries) as Bool)
            #expect(text(scratch + "/other/files/7/1007")?.utf8.count == 4094)
        }
    }
}
