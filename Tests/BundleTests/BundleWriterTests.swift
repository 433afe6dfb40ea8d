import Digests
import Files
import Glibc
import Layers
import Parts
import TestSupport
import Testing

@testable import Bundle

@Suite struct BundleWriterTests {
    private func metro(_ folder: String, plan: String = "{}") throws -> MetroImage {
        var image = MetroImage()
        image.add(try path("plan.json"), bytes: Array(plan.utf8))
        try image.add(try path("files/bin/count"), fileAt: folder + "/count.sh")
        try image.add(try path("inputs/texts/a.txt"), fileAt: folder + "/a.txt")
        image.addFolder(try path("made"))
        return image
    }

    private func path(_ text: String) throws -> RelativePath { try #require(RelativePath(text)) }

    /// A bundle of a stand-in for the runtime, one environment and a metro.
    private func bundle(in folder: String, as name: String = "x.las", plan: String = "{}") throws -> (String, Digest) {
        try File.write("#!/bin/sh\nwc -l\n", to: folder + "/count.sh", mode: 0o750)
        try File.write([UInt8](repeating: 0x61, count: 300_000), to: folder + "/a.txt", mode: 0o600)
        try File.write([UInt8](repeating: 0x7f, count: 12_345), to: folder + "/runtime", mode: 0o755)
        try Folder.make(folder + "/root/etc")
        try File.write("hello", to: folder + "/root/etc/motd")
        #expect(try Program("find").run(folder + "/root", "-exec", "touch", "-d", "@1000000000", "{}", "+").status == 0)
        let lash = LASH(root: folder + "/lash")
        let (store, writer) = (PartStore(lash), ImageWriter(lash))
        let layer = try SampleLayers.layer(of: folder + "/root", named: "root")
        let parts = [
            try writer.metro(try metro(folder, plan: plan), named: "texts"),
            try writer.environment(LayeredTree(layers: [layer]), named: "base"),
            try store.add(runtimeAt: folder + "/runtime"),
        ]
        let identity = try BundleWriter(store).write(parts, to: "\(folder)/\(name)")
        return ("\(folder)/\(name)", identity)
    }

    @Test func theImagesOfABundleAreReadAtTheirOffsets() throws {
        try withScratch("bundle") { folder in
            let (path, identity) = try bundle(in: folder)
            let file = try BundleFile.open(path)
            try file.verify()
            #expect(file.identity == identity)
            #expect(file.parts.map(\.part.kind) == [.runtime, .environment, .metro])
            #expect(File.status(path)?.mode == 0o755)
            for placed in file.parts.dropFirst() {
                let out = "\(folder)/out-\(placed.part.name)"
                let ended = try Program("unsquashfs").run("-n", "-o", "\(placed.offset)", "-d", out, path)
                #expect(ended.status == 0, "\(ended.errors)")
            }
            #expect(try File.read(folder + "/out-base/etc/motd") == Array("hello".utf8))
            #expect(try Folder.names(in: folder + "/out-base") == [".las", "dev", "etc", "proc", "sys", "task", "tmp"])
            #expect(try Folder.names(in: folder + "/out-texts") == ["files", "inputs", "made", "plan.json"])
            #expect(try File.read(folder + "/out-texts/inputs/texts/a.txt") == File.read(folder + "/a.txt"))
            #expect(File.status(folder + "/out-texts/files/bin/count")?.mode == 0o755)
            #expect(File.status(folder + "/out-texts/inputs/texts/a.txt")?.mode == 0o644)
            #expect(File.status(folder + "/out-texts/plan.json")?.modified == 315_532_800)
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func theKernelMountsTheImagesOfABundle() throws {
        try withScratch("bundle") { folder in
            let (path, _) = try bundle(in: folder)
            let mounted = folder + "/mounted"
            try Folder.make(mounted)
            for placed in try BundleFile.open(path).parts.dropFirst() {
                let ended = try mountByLoop(path, on: mounted, offset: placed.offset)
                #expect(ended.status == 0, "\(ended.errors)")
                let read = try Program("bash").run("-c", "find \(mounted) -type f -print0 | xargs -0 sha256sum")
                #expect(read.status == 0 && read.lines.count >= 1)
                #expect(try Program("umount").run(mounted).status == 0)
            }
        }
    }

    @Test func theSameMetroGivesTheSameBytesElsewhereAndLater() throws {
        try withScratch("here") { here in
            let (one, _) = try bundle(in: here)
            sleep(1)
            try withScratch("there") { there in
                let (two, _) = try bundle(in: there, as: "another name.las")
                let compared = try Program("cmp").run(one, two)
                #expect(compared.status == 0, "\(compared.output)")
            }
        }
    }

    @Test func anEditedPlanLeavesTheOtherPartsAndTheInputsAsTheyWere() throws {
        try withScratch("bundle") { folder in
            let first = try BundleFile.open(try bundle(in: folder).0)
            let second = try BundleFile.open(try bundle(in: folder, as: "y.las", plan: #"{"edited":true}"#).0)
            #expect(first.identity != second.identity)
            #expect(first.parts.map(\.part).dropLast() == second.parts.map(\.part).dropLast())
            let common = Set(first.metro.extents.extents).intersection(second.metro.extents.extents)
            #expect(common.count >= 2, "the extents of the input and of the files")
        }
    }

    @Test func aPartThatIsDamagedInTheStoreMakesNoBundle() throws {
        try withScratch("bundle") { folder in
            let (path, _) = try bundle(in: folder)
            let store = PartStore(LASH(root: folder + "/lash"))
            let parts = try BundleFile.open(path).parts.map(\.part)
            let part = store.path(of: parts[2].digest)
            var bytes = try File.read(part)
            bytes[5000] ^= 1
            try File.write(bytes, to: part)
            let failure = #expect(throws: PartFailure.self) {
                try BundleWriter(store).write(parts, to: folder + "/bad.las")
            }
            #expect(failure?.place == part)
            #expect(failure?.summary.hasPrefix("the image of the metro “texts” was changed: extent 2 of ") == true)
            let left = try Folder.names(in: folder).filter { $0.hasPrefix("bad") }
            #expect(left == [])
            #expect(throws: PartFailure.self) {
                try BundleWriter(store).write(Array(parts.dropLast()), to: folder + "/bad.las")
            }
        }
    }

    /// Large parts go straight to the disk where the file system lets them, in pieces of several files.
    @Test func whatIsCopiedWithoutHashingIsTheSame() throws {
        try withScratch("bundle") { folder in
            // 48 MB in three layers, one of them of many small files; no length is that of what is written at once.
            let shell = """
                mkdir -p one two three && head -c 30000001 /dev/urandom > one/a && head -c 3000000 /dev/urandom > two/b
                for i in $(seq 300); do head -c 50000 /dev/urandom > three/$i; done
                """
            let made = try Program("sh").run("-c", "cd \(folder) && \(shell)")
            #expect(made.status == 0, "\(made.errors)")
            let lash = LASH(root: folder + "/lash")
            let layers = try ["one", "two", "three"].map { try SampleLayers.layer(of: "\(folder)/\($0)", named: $0) }
            let part = try ImageWriter(lash).environment(LayeredTree(layers: layers), named: "base")
            let reader = try PartStore(lash).reader(of: part.digest)
            let extents = try PartStore(lash).extents(of: part.digest)
            var told: Int64 = 0
            // At the beginning of a block, where it may go straight, and where it can't; over something that was there.
            for (name, offset) in [("straight", Int64(8192)), ("crooked", 8191)] {
                let path = "\(folder)/\(name)"
                let descriptor = try File.open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o644, action: "write")
                defer { close(descriptor) }
                try File.writeAll([UInt8](repeating: 7, count: 20_000), to: descriptor, path: path)
                told = 0
                try reader.copy(to: descriptor, at: offset, named: path) { told += $0 }
                #expect(told == part.size)
                #expect(fcntl(descriptor, F_GETFL) & 0o40000 == 0, "what follows is written as usual")
                #expect(pwrite(descriptor, [9, 9], 2, off_t(offset + part.size)) == 2)
                let written = try File.read(path, atMost: .max)
                #expect(written.prefix(Int(offset)).allSatisfy { $0 == 7 })
                #expect(written.count == Int(offset + part.size) + 2)
                var position = Int(offset)
                for extent in extents.extents {
                    let end = position + Int(extent.length)
                    #expect(Digest(of: written[position..<end]) == extent.digest)
                    position = end
                }
            }
        }
    }

    /// What was hashed once is copied by the kernel alone, until one of its files changes.
    @Test func aPartThatWasDamagedAfterItWasHashedMakesNoBundleEither() throws {
        try withScratch("bundle") { folder in
            let (path, identity) = try bundle(in: folder)
            let lash = LASH(root: folder + "/lash")
            let store = PartStore(lash)
            let parts = try BundleFile.open(path).parts.map(\.part)
            // Files so new that they may change unseen are hashed once more.
            sleep(1)
            usleep(200_000)
            for name in ["second", "third"] {
                #expect(try BundleWriter(store).write(parts, to: "\(folder)/\(name).las") == identity)
                #expect(try Folder.names(in: lash.stamps).filter { $0.hasPrefix("part-") }.count == 3)
                #expect(try Program("cmp").run(path, "\(folder)/\(name).las").status == 0)
            }
            let blocks = "\(lash.blocks)/\(try #require(try Folder.names(in: lash.blocks).first))"
            try Program("touch").run("-r", blocks, folder + "/time")
            var bytes = try File.read(blocks)
            bytes[1] ^= 1
            try File.create(blocks, bytes)
            try Program("touch").run("-r", folder + "/time", blocks)
            let failure = #expect(throws: PartFailure.self) {
                try BundleWriter(store).write(parts, to: folder + "/bad.las")
            }
            #expect(failure?.place == blocks)
        }
    }

    @Test func aFileWithTwoPlacesIsThereOnce() throws {
        try withScratch("bundle") { folder in
            try Program("dd").run("if=/dev/urandom", "of=\(folder)/data", "bs=1M", "count=1", "status=none")
            try Program("cp").run(folder + "/data", folder + "/copy")
            func size(_ second: String) throws -> Int64 {
                var image = MetroImage()
                try image.add(try path("inputs/a/reference/data"), fileAt: folder + "/data")
                try image.add(try path("inputs/b/reference/data"), fileAt: folder + "/" + second)
                return try ImageWriter(LASH(root: folder + "/lash")).metro(image, named: "x").size
            }
            #expect(try size("data") < 1_200_000)
            #expect(try size("copy") > 2_000_000)
        }
    }

    @Test func twoThingsWithOnePathAreAnError() throws {
        try withScratch("bundle") { folder in
            var image = MetroImage()
            image.add(try path("files/a"), bytes: [1])
            image.add(try path("files/a"), bytes: [2])
            #expect(throws: BundleFailure.self) { try ImageWriter(LASH(root: folder)).metro(image, named: "x") }
            var nested = MetroImage()
            nested.add(try path("files"), bytes: [1])
            nested.add(try path("files/a"), bytes: [2])
            let failure = #expect(throws: BundleFailure.self) {
                try ImageWriter(LASH(root: folder)).metro(nested, named: "x")
            }
            #expect(failure?.summary == "files is no folder, so files/a can't be in it")
        }
    }
}
