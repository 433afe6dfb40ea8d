import Files
import Glibc
import TestSupport
import Testing

@testable import Unpacking

/// Images come from mksquashfs; what is unpacked is compared with the folder that it packed.
@Suite struct ImageReaderTests {
    private func image(of source: String, _ path: String, _ options: [String] = []) throws {
        let ended = try Program("mksquashfs").run(
            [source, path, "-comp", "zstd", "-Xcompression-level", "3", "-no-xattrs", "-quiet", "-no-progress"]
                + options)
        try #require(ended.status == 0, "\(ended.errors)")
    }

    @Test(arguments: [
        [], ["-b", "4096"], ["-b", "1M"], ["-always-use-fragments"], ["-no-fragments"], ["-noI", "-noD", "-noF"],
        ["-no-sparse"],
    ]) func theTreeThatIsUnpackedIsTheOneThatWasPacked(_ options: [String]) throws {
        try withScratch("unpack") { folder in
            try SampleTree.makeOddFolder(folder + "/tree")
            try image(of: folder + "/tree", folder + "/image", options)
            try Folder.make(folder + "/out")
            try ImageReader(folder + "/image").unpack(into: folder + "/out")
            let differences = try SampleTree.differences(folder + "/out", folder + "/tree")
            #expect(differences == [])
            #expect(File.status(folder + "/out/a-block")?.mode == 0o755, "setuid is dropped")
        }
    }

    /// Those that give rights stay behind.
    @Test(.enabled(if: SampleTree.hasAttributes), arguments: [[], ["-noX"]]) func attributesComeAlong(
        _ options: [String]
    ) throws {
        try withScratch("unpack") { folder in
            try Folder.make(folder + "/tree")
            try SampleTree.giveAttributes(folder + "/tree")
            let wanted = try SampleTree.attributes(of: folder + "/tree")
            if getuid() == 0 {
                let script = "import os, sys; os.setxattr(sys.argv[1], 'trusted.a', b'a')"
                #expect(try Program("python3").run("-c", script, folder + "/tree/with/none").status == 0)
            }
            let ended = try Program("mksquashfs").run(
                [folder + "/tree", folder + "/image", "-comp", "zstd", "-xattrs", "-quiet", "-no-progress"] + options)
            try #require(ended.status == 0, "\(ended.errors)")
            try Folder.make(folder + "/out")
            try ImageReader(folder + "/image").unpack(into: folder + "/out")
            #expect(try SampleTree.attributes(of: folder + "/out") == wanted)
            let listed = try ImageListing(try ImageReader(folder + "/image")).entries.filter { !$0.attributes.isEmpty }
            #expect(listed.map(\.path) == ["in", "in/alike", "in/long too", "long", "one", "two"].map { "with/" + $0 })
            #expect(try SampleTree.differences(folder + "/out", folder + "/tree") == [])
        }
    }

    @Test func anImageBehindOtherBytesIsReadAtItsOffset() throws {
        try withScratch("unpack") { folder in
            try Folder.make(folder + "/tree/inputs")
            try File.write("the plan", to: folder + "/tree/plan.json")
            try File.write([UInt8](repeating: 7, count: 300_000), to: folder + "/tree/inputs/long")
            try image(of: folder + "/tree", folder + "/image")
            try File.write([UInt8](repeating: 1, count: 8192) + File.read(folder + "/image"), to: folder + "/shifted")
            let reader = try ImageReader(folder + "/shifted", offset: 8192)
            let (plan, long) = (try path("plan.json"), try path("inputs/long"))
            #expect(try reader.read(plan) == Array("the plan".utf8))
            #expect(try reader.read(long) == [UInt8](repeating: 7, count: 300_000))
            let missing = #expect(throws: UnpackFailure.self) { try reader.read(try path("inputs/short")) }
            #expect(missing?.summary == "there is no file inputs/short in the image")
            #expect(throws: UnpackFailure.self) { try reader.read(long, atMost: 1000) }
            #expect(throws: UnpackFailure.self) { try ImageReader(folder + "/shifted", offset: 4096) }
        }
    }

