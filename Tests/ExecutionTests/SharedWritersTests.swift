import Files
import Glibc
import HostProtocol
import TestSupport
import Testing
import Threads

@testable import Execution

/// Two machines that write one file of a folder that all of them see.
@Suite struct SharedWritersTests {
    private func written(_ paths: String..., on fileSystem: String) throws -> WrittenFiles {
        WrittenFiles(
            workspace: "panel", fileSystem: fileSystem, paths: try paths.map { try #require(RelativePath($0)) })
    }

    @Test func twoThatWroteOneFileAtOnceAreFoundOnce() throws {
        var writers = SharedWriters()
        let first = writers.add(try written("a", "b", "own", on: "x"), by: 0, began: 10, ended: 20)
        #expect(first.isEmpty)
        // While the first one ran.
        let second = writers.add(try written("a", "c", on: "y"), by: 1, began: 15, ended: 25)
        #expect(second.map(\.path.string) == ["a"] && second.map(\.other) == [0])
        let again = writers.add(try written("a", on: "y"), by: 1, began: 16, ended: 26)
        #expect(again.isEmpty)
        // After it, and by itself.
        let later = writers.add(try written("b", on: "y"), by: 1, began: 20, ended: 30)
        #expect(later.isEmpty)
        let own = writers.add(try written("own", on: "x"), by: 0, began: 12, ended: 22)
        #expect(own.isEmpty)
        // Two hosts that are one machine: nobody knows who it was.
        let same = writers.add(try written("c", on: "y"), by: 2, began: 15, ended: 25)
        #expect(same.isEmpty)
    }

    /// Until it is so, however long the machine takes.
    private func waits(_ isSo: () -> Bool) -> Bool {
        for _ in 0..<12_000 {
            if isSo() { return true }
            usleep(10_000)
        }
        return false
    }

    @Test func whatThisMachineWritesIsKnown() throws {
        try withScratch { scratch in
            let folder = scratch + "/files"
            try Folder.make(folder + "/deep")
            for name in ["old", "deep/old", "gone"] { try File.write("old\n", to: "\(folder)/\(name)") }
            let watch = try #require(SharedWatch(folder))
            defer { watch.stop() }
            let begun = Clock.monotonic
            #expect(watch.written(since: begun) == [])
            try File.write("new\n", to: folder + "/deep/new")
            try Folder.make(folder + "/made/in/it")
            try File.write("new\n", to: folder + "/made/in/it/x")
            try File.write("again\n", to: folder + "/old")
            File.remove(folder + "/gone")
            try File.write("for a while\n", to: folder + "/while")
            File.remove(folder + "/while")
            func paths() -> [String]? { watch.written(since: begun)?.map(\.string) }
            #expect(waits { paths() == ["deep/new", "made/in/it/x", "old"] }, "\(paths() ?? [])")
            // A folder that is moved is looked at under its new name.
            rename(folder + "/made", folder + "/moved")
            try File.write("new\n", to: folder + "/moved/in/y")
            #expect(waits { paths() == ["deep/new", "moved/in/it/x", "moved/in/y", "old"] }, "\(paths() ?? [])")
            // Only since then.
            let then = Clock.monotonic
            try File.write("once more\n", to: folder + "/deep/new")
            #expect(waits { watch.written(since: then)?.map(\.string) == ["deep/new"] })
        }
    }

    /// What another machine writes is not this one's: two mounts of one server stand for two machines.
    @Test(.enabled(if: SharedMount.missingSSHFS == nil, "needs sshfs"))
    func whatIsWrittenThroughAnotherMountIsNotKnown() throws {
        try withScratch { scratch in
            let mount = try SharedMount.sshfs(in: scratch)
            let watch = try #require(SharedWatch(mount.path))
            defer { watch.stop() }
            let other = try #require(SharedWatch(mount.served))
            defer { other.stop() }
            #expect(watch.fileSystem != other.fileSystem)
            let begun = Clock.monotonic
            // As another machine would, behind the server.
            try File.write("of another\n", to: mount.served + "/a")
            try File.write("of this one\n", to: mount.path + "/b")
            #expect(waits { watch.written(since: begun)?.map(\.string) == ["b"] })
            #expect(waits { other.written(since: begun)?.map(\.string).contains("a") ?? false })
            #expect(waits { File.exists(mount.path + "/a") })
            #expect(watch.written(since: begun)?.map(\.string) == ["b"])
        }
    }
}
