import Files
import Glibc
import TestSupport
import Testing

@testable import Workspaces

/// What is told of a workspace to who asks from another process, and what such a process changes.
@Suite struct WorkspaceRecordTests {
    /// The machine that leads, and one host, with what they say passed on by hand.
    private struct Pair {
        let head: Share
        let host: Share
        let scratch: String
        private let ends: (head: Int, host: Int)

        init(in scratch: String, _ rule: CollisionRule = .keepBoth) throws {
            self.scratch = scratch
            head = try Share(scratch + "/head", host: "head", rule: rule, first: true)
            host = try Share(scratch + "/lab", host: "lab", rule: rule, first: true, watches: true)
            ends = (head.join("lab") {}, host.join {})
        }

        func pass() throws {
            var isMore = true
            while isMore {
                isMore = false
                while let message = try head.next(ends.head) {
                    try host.hear(ends.host, message)
                    isMore = true
                }
                while let message = try host.next(ends.host) {
                    try head.hear(ends.head, message)
                    isMore = true
                }
            }
        }

        func leave() {
            head.leave(ends.head)
            host.leave(ends.host)
        }

        func end() {
            head.end()
            host.end()
        }

        func write(_ text: String, _ machine: String, _ path: String) throws {
            try Folder.make(File.parent(of: "\(scratch)/\(machine)/files/\(path)"))
            try File.write(text, to: "\(scratch)/\(machine)/files/\(path)", syncing: false)
        }

        func record() throws -> WorkspaceRecord {
            try WorkspaceRecord(scratch + "/head", files: scratch + "/head/files", rule: .keepBoth)
        }

        /// What the host has is written down a moment after it has said so.
        func tells(_ lines: [String]) throws -> Bool {
            for _ in 0..<12_000 {
                if try self.lines() == lines { return true }
                usleep(10_000)
            }
            return false
        }

        func lines() throws -> [String] { try record().items.map { "\($0.path): \($0.places.joined(separator: " "))" } }
    }

    @Test func whoHasWhatIsKnownWhenTheHostHasSaidSo() throws {
        try withScratch { scratch in
            for machine in ["head", "lab"] {
                try Folder.make("\(scratch)/\(machine)/files")
                try File.write("first\n", to: "\(scratch)/\(machine)/files/a", syncing: false)
            }
            try awaitClosed(scratch)
            let pair = try Pair(in: scratch)
            defer { pair.end() }
            #expect(try pair.tells(["a: head"]))
            try pair.pass()
            #expect(try pair.tells(["a: head lab"]))
            try pair.write("by the lab\n", "lab", "naïve name/b")
            try lookAtAll(of: pair.host)
            try pair.pass()
            #expect(try pair.tells(["a: head lab", "naïve name: head lab", "naïve name/b: head lab"]))
            // What the host has not said that it has it does not count as having.
            try pair.write("changed\n", "head", "a")
            try pair.write("new\n", "head", "c")
            try lookAtAll(of: pair.head)
            pair.leave()
            #expect(try pair.tells(["a: head", "c: head", "naïve name: head lab", "naïve name/b: head lab"]))
        }
    }

    @Test func anotherProcessPutsAndRemoves() throws {
        try withScratch { scratch in
            let pair = try Pair(in: scratch)
            defer { pair.end() }
            try pair.pass()
            try Folder.make(scratch + "/own/deep")
            try File.write("1\n", to: scratch + "/own/deep/file", mode: 0o755, syncing: false)
            let change = WorkspaceChange(scratch + "/head", files: scratch + "/head/files")
            #expect(try change.put(scratch + "/own", as: #require(RelativePath("put"))) == 1)
            try awaitClosed(scratch + "/head/files")
            #expect(try change.tell(within: 120))
            try pair.pass()
            #expect(try File.read(scratch + "/lab/files/put/deep/file") == Array("1\n".utf8))
            #expect(File.status(scratch + "/lab/files/put/deep/file")?.mode == 0o755)
            let path = try #require(RelativePath("put"))
            #expect(try change.remove(path))
            try awaitClosed(scratch + "/head/files")
            #expect(try change.tell(within: 120))
            try pair.pass()
            #expect(!File.exists(scratch + "/lab/files/put"))
            let past = try WorkspaceRecord.history(
                of: #require(RelativePath("put/deep/file")), in: scratch + "/head")
            #expect(past.count == 2)
            if case .written(let version)? = past.first { #expect(version.dot.host == "head") }
            #expect(throws: WorkspaceFailure.self) {
                try File.write("x", to: scratch + "/x", syncing: false)
                try Folder.make(scratch + "/head/files/folder")
                try change.put(scratch + "/x", as: #require(RelativePath("folder")))
            }
        }
    }

    @Test func oneOfTwoVersionsIsChosen() throws {
        try withScratch { scratch in
            let pair = try Pair(in: scratch)
            defer { pair.end() }
            try pair.pass()
            try pair.write("of the head\n", "head", "a")
            try pair.write("of the lab\n", "lab", "a")
            try lookAtAll(of: pair.head)
            try lookAtAll(of: pair.host)
            try pair.pass()
            let beside = try #require(try pair.record().items.first { $0.isCollision })
            #expect(beside.name.string == "a")
            #expect(pair.head.newCollisions(isQuick: true) == [beside.path])
            #expect(pair.head.newCollisions(isQuick: true) == [])
            let text = try File.read("\(scratch)/head/files/\(beside.path)")
            let change = WorkspaceChange(scratch + "/head", files: scratch + "/head/files")
            try change.keep(beside.path, as: beside.name, insteadOf: [beside.name, beside.path])
            try awaitClosed(scratch + "/head/files")
            #expect(try change.tell(within: 120))
            try pair.pass()
            for machine in ["head", "lab"] {
                #expect(try Folder.names(in: "\(scratch)/\(machine)/files") == ["a"])
                #expect(try File.read("\(scratch)/\(machine)/files/a") == text)
            }
        }
    }

    @Test func aRunOnOneMachineHasAFolderAndNoMap() throws {
        try withScratch { scratch in
            try Folder.make(scratch + "/files/deep")
            try File.write("12", to: scratch + "/files/deep/a", syncing: false)
            symlink("deep/a", scratch + "/files/link")
            let record = try WorkspaceRecord(scratch, files: scratch + "/files", rule: .keepBoth)
            #expect(!record.hasMap && record.isHere)
            #expect(record.items.map(\.path.string) == ["deep", "deep/a", "link"])
            #expect(record.items[1].content.size == 2 && record.items[1].places == ["head"])
            #expect(record.items[2].content.target == "deep/a")
        }
    }
}