    private func path(_ text: String) throws -> RelativePath { try #require(RelativePath(text)) }

    @Test func devicesAreRefused() throws {
        try withScratch("unpack") { folder in
            try Folder.make(folder + "/tree")
            try image(of: folder + "/tree", folder + "/image", ["-p", "null c 666 0 0 1 3"])
            try Folder.make(folder + "/out")
            let failure = #expect(throws: UnpackFailure.self) {
                try ImageReader(folder + "/image").unpack(into: folder + "/out")
            }
            #expect(failure?.cause == "it holds something that is no file, folder or link")
            #expect(failure?.exitCode == .integrity)
        }
    }

    @Test func otherCompressionsAreRefused() throws {
        try withScratch("unpack") { folder in
            try Folder.make(folder + "/tree")
            let ended = try Program("mksquashfs").run(folder + "/tree", folder + "/image", "-comp", "gzip", "-quiet")
            #expect(ended.status == 0)
            let failure = #expect(throws: UnpackFailure.self) { try ImageReader(folder + "/image") }
            #expect(failure?.cause == "it is not compressed with zstd")
        }
    }

    @Test func aFullDiskIsToldInTheSystemsWords() throws {
        guard getuid() == 0 else { return }
        try withScratch("unpack") { folder in
            try Folder.make(folder + "/tree")
            try File.write([UInt8](repeating: 7, count: 3_000_000), to: folder + "/tree/long")
            try image(of: folder + "/tree", folder + "/image")
            try Folder.make(folder + "/small")
            let mounted = try Program("mount").run("-t", "tmpfs", "-o", "size=1m", "none", folder + "/small")
            #expect(mounted.status == 0)
            // Detached: a child that another test is just starting may hold a file there open until its exec.
            defer { _ = try? Program("umount").run("-l", folder + "/small") }
            let failure = #expect(throws: UnpackFailure.self) {
                try ImageReader(folder + "/image").unpack(into: folder + "/small")
            }
            #expect(failure?.cause == "No space left on device")
            #expect(failure?.exitCode == .resources)
        }
    }

    /// Flips bits and cuts; whatever is unpacked must lie in the folder, and nothing may crash or hang.
    @Test func damagedImagesGiveAnErrorOrATree() throws {
        try withScratch("fuzz") { folder in
            try Folder.make(folder + "/tree/sub")
            for number in 0..<40 { try File.write("\(number)", to: folder + "/tree/file-\(number)") }
            try File.write([UInt8](repeating: 7, count: 200_000), to: folder + "/tree/sub/long")
            symlink("../file-1", folder + "/tree/sub/link")
            link(folder + "/tree/file-2", folder + "/tree/sub/other")
            if SampleTree.hasAttributes { try SampleTree.giveAttributes(folder + "/tree") }
            // Raw tables, so that a flip reaches them rather than zstd.
            try image(of: folder + "/tree", folder + "/image", ["-noI", "-noX", "-no-exports", "-xattrs"])
            let whole = try File.read(folder + "/image")
            var random = Steps(state: 20)
            var refused = 0
            for round in 0..<500 {
                var bytes = whole
                if round % 10 == 0 {
                    bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
                } else {
                    for _ in 0...Int.random(in: 0...2, using: &random) {
                        let at =
                            round % 3 == 0
                            ? Int.random(in: 0..<96, using: &random) : Int.random(in: 0..<bytes.count, using: &random)
                        bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    }
                }
                let (path, out) = ("\(folder)/damaged", "\(folder)/box/out-\(round)")
                try bytes.withUnsafeBytes { _ in try File.write(bytes, to: path) }
                try Folder.make(out)
                do { try ImageReader(path).unpack(into: out) } catch let failure as UnpackFailure {
                    refused += 1
                    #expect(failure.exitCode != .done)
                }
                try Folder.remove(out)
            }
            #expect(refused > 150)
            #expect(try Folder.names(in: folder + "/box").isEmpty)
            #expect(try Folder.names(in: folder) == ["box", "damaged", "image", "tree"])
        }
    }
}

/// A generator of the same numbers every time.
private struct Steps: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
