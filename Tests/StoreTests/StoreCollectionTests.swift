import Digests
import Files
import Glibc
import Layers
import TestSupport
import Testing

@testable import Store

/// What stays, and what goes.
@Suite struct StoreCollectionTests {
    private let kinds: [StoreKind] = [.packages, .layers, .blocks, .parts, .made]

    @Test func whatAMetroThatIsThereNeedsStays() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let plan = try store.collect(olderThan: 0, now: Int64(time(nil)) + 400 * 86_400)
            #expect(plan.entries.isEmpty && plan.young.isEmpty, "\(plan.entries)")
            #expect(try StoreListing(store.lash).entries.count == 6)
        }
    }

    @Test func whatNothingNeedsGoesWhenItIsOld() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            File.remove(store.lockFile)
            // Its disk may only be elsewhere.
            let early = try store.collect(olderThan: 30)
            #expect(early.entries.isEmpty && early.young.isEmpty)
            let plan = try store.collect(olderThan: 30, now: Int64(time(nil)) + 31 * 86_400)
            #expect(Set(plan.entries.map(\.kind)) == Set(kinds + [.known]))
            #expect(try StoreListing(store.lash).entries.isEmpty)
        }
    }

    @Test func whatTwoMetrosShareStaysForTheOther() throws {
        try withScratch { folder in
            let (one, other) = (
                try SampleStore(in: folder, name: "one"), try SampleStore(in: folder, name: "other", text: "another")
            )
            let shared = try SampleStore(in: folder, name: "third")
            #expect(shared.part == one.part)
            File.remove(one.lockFile)
            File.remove(other.lockFile)
            let plan = try one.collect(olderThan: 0)
            #expect(Set(plan.entries.map(\.kind)) == Set(kinds + [.known]))
            #expect(try one.names(of: .layers) == [one.layer.hex])
            #expect(try one.names(of: .parts) == [one.part.digest.hex])
            #expect(try StoreCheck(StoreListing(one.lash)).run { _, _ in }.damaged.isEmpty)
        }
    }

    @Test func aBundleKeepsItsParts() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            File.remove(store.lockFile)
            try File.write("a bundle", to: folder + "/x.las")
            KnownThings(store.lash).remember(bundle: folder + "/x.las", parts: [store.part.digest])
            let plan = try store.collect(olderThan: 0)
            #expect(Set(plan.entries.map(\.kind)) == [.packages, .layers, .known])
            #expect(try store.names(of: .parts) == [store.part.digest.hex])
            #expect(try store.names(of: .blocks).count == 1, "the part lies in them")
        }
    }

    @Test func whatRunsUseStays() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            File.remove(store.lockFile)
            let run = store.lash.runs + "/20261126-101010-x-12345"
            try Folder.make(run)
            let image = #"{"path":"x","offset":0,"size":1,"digest":"\#(store.part.digest)"}"#
            try File.write(
                #"{"run":"20261126-101010-x-12345","metro":\#(image),"environments":{}}"#, to: run + "/start.json")
            let journal = open(run + "/journal", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            #expect(flock(journal, LOCK_EX) == 0)
            let running = try store.collect(olderThan: 0)
            #expect(!running.entries.contains { [.parts, .blocks, .runs].contains($0.kind) })
            // By name: a child that another test is just starting has a copy of the descriptor until its exec.
            #expect(flock(journal, LOCK_UN) == 0)
            close(journal)
            let after = try store.collect(olderThan: 0)
            #expect(after.entries.map(\.kind) == [.runs], "its parts go the next time")
            let last = try store.collect(olderThan: 0)
            #expect(Set(last.entries.map(\.kind)) == [.parts, .blocks, .made])
        }
    }

    @Test func notesOfWhatRegistriesWereSentAreSeenAndGoWhenTheyAreOld() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            try Folder.make(store.lash.pushed)
            try File.write("{}", to: store.lash.pushed + "/127.0.0.1_5000.json")
            #expect(try store.names(of: .pushed) == ["127.0.0.1_5000.json"])
            #expect(try StoreCheck(StoreListing(store.lash)).run { _, _ in }.damaged.isEmpty)
            #expect(try store.collect(olderThan: 30).entries.isEmpty)
            let plan = try store.collect(olderThan: 30, now: Int64(time(nil)) + 31 * 86_400)
            #expect(plan.entries.map(\.kind) == [.pushed])
            #expect(try store.names(of: .pushed).isEmpty)
        }
    }

    @Test func nothingIsClearedAwayWhileSomebodyUsesTheStore() throws {
        try withScratch { folder in
            let lash = LASH(root: folder)
            let (one, other) = (try StoreHold(lash) {}, try StoreHold(lash) {})
            #expect(try StoreHold.alone(in: lash) == nil)
            one.release()
            #expect(try StoreHold.alone(in: lash) == nil)
            other.release()
            #expect(try StoreHold.alone(in: lash) != nil)
        }
    }

    @Test func whatKilledProcessesLeftGoesAfterADay() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            for name in ["layer-999999999-abc", "build-\(getpid())-abc", "build.log"] {
                try Folder.make("\(store.lash.temporary)/\(name)")
            }
            try File.write("half", to: store.lash.packages + "/x.deb.part")
            #expect(try store.collect(olderThan: 30).entries.isEmpty)
            let plan = try store.collect(olderThan: 30, now: Int64(time(nil)) + 2 * 86_400)
            #expect(plan.entries.map(\.name) == ["build.log", "layer-999999999-abc", "x.deb.part"])
        }
    }
}
