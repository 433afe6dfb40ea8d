import Files
import Glibc
import TestSupport
import Testing
import Threads
import Workspaces

/// A workspace whose files lie on an FTP server, too.
@Suite(.serialized, .enabled(if: FTPServer.missing == nil, "python3-pyftpdlib is needed")) struct OutpostTests {
    private func withBench(
        first: [String: String] = [:], served: [String: String] = [:], rule: CollisionRule = .keepBoth,
        _ manner: FTPServer.Manner = .init(), _ body: (OutpostBench) throws -> Void
    ) throws {
        try withScratch { folder in
            let bench = try OutpostBench(in: folder, first: first, served: served, rule: rule, manner)
            defer { bench.end() }
            try body(bench)
        }
    }

    @Test func theServerAndTheMachinesGetTheSameFiles() throws {
        try withBench(
            first: ["refs/a": "packed a", "refs/b": "packed b"], served: ["refs/b": "the server's b", "own": "there"]
        ) {
            bench in
            try bench.begin()
            // What lay on the server takes the place of what the metro brings.
            var files = ["refs/a": "packed a", "refs/b": "the server's b", "own": "there"]
            try bench.waits(for: files)
            // What a machine does.
            files["deep/er/ä b"] = "made by a task"
            files["empty"] = ""
            for name in ["deep/er/ä b", "empty"] { try bench.write(files[name] ?? "", "host/files/\(name)") }
            files["own"] = "changed by a task"
            try bench.write("changed by a task", "host/files/own")
            files["refs/a"] = nil
            File.remove(bench.folder + "/host/files/refs/a")
            try bench.waits(for: files)
            // What others do on the server.
            files["from elsewhere/x"] = "put there"
            try bench.write("put there", "served/panel/from elsewhere/x")
            files["empty"] = "no longer"
            try bench.write("no longer", "served/panel/empty")
            files["refs/b"] = nil
            try Folder.remove(bench.served + "/refs")
            try bench.waits(for: files)
            // Nothing of las stays there.
            try bench.outpost?.finish(patience: 60)
            #expect(try Folder.names(in: bench.served).filter { $0.hasPrefix(".las-") }.isEmpty)
            #expect(bench.told.isEmpty, "\(bench.told)")
            #expect(!File.exists(bench.folder + "/host/files/refs"))
        }
    }

    /// A file that is changed on the server while a machine changes it: both versions stay, with the same names everywhere.
    @Test func aCollisionIsFound() throws {
        try withBench(served: ["both": "at first"]) { bench in
            try bench.begin()
            try bench.waits(for: ["both": "at first"])
            // Neither can have seen the other: the server is away while both happen.
            bench.server.stop()
            try bench.write("by a machine of the run", "host/files/both")
            try bench.waits("the head has it") { bench.text("head/files/both") == "by a machine of the run" }
            try bench.write("by somebody else", "served/panel/both")
            try bench.server.start()
            try bench.waits("two files on all") {
                ["head/files", "host/files", "served/panel"].allSatisfy { bench.files($0).count == 2 }
            }
            let files = bench.files("head/files")
            #expect(Set(files.values) == ["by a machine of the run", "by somebody else"])
            let beside = try #require(files.keys.first { $0 != "both" })
            #expect(beside.hasPrefix("both.collision-ftp-") || beside.hasPrefix("both.collision-vega-"), "\(beside)")
            try bench.waits(for: files)
            #expect(bench.head.newCollisions().map(\.string) == [beside])
            // Whoever removes the one that is kept beside has settled it, on the server as well.
            File.remove(bench.served + "/" + beside)
            try bench.waits(for: ["both": files["both"] ?? ""])
        }
    }

    /// A server that dies in the midst of a file has no half of it under its name, and gets it whole when it is there again.
    @Test func aCutLeavesNoHalfFile() throws {
        var manner = FTPServer.Manner()
        manner.diesAfter = 1 << 20
        try withBench(manner) { bench in
            try bench.begin()
            let large = String(repeating: "0123456789abcdef", count: 1 << 18)
            try bench.write(large, "host/files/large")
            #expect(bench.server.hasDied())
            #expect(bench.files("served/panel").isEmpty)
            let cut = try Folder.names(in: bench.served).filter { $0.hasPrefix(".las-upload-") }
            #expect(cut.count == 1)
            bench.server.stop()
            try bench.server.start()
            try bench.waits("the server has it") { File.status(bench.served + "/large") != nil }
            #expect(bench.text("served/panel/large") == large)
            try bench.outpost?.finish(patience: 60)
            #expect(try Folder.names(in: bench.served) == ["large"])
        }
    }

    @Test func whoMayNotIsToldBeforeAnythingBegins() throws {
        var manner = FTPServer.Manner()
        manner.rights = "elr"
        try withBench(first: ["a": "packed"], served: ["b": "there"], manner) { bench in
            let wrong = try #require(throws: WorkspaceFailure.self) { try bench.begin(password: "wrong") }
            #expect(wrong.cause?.contains("does not let alice in") ?? false, "\(wrong)")
            let refused = try #require(throws: WorkspaceFailure.self) { try bench.begin() }
            #expect(refused.cause?.contains("can't put a file there") ?? false, "\(refused)")
            // Who writes nothing needs no more than to read.
            try withBench(served: ["b": "there"], manner) { bench in
                try bench.begin(writes: false)
                try bench.waits(for: ["b": "there"])
                #expect(try Folder.names(in: bench.served) == ["b"])
            }
        }
    }

    /// A folder that is suddenly empty is another one, and nothing is removed because of it; when it is back, all goes on.
    @Test func aFolderThatIsGoneRemovesNothing() throws {
        try withBench(served: ["a": "there"]) { bench in
            try bench.begin()
            try bench.waits(for: ["a": "there"])
            try File.rename(bench.served, to: bench.folder + "/aside")
            try Folder.make(bench.served)
            try bench.waits("it is told") { bench.told.contains { $0.contains("is not the one that it was") } }
            #expect(bench.files("head/files") == ["a": "there"])
            try Folder.remove(bench.served)
            try File.rename(bench.folder + "/aside", to: bench.served)
            try bench.write("new", "served/panel/b")
            try bench.waits(for: ["a": "there", "b": "new"])
        }
    }

    /// A run that is resumed knows what it had put there, and what was changed since then.
    @Test func aRunGoesOnWithWhatItKnew() throws {
        try withBench(served: ["a": "1", "b": "1", "c": "1"]) { bench in
            try bench.begin()
            try bench.waits(for: ["a": "1", "b": "1", "c": "1"])
            bench.outpost?.end()
            try bench.write("2 by a task", "host/files/a")
            try bench.write("2 there", "served/panel/b")
            File.remove(bench.served + "/c")
            try bench.begin()
            try bench.waits(for: ["a": "2 by a task", "b": "2 there"])
            #expect(bench.head.newCollisions().isEmpty)
        }
    }

    @Test func namesThatCantBeSaidStayHere() throws {
        try withBench { bench in
            try bench.begin()
            try bench.write("x", "host/files/two\nlines")
            try bench.write("y", "host/files/.las-upload-mine")
            try bench.write("z", "host/files/plain")
            try bench.waits("it is told") { bench.told.contains { $0.contains("can't be said there") } }
            try bench.waits("the server has the other") { bench.files("served/panel") == ["plain": "z"] }
            try bench.outpost?.finish(patience: 60)
            #expect(bench.text("head/files/two\nlines") == "x")
        }
    }
}
