import Digests
import Files
import Glibc
import JSON
import Layers
import Parts
import TestSupport
import Testing

@testable import Bundle

/// The other formats are judged by the tools that take them: unsquashfs, bsdtar, skopeo, umoci.
@Suite struct FormatsTests {
    private struct Bench {
        let folder: String
        let tree: ExportedTree
        let writer: ImageWriter
        /// The same tree as plain files.
        let plain: String
    }

    private func withBench(threads: Int = 2, _ body: (Bench) throws -> Void) throws {
        try withScratch("formats") { folder in
            let script = #"""
                set -eu
                mkdir -p "$1/lower/etc" "$1/lower/usr/bin" "$1/lower/gone" "$1/upper/etc" "$1/metro"
                cp /usr/bin/bash "$1/lower/usr/bin/"; ln -s bash "$1/lower/usr/bin/sh"; ln "$1/lower/usr/bin/bash" "$1/lower/usr/bin/rbash"
                echo old > "$1/lower/etc/motd"; echo x > "$1/lower/gone/file"; : > "$1/lower/empty"
                echo ü > "$1/lower/etc/größe"; seq 1 300000 > "$1/lower/numbers"
                echo new > "$1/upper/etc/motd"
                long=$(printf 'n%.0s' $(seq 200)); mkdir -p "$1/upper/$long"; echo long > "$1/upper/$long/$long"
                printf '#!/bin/sh\nexit 0\n' > "$1/metro/las-runtime"; chmod 755 "$1/metro/las-runtime"; echo '{}' > "$1/metro/plan.json"
                mkdir "$1/metro/files"; echo own > "$1/metro/files/own"
                find "$1/lower" "$1/upper" -exec touch -h -d @1000000000 {} +
                mkdir "$1/plain"; cp -a "$1/lower/." "$1/plain/"; rm -r "$1/plain/gone"; cp -a "$1/upper/." "$1/plain/"
                cd "$1/plain"; mkdir -p .las dev proc sys task tmp; chmod 755 .las dev proc sys task; chmod 1777 tmp
                cp -r "$1/metro/"* .las/; chmod 644 .las/plan.json .las/files/own; chmod 755 .las/files
                """#
            let made = try Program("bash").run("-c", script, "-", folder)
            #expect(made.status == 0, "\(made.errors)")
            var metro = MetroImage()
            for name in ["las-runtime", "plan.json", "files/own"] {
                try metro.add(try #require(RelativePath(name)), fileAt: "\(folder)/metro/\(name)")
            }
            let layers = [
                try SampleLayers.layer(of: folder + "/lower", named: "lower"),
                try SampleLayers.layer(of: folder + "/upper", named: "upper", removing: ["gone"]),
            ]
            let tree = ExportedTree(environment: LayeredTree(layers: layers), metro: metro, name: "texts")
            let writer = ImageWriter(LASH(root: folder + "/lash"), options: ImageOptions(threads: threads))
            try body(Bench(folder: folder, tree: tree, writer: writer, plain: folder + "/plain"))
        }
    }

    private func isSame(_ bench: Bench, _ out: String) throws {
        let compared = try Program("diff").run("-r", "--no-dereference", bench.plain, out)
        #expect(compared.status == 0, "\(compared.output)")
        let script = #"cd "$1" && find . -printf '%P %m %y %l\n' | LC_ALL=C sort"#
        let (one, other) = (
            try Program("bash").run("-c", script, "-", bench.plain), try Program("bash").run("-c", script, "-", out)
        )
        #expect(one.lines.dropFirst() == other.lines.dropFirst())
    }

    @Test func unsquashfsUnpacksTheOneImage() throws {
        try withBench { bench in
            let (image, out) = (bench.folder + "/x.squashfs", bench.folder + "/out")
            try bench.writer.squashfs(bench.tree, to: image)
            let ended = try Program("unsquashfs").run("-n", "-d", out, image)
            #expect(ended.status == 0, "\(ended.errors)")
            try isSame(bench, out)
            #expect(try Folder.names(in: bench.writer.lash.temporary) == [])
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func theKernelMountsTheOneImage() throws {
        try withBench { bench in
            let (image, out) = (bench.folder + "/x.squashfs", bench.folder + "/out")
            try bench.writer.squashfs(bench.tree, to: image)
            try Folder.make(out)
            let ended = try mountByLoop(image, on: out)
            #expect(ended.status == 0, "\(ended.errors)")
            defer { _ = try? Program("umount").run(out) }
            try isSame(bench, out)
        }
    }

    @Test(.enabled(if: access("/dev/fuse", R_OK | W_OK) == 0, "FUSE is not for this user"))
    func squashfuseMountsTheOneImage() throws {
        try withBench { bench in
            let (image, out) = (bench.folder + "/x.squashfs", bench.folder + "/out")
            try bench.writer.squashfs(bench.tree, to: image)
            try Folder.make(out)
            let ended = try Program("squashfuse").run(image, out)
            #expect(ended.status == 0, "\(ended.errors)")
            defer { _ = try? Program("umount").run("-l", out) }
            try isSame(bench, out)
        }
    }

    @Test func bsdtarUnpacksTheTar() throws {
        try withBench { bench in
            let (tar, out) = (bench.folder + "/x.tar.zst", bench.folder + "/out")
            try bench.writer.tar(bench.tree, to: tar)
            try Folder.make(out)
            let ended = try Program("bash").run(
                "-c", #"LC_ALL=C.UTF-8 bsdtar -xpf "$1" -C "$2""#, "-", tar, out)
            #expect(ended.status == 0, "\(ended.errors)")
            try isSame(bench, out)
        }
    }

    @Test func theSameTreeGivesTheSameBytesInEveryFormat() throws {
        func digests(threads: Int) throws -> [Digest] {
            var digests: [Digest] = []
            try withBench(threads: threads) { bench in
                let paths = ["x.squashfs", "x.tar.zst", "x.oci.tar"].map { "\(bench.folder)/\($0)" }
                try bench.writer.squashfs(bench.tree, to: paths[0])
                try bench.writer.tar(bench.tree, to: paths[1])
                try bench.writer.oci([bench.tree], architecture: "amd64", to: paths[2])
                digests = try paths.map { Digest(of: try File.read($0)) }
            }
            return digests
        }
        #expect(try digests(threads: 1) == digests(threads: 8))
    }

    @Test func skopeoCopiesAndUmociUnpacksTheOCIImage() throws {
        try withBench { bench in
            let (layout, copy, out) = (bench.folder + "/x.oci", bench.folder + "/copy", bench.folder + "/out")
            try bench.writer.oci([bench.tree], architecture: "amd64", to: layout)
            let copied = try Program("skopeo").run(
                "copy", "--insecure-policy", "oci:\(layout):latest", "oci:\(copy):latest")
            #expect(copied.status == 0, "\(copied.errors)")
            let config = try JSONText.parse(
                Array(try Program("skopeo").run("inspect", "--config", "oci:\(copy):latest").output.utf8))
            #expect(config["config"]?["Entrypoint"] == ["/.las/las-runtime"])
            #expect(config["history"]?.array?.count == 5)
            let unpacked = try Program("umoci").run("unpack", "--rootless", "--image", "\(copy):latest", out)
            #expect(unpacked.status == 0, "\(unpacked.errors)")
            // What changes in a container from task to task are links into one folder; the metro's own files lie beside.
            let script =
                #"cd "$1" && readlink task .las/made .las/files .las/workspaces && stat -c %a .las/here && rm task .las/made .las/files .las/workspaces && "#
                + "rmdir .las/here && mkdir task && mv .las/files.own .las/files"
            let links = try Program("bash").run("-c", script, "-", out + "/rootfs")
            #expect(
                links.lines == ["/.las/here/task", "here/made", "here/files", "here/workspaces", "1777"],
                "\(links.errors)")
            try isSame(bench, out + "/rootfs")
        }
    }

    @Test func anArchiveOfTheOCIImageIsTakenToo() throws {
        try withBench { bench in
            let archive = bench.folder + "/x.oci.tar"
            try bench.writer.oci([bench.tree], architecture: "amd64", to: archive)
            let inspected = try Program("skopeo").run("inspect", "oci-archive:\(archive)")
            #expect(inspected.status == 0, "\(inspected.errors)")
            #expect(try JSONText.parse(Array(inspected.output.utf8))["Os"]?.string == "linux")
        }
    }

    @Test func smallLayersShareOneAndLargeOnesAndRemovalsStayAlone() throws {
        func layer(_ name: String, _ size: Int64, removes: Bool = false) throws -> Layer {
            let path = try #require(RelativePath(name))
            var entries = [LayerEntry(path: path, kind: .file(size: size), mode: 0o644, modified: 0)]
            if removes { entries.append(LayerEntry(path: path, kind: .removed, mode: 0, modified: 0)) }
            return Layer(digest: Digest(of: name), name: name, tree: "/nowhere", entries: entries)
        }
        let layers = [
            try layer("a", 10), try layer("b", 20), try layer("c", 5 << 20), try layer("d", 10),
            try layer("e", 10, removes: true), try layer("f", 10),
        ]
        #expect(OCIImage.groups(of: layers).map { $0.map(\.name) } == [["a", "b"], ["c"], ["d"], ["e"], ["f"]])
        let many = try (0..<300).map { try layer("layer \($0)", Int64($0 % 2) << 21) }
        #expect(OCIImage.groups(of: many).count <= OCIImage.mostLayers)
        #expect(OCIImage.groups(of: many).flatMap { $0 }.map(\.name) == many.map(\.name))
    }
}
