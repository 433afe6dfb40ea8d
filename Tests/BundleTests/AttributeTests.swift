import Files
import Glibc
import Layers
import TestSupport
import Testing

@testable import Bundle

/// Extended attributes come out of every format as they went in; those that give rights don't. Judged by the tools that read them.
@Suite(.enabled(if: SampleTree.hasAttributes, "the disk of /tmp has no attributes"))
struct AttributeTests {
    /// - Parameter body: given what the attributes of the tree are, as `SampleTree.attributes` lists them.
    private func withTree(
        _ body: (_ folder: String, _ writer: ImageWriter, _ tree: ExportedTree, _ wanted: [String]) throws -> Void
    ) throws {
        try withScratch("attributes") { folder in
            let (lower, upper) = (folder + "/lower", folder + "/upper")
            for layer in [lower, upper] { try Folder.make(layer) }
            try SampleTree.giveAttributes(lower)
            try File.write("with rights", to: lower + "/with/rights")
            try File.write("another layer's, with the same", to: upper + "/alike")
            try FileAttribute.give(try File.attributes(of: lower + "/with/one"), to: upper + "/alike")
            let wanted = try SampleTree.attributes(of: lower) + SampleTree.attributes(of: upper)
            if getuid() == 0 {
                let script =
                    "import os, sys; os.setxattr(sys.argv[1], 'trusted.a', b'a'); os.setxattr(sys.argv[1], 'security.a', b'a')"
                #expect(try Program("python3").run("-c", script, lower + "/with/rights").status == 0)
            }
            let layers = [
                try SampleLayers.layer(of: lower, named: "lower"), try SampleLayers.layer(of: upper, named: "upper"),
            ]
            var metro = MetroImage()
            metro.add(try #require(RelativePath("las-runtime")), bytes: Array("#!/bin/sh\n".utf8), isProgram: true)
            let writer = ImageWriter(LASH(root: folder + "/lash"), options: ImageOptions(threads: 2))
            try body(
                folder, writer, ExportedTree(environment: LayeredTree(layers: layers), metro: metro, name: "a"),
                wanted.sorted())
        }
    }

    private func image(_ folder: String, _ writer: ImageWriter, _ tree: ExportedTree) throws -> String {
        let path = folder + "/x.squashfs"
        try writer.squashfs(tree, to: path)
        return path
    }

    @Test func unsquashfsGivesThem() throws {
        try withTree { folder, writer, tree, wanted in
            let out = folder + "/out"
            let ended = try Program("unsquashfs").run(
                "-n", "-xattrs", "-d", out, try image(folder, writer, tree))
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(try SampleTree.attributes(of: out) == wanted)
            #expect(wanted.count == 12)
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func theKernelShowsThem() throws {
        try withTree { folder, writer, tree, wanted in
            let mounted = folder + "/mounted"
            try Folder.make(mounted)
            let image = try image(folder, writer, tree)
            let ended = try mountByLoop(image, on: mounted)
            try #require(ended.status == 0, "\(ended.errors)")
            defer { _ = try? Program("umount").run(mounted) }
            #expect(try SampleTree.attributes(of: mounted) == wanted)
            let compared = try Program("diff").run("-r", folder + "/lower/with", mounted + "/with")
            #expect(compared.status == 0, "\(compared.output)")
        }
    }

    @Test(arguments: [["bsdtar", "--xattrs", "-xpf"], ["tar", "--xattrs", "--zstd", "-xf"]])
    func tarGivesThem(_ words: [String]) throws {
        try withTree { folder, writer, tree, wanted in
            let (tar, out) = (folder + "/x.tar.zst", folder + "/out")
            try writer.tar(tree, to: tar)
            try Folder.make(out)
            let ended = try Program(words[0]).run(words.dropFirst() + [tar, "-C", out])
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(try SampleTree.attributes(of: out) == wanted)
        }
    }

    @Test(.enabled(if: getuid() == 0, "umoci leaves them out for others"))
    func umociGivesThoseOfAnOCIImage() throws {
        try withTree { folder, writer, tree, wanted in
            let (layout, copy, out) = (folder + "/x.oci", folder + "/copy", folder + "/out")
            try writer.oci([tree], architecture: "amd64", to: layout)
            let copied = try Program("skopeo").run(
                "copy", "--insecure-policy", "oci:\(layout):latest", "oci:\(copy):latest")
            #expect(copied.status == 0, "\(copied.errors)")
            let unpacked = try Program("umoci").run("unpack", "--image", "\(copy):latest", out)
            #expect(unpacked.status == 0, "\(unpacked.errors)")
            // To programs in Go, a record without a value says that there is no such record.
            #expect(try SampleTree.attributes(of: out + "/rootfs") == wanted.filter { !$0.contains("user.empty") })
        }
    }

    @Test func theSameBytesWithAnyNumberOfThreads() throws {
        try withTree { folder, _, tree, _ in
            let digests = try [1, 2, 8].map { threads in
                let writer = ImageWriter(
                    LASH(root: "\(folder)/lash-\(threads)"), options: ImageOptions(threads: threads))
                return try writer.environment(tree.environment, named: "a").digest
            }
            #expect(Set(digests).count == 1)
        }
    }
}
