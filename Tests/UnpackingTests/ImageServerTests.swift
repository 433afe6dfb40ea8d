import CLinux
import Files
import Glibc
import TestSupport
import Testing
import Threads

@testable import Unpacking

/// What is seen through FUSE is compared with the folder that was packed, by reading it as any program does.
@Suite struct ImageServerTests {
    private func withServed(
        _ options: [String], make: (String) throws -> Void,
        _ body: @escaping @Sendable (_ mounted: String, _ tree: String) throws -> Void
    ) throws {
        // An ordinary user's turn is with the runtime, which has one thread when it mounts.
        guard OrdinaryUser.isRootHere, File.exists("/dev/fuse") else { return }
        try withScratch("served") { folder in
            try make(folder + "/tree")
            let ended = try Program("mksquashfs").run(
                [folder + "/tree", folder + "/image", "-comp", "zstd", "-no-xattrs", "-quiet", "-no-progress"] + options
            )
            try #require(ended.status == 0, "\(ended.errors)")
            try Folder.make(folder + "/mounted")
            try OwnThread.waiting {
                try #require(las_own_mounts() == 0)
                var (device, stage) = (Int32(-1), Int32(0))
                try #require(las_mount_fuse(folder + "/mounted", &device, &stage) == 0)
                let server = try ImageServer(try ImageReader(folder + "/image"), device: device)
                let serving = try OwnThread { ImageServer.serve([server]) }
                defer {
                    las_unmount(folder + "/mounted")
                    serving.join()
                    close(device)
                }
                try body(folder + "/mounted", folder + "/tree")
            }
        }
    }

    @Test(arguments: [
        [], ["-b", "4096"], ["-b", "1M"], ["-always-use-fragments"], ["-no-fragments"], ["-noI", "-noD", "-noF"],
    ]) func theTreeThatIsServedIsTheOneThatWasPacked(_ options: [String]) throws {
        try withServed(options, make: SampleTree.makeOddFolder) { mounted, tree in
            #expect(try SampleTree.differences(mounted, tree) == [])
            // Pieces of any length, from any place, by several programs at once.
            let script = """
                cd "$1"; for n in 1 4095 4097 131073 999999; do for f in $(find . -type f -size +4k); do
                tail -c +$n "$f" | cmp - <(tail -c +$n "$2/$f") || echo "$f differs from byte $n on"; done & done; wait
                """
            let ended = try Program("bash").run(["-c", script, "bash", mounted, tree])
            #expect(ended.output + ended.errors == "")
        }
    }

    @Test(.enabled(if: SampleTree.hasAttributes)) func attributesAreShown() throws {
        try withServed(
            ["-xattrs"],
            make: { tree in
                try Folder.make(tree)
                try SampleTree.giveAttributes(tree)
            }
        ) { mounted, tree in
            let wanted = try SampleTree.attributes(of: tree)
            #expect(try SampleTree.attributes(of: mounted) == wanted)
            let differences = try SampleTree.differences(mounted, tree)
            #expect(differences == [])
        }
    }

    @Test func namesThatAreNotThereAndFoldersOfThousandsAreAnswered() throws {
        try withServed(
            [],
            make: { tree in
                try Folder.make(tree + "/many")
                for number in 0..<3000 { try File.write("", to: "\(tree)/many/name \(number)") }
            }
        ) { mounted, _ in
            let names = try Folder.names(in: mounted + "/many")
            #expect(names.count == 3000)
            #expect(File.status(mounted + "/many/name 2999")?.kind == .file)
            #expect(File.status(mounted + "/many/name 3000") == nil)
            #expect(File.status(mounted + "/many/name") == nil)
            #expect(open(mounted + "/many/new", O_WRONLY | O_CREAT, 0o644) < 0 && errno == EROFS)
            var about = statvfs()
            #expect(statvfs(mounted, &about) == 0)
            #expect(about.f_namemax == 255 && about.f_flag & UInt(ST_NOSUID) != 0)
        }
    }
}
