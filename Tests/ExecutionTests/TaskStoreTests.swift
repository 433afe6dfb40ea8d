import Digests
import Files
import Glibc
import TestSupport
import Testing
import Threads

@testable import Execution

/// What is kept is believed only as far as it can be seen to be what was made.
@Suite struct TaskStoreTests {
    private static let key = Digest(of: "key")

    /// A task's folder with a file, a program, a link and an empty folder, kept.
    private func withEntry(_ body: (_ store: TaskStore, _ entry: String, _ scratch: String) throws -> Void) throws {
        try withScratch { scratch in
            let made = scratch + "/made"
            try Folder.make(made + "/folder/empty")
            try File.write("text\n", to: made + "/folder/file", mode: 0o640)
            try File.write("program", to: made + "/tool", mode: 0o755)
            symlink("folder/file", made + "/link")
            var record = TaskStore.Record(key: Self.key, seconds: 3, unmet: "not yet")
            record.entries = [
                MadeEntry(path: "folder", kind: .folder), MadeEntry(path: "folder/empty", kind: .folder),
                MadeEntry(path: "folder/file", kind: .file, size: 5, digest: Digest(of: "text\n")),
                MadeEntry(path: "link", kind: .link, target: "folder/file"),
                MadeEntry(path: "tool", kind: .file, size: 7, digest: Digest(of: "program"), isProgram: true),
            ].map { TaskStore.Kept(entry: $0) }
            let store = TaskStore(lash: LASH(root: scratch + "/lash"))
            try store.keep(record, from: made)
            try body(store, store.folder(of: Self.key), scratch)
        }
    }

    @Test func whatIsKeptComesBackAsItWas() throws {
        try withEntry { store, entry, scratch in
            let record = try #require(store.take(Self.key, to: scratch + "/again"))
            #expect(File.areSame(scratch + "/made", scratch + "/again"))
            #expect(record.seconds == 3 && record.unmet == "not yet" && record.entries.count == 5)
            for path in ["folder/file", "tool"] {
                let status = File.status("\(scratch)/again/\(path)")
                // The same file under another name.
                #expect(status?.inode == File.status("\(scratch)/made/\(path)")?.inode)
                #expect(status?.mode == File.status("\(scratch)/made/\(path)")?.mode)
            }
            // For nobody else's eyes.
            #expect(File.status(entry)?.mode == 0o700)
            #expect(store.take(Digest(of: "other"), to: scratch + "/other") == nil)
            #expect(!File.exists(scratch + "/other"))
            // Its first names may go.
            try Folder.remove(scratch + "/made")
            try Folder.remove(scratch + "/again")
            #expect(store.take(Self.key, to: scratch + "/later") == record)
        }
    }

    @Test(arguments: [
        "echo more >> made/folder/file", "printf 'tExt\\n' > made/folder/file", "rm made/folder/file",
        "rm -r made/folder/empty", "rm made/link; ln -s tool made/link", "rm made/link; cp made/tool made/link",
        "chmod -x made/tool", "chmod +x made/folder/file", "rm made/tool; mkdir made/tool", "rm record", ": > record",
        "head -c 100 record > x; mv x record", "sed -i s/yet/now/ record", "rm -r made",
        // As a crash may leave it.
        "head -c 5 /dev/zero > made/folder/file",
    ]) func whatIsNotAsItWasIsThrownAway(_ damage: String) throws {
        try withEntry { store, entry, scratch in
            let ended = try Program("/bin/sh", folder: entry).run("-c", damage)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(store.take(Self.key, to: scratch + "/again") == nil)
            #expect(!File.exists(entry) && !File.exists(scratch + "/again"))
            let left = try Folder.names(in: store.lash.temporary)
            #expect(left == [])
        }
    }

