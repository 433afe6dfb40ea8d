import Digests
import Files
import Glibc
import Layers
import Parts
import TestSupport
import Testing

@testable import Bundle

/// Images are judged by the tools that read them: unsquashfs, the kernel, squashfuse.
@Suite struct ImageWriterTests {
    /// A folder with the odd tree in `lower`, a few real files in `middle`, and changes to both in `upper`.
    private func withTree(_ body: (_ folder: String, LayeredTree) throws -> Void) throws {
        try withScratch("image") { folder in
            let (lower, middle, upper) = (folder + "/lower", folder + "/middle", folder + "/upper")
            try SampleTree.makeOddFolder(lower)
            let script = #"""
                set -eu
                mkdir -p "$1/usr/share" "$1/usr/bin" "$2/sub" "$2/etc"
                cp -a /usr/share/doc/bash /usr/share/zoneinfo/Europe "$1/usr/share/"; cp -a /usr/bin/bash /usr/bin/mawk "$1/usr/bin/"
                echo changed > "$2/program"; echo new > "$2/etc/new"; ln "$2/etc/new" "$2/sub/new too"
                find "$1" "$2" -exec touch -h -d '2010-02-03 04:05:06 UTC' {} +
                """#
            let made = try Program("bash").run("-c", script, "-", middle, upper)
            #expect(made.status == 0, "\(made.errors)")
            let tree = LayeredTree(layers: [
                try SampleLayers.layer(of: lower, named: "lower"), try SampleLayers.layer(of: middle, named: "middle"),
                try SampleLayers.layer(of: upper, named: "upper", removing: ["sub/deep", "blocks"]),
            ])
            // The same tree as plain files, for comparison.
            let merge = #"""
                set -eu
                mkdir "$1/plain" && cp -a "$1/lower/." "$1/middle/." "$1/plain/"
                cd "$1/plain" && rm -r sub/deep blocks && cp -a "$1/upper/." .
                mkdir -p .las dev proc sys task tmp && chmod 755 .las dev proc sys task && chmod 1777 tmp
                touch -d @0 .las dev proc sys task tmp
                touch -d '2010-02-03 04:05:06 UTC' sub etc usr usr/share usr/bin
                """#
            let ended = try Program("bash").run("-c", merge, "-", folder)
            #expect(ended.status == 0, "\(ended.errors)")
            try body(folder, tree)
        }
    }

    private func write(_ tree: LayeredTree, in folder: String, threads: Int = 2) throws -> (path: String, part: Part) {
        let lash = LASH(root: "\(folder)/lash-\(threads)")
        let writer = ImageWriter(lash, options: ImageOptions(threads: threads))
        let part = try writer.environment(tree, named: "base")
        return (try PartStore(lash).whole(part), part)
    }

    @Test func unsquashfsReadsBackTheSameTree() throws {
        try withTree { folder, tree in
            let (path, part) = try write(tree, in: folder)
            let out = folder + "/out"
            let ended = try Program("unsquashfs").run("-n", "-d", out, path)
            #expect(ended.status == 0, "\(ended.errors)")
            let differences = try SampleTree.differences(out, folder + "/plain")
            #expect(differences == [])
            #expect(part.size % 4096 == 0)
            #expect(try PartStore(LASH(root: folder + "/lash-2")).extents(of: part.digest).size == part.size)
            try PartStore(LASH(root: folder + "/lash-2")).verify(part)
        }
    }

    @Test(.enabled(if: getuid() == 0, "mounting needs root"))
    func theKernelReadsTheSameTree() throws {
        try withTree { folder, tree in
            let (path, _) = try write(tree, in: folder)
            let mounted = folder + "/mounted"
            try Folder.make(mounted)
            // Behind other bytes, as in a bundle.
            let script = #"set -e; { head -c 8192 /dev/urandom; cat "$1"; } > "$2/shifted""#
            let shifted = try Program("bash").run("-c", script, "-", path, folder)
            #expect(shifted.status == 0, "\(shifted.errors)")
            let ended = try mountByLoop(folder + "/shifted", on: mounted, offset: 8192)
            #expect(ended.status == 0, "\(ended.errors)")
            defer { _ = try? Program("umount").run(mounted) }
            let differences = try SampleTree.differences(mounted, folder + "/plain")
            #expect(differences == [])
        }
    }

    @Test(.enabled(if: access("/dev/fuse", R_OK | W_OK) == 0, "squashfuse needs /dev/fuse"))
    func squashfuseReadsTheSameTree() throws {
        try withTree { folder, tree in
            let (path, _) = try write(tree, in: folder)
            let mounted = folder + "/mounted"
            try Folder.make(mounted)
            let script =
                #"""
                set -e; { head -c 8192 /dev/urandom; cat "$1"; } > "$2/shifted"
                # The server must not keep what the test waits for.
                for n in /proc/$$/fd/*; do n=${n##*/}; [ "$n" -le 2 ] || eval "exec $n>&-"; done
                squashfuse -o offset=8192 "$2/shifted" "$3" > /dev/null 2>&1
                """#
            let ended = try Program("bash").run("-c", script, "-", path, folder, mounted)
            #expect(ended.status == 0, "\(ended.errors)")
            defer { _ = try? Program("umount").run(mounted) }
            let differences = try SampleTree.differences(mounted, folder + "/plain")
            #expect(differences == [])
        }
    }

    @Test func theBytesDoNotDependOnTheNumberOfThreadsOrTheFolder() throws {
        try withTree { folder, tree in
            let digests = try [1, 2, 8].map { try write(tree, in: folder, threads: $0).part.digest }
            #expect(Set(digests).count == 1)
            try withScratch("elsewhere") { elsewhere in
                let copied = try Program("cp").run(
                    "-a", folder + "/lower", folder + "/middle", folder + "/upper", elsewhere)
                #expect(copied.status == 0)
                let moved = LayeredTree(
                    layers: tree.layers.map {
                        Layer(
                            digest: $0.digest, name: $0.name, tree: elsewhere + "/" + $0.name, entries: $0.entries)
                    })
                let digest = try write(moved, in: elsewhere).part.digest
                #expect(digest == digests[0])
            }
        }
    }

    @Test func aLayersExtentsStayWhenAnotherLayerComesBeforeIt() throws {
        try withTree { folder, tree in
            let writer = ImageWriter(LASH(root: folder + "/lash"))
            func extents(_ layers: [Layer]) throws -> Set<Digest> {
                let part = try writer.environment(LayeredTree(layers: layers), named: "x")
                return Set(try PartStore(writer.lash).extents(of: part.digest).extents.map(\.digest))
            }
            let one = try extents([tree.layers[0]])
            let both = try extents([tree.layers[2], tree.layers[0]])
            // All but the head and the tables.
            #expect(one.subtracting(both).count <= 3)
            #expect(one.count > 6)
        }
    }

    @Test func theSecondTimeTheImageIsFoundInTheStore() throws {
        try withTree { folder, tree in
            let lash = LASH(root: folder + "/lash")
            let writer = ImageWriter(lash)
            let first = try writer.environment(tree, named: "one")
            try Folder.remove(folder + "/lower")
            let second = try writer.environment(tree, named: "two")
            #expect(second.digest == first.digest && second.name == "two")
            #expect(try Folder.names(in: lash.temporary) == [])
        }
    }

    @Test func aFileThatChangesWhileItIsPackedIsAnError() throws {
        try withTree { folder, tree in
            try File.write("longer than before, and than it was", to: folder + "/upper/program")
            let failure = #expect(throws: BundleFailure.self) { try write(tree, in: folder) }
            #expect(failure?.summary == "a file changed while it was packed")
            #expect(failure?.place == folder + "/upper/program")
            #expect(try Folder.names(in: folder + "/lash-2/tmp") == [])
            #expect(!File.exists(folder + "/lash-2/parts"))
        }
    }
}