    @Test func aTouchOrACopyOfAllIsNoDamage() throws {
        try withEntry { store, entry, scratch in
            try Program("touch").run(entry + "/made/folder/file")
            #expect(store.take(Self.key, to: scratch + "/touched") != nil)
            // With the file's time put back, nothing is left of what was seen of it.
            let copy = scratch + "/copied"
            try Program("cp").run("-a", scratch + "/lash", copy)
            let other = TaskStore(lash: LASH(root: copy))
            let record = try #require(other.take(Self.key, to: scratch + "/again"))
            #expect(File.areSame(scratch + "/again", scratch + "/made"))
            // What was read once more is remembered.
            let stamps = record.entries.compactMap(\.stamp?.inode)
            #expect(
                stamps.contains(
                    try #require(File.status(copy + entry.dropFirst((scratch + "/lash").count) + "/made/tool")?.inode)))
            #expect(other.take(Self.key, to: scratch + "/once-more") == record)
        }
    }

    @Test func theFirstStaysUnlessItIsReplaced() throws {
        try withEntry { store, entry, scratch in
            let before = File.status(entry)?.inode
            try store.keep(TaskStore.Record(key: Self.key, objection: "other"), from: nil)
            #expect(File.status(entry)?.inode == before)
            try store.keep(TaskStore.Record(key: Self.key, objection: "other"), from: nil, replaces: true)
            #expect(store.take(Self.key, to: scratch + "/again")?.objection == "other")
            store.forget(Self.key)
            #expect(!File.exists(entry))
            store.forget(Self.key)
        }
    }

    @Test func whoKeepsTheSameAtOnceIsNotInTheWay() throws {
        try withScratch { scratch in
            let store = TaskStore(lash: LASH(root: scratch + "/lash"))
            try File.write("text\n", to: scratch + "/made-file")
            try Folder.make(scratch + "/made")
            try File.write("text\n", to: scratch + "/made/file")
            var record = TaskStore.Record(key: Self.key)
            record.entries = [
                .init(entry: MadeEntry(path: "file", kind: .file, size: 5, digest: Digest(of: "text\n")))
            ]
            let given = record
            _ = try Workers.each(Array(0..<40), on: 4) { number in
                switch number % 4 {
                case 0: store.forget(Self.key)
                case 1: try store.keep(given, from: scratch + "/made", replaces: true)
                case 2: try store.keep(given, from: scratch + "/made")
                default: _ = store.take(Self.key, to: "\(scratch)/taken-\(number)")
                }
            }
            for number in 0..<40 where File.exists("\(scratch)/taken-\(number)") {
                #expect(try File.read("\(scratch)/taken-\(number)/file") == Array("text\n".utf8))
            }
            let left = try Folder.names(in: store.lash.temporary)
            #expect(left == [])
        }
    }

    // MARK: Clearing up

    /// Entries `0`, `1`, … that were used so many days ago.
    private func withEntries(
        _ days: [Int], _ body: (_ store: TaskStore, _ left: () -> [Int]) throws -> Void
    ) throws {
        try withScratch { scratch in
            let store = TaskStore(lash: LASH(root: scratch + "/lash"))
            func key(_ number: Int) -> Digest { Digest(of: "\(number)") }
            for (number, days) in days.enumerated() {
                try store.keep(TaskStore.Record(key: key(number)), from: nil)
                try Program("touch").run("-d", "\(days) days ago", store.folder(of: key(number)) + "/record")
            }
            try body(store) { days.indices.filter { File.exists(store.folder(of: key($0))) } }
        }
    }

    private static func room(_: String) -> (free: Int64, total: Int64) { (500, 1000) }

    @Test func whatWasNotUsedForAMonthGoes() throws {
        try withEntries([0, 29, 31, 400]) { store, left in
            // Used now: it stays.
            try Folder.withTemporary(in: store.lash.root, named: "taken") { folder in
                #expect(store.take(Digest(of: "3"), to: folder + "/x") != nil)
            }
            store.prune(onlyWhereFull: true, disk: Self.room)
            #expect(left() == [0, 1, 2, 3])
            store.prune(disk: Self.room)
            #expect(left() == [0, 1, 3])
            // Once a day is enough.
            try Program("touch").run("-d", "40 days ago", store.folder(of: Digest(of: "0")) + "/record")
            store.prune(disk: Self.room)
            #expect(left() == [0, 1, 3])
            try Folder.remove(store.lash.tasks)
            store.prune(disk: Self.room)
            #expect(!File.exists(store.lash.tasks))
        }
    }

    @Test func whereTheDiskGetsFullTheOldestGoFirst() throws {
        // No two of them at the same time, nor so near that a second's border decides which is older.
        try withEntries(Array(0..<40)) { store, left in
            var limits = TaskStore.Limits()
            limits.unused = 50 * 86_400
            var asked = 0
            // Full until 16 of them are gone.
            store.prune(onlyWhereFull: true, limits) { _ in
                asked += 1
                return left().count > 25 ? (10, 1000) : (100, 1000)
            }
            #expect(left().count < 26 && left() == Array(0..<left().count))
            // However much there is, it ends in time.
            limits.seconds = 0
            let before = left()
            store.prune(limits) { _ in (0, 1000) }
            #expect(left() == before)
        }
    }
}
