import Digests
import Files
import Glibc
import Layers
import Parts
import TestSupport
import Testing

@testable import Bundle

/// Layers are compressed once: what later images have of them is what the first one had.
@Suite struct BlockStoreTests {
    /// Two layers: one of large and small files, some of them twice; one of a single small file.
    private func withLayers(_ body: (_ folder: String, _ large: Layer, _ small: Layer) throws -> Void) throws {
        try withScratch("blocks") { folder in
            let script = #"""
                set -eu
                mkdir -p "$1/large/sub" "$1/small"
                seq 1 400000 > "$1/large/numbers"; cp "$1/large/numbers" "$1/large/sub/numbers again"
                for n in 1 2 3; do echo "the same" > "$1/large/sub/note $n"; done
                echo "not them" > "$1/large/sub/other"
                head -c 300000 /dev/urandom > "$1/large/noise"; truncate -s 400000 "$1/large/hole"
                echo small > "$1/small/only"
                find "$1" -exec touch -h -d @1000000000 {} +
                """#
            let made = try Program("bash").run("-c", script, "-", folder)
            #expect(made.status == 0, "\(made.errors)")
            try body(
                folder, try SampleLayers.layer(of: folder + "/large", named: "large"),
                try SampleLayers.layer(of: folder + "/small", named: "small"))
        }
    }

    private func image(_ layers: [Layer], in lash: LASH, threads: Int = 2, level: Int = 3) throws -> Part {
        try ImageWriter(lash, options: ImageOptions(level: level, threads: threads))
            .environment(LayeredTree(layers: layers), named: "base")
    }

    private func blocks(_ lash: LASH) throws -> [String] {
        File.exists(lash.blocks) ? try Folder.names(in: lash.blocks) : []
    }

    /// As if the images had never been made; the blocks stay.
    private func forgetImages(_ lash: LASH) throws {
        try Folder.remove(lash.parts)
        try Folder.remove(lash.made)
    }

    @Test func filesThatAreAlikeAreStoredOnce() throws {
        try withLayers { folder, large, _ in
            let lash = LASH(root: folder + "/lash")
            let part = try image([large], in: lash)
            // The numbers take 2.8 MB, about 0.6 MB compressed.
            #expect(part.size < 1_400_000)
            let out = folder + "/out"
            let ended = try Program("unsquashfs").run("-n", "-d", out, try PartStore(lash).whole(part))
            #expect(ended.status == 0, "\(ended.errors)")
            for mountPoint in [".las", "dev", "proc", "sys", "task", "tmp"] {
                try Folder.remove("\(out)/\(mountPoint)")
            }
            let compared = try Program("diff").run("-r", folder + "/large", out)
            #expect(compared.status == 0, "\(compared.output)")
        }
    }

    @Test func aLayerIsCompressedOnceForAllImages() throws {
        try withLayers { folder, large, small in
            let lash = LASH(root: folder + "/lash")
            let first = try image([large], in: lash)
            let before = try blocks(lash)
            #expect(before.count == 1)
            // The files are not needed again.
            try Folder.remove(folder + "/large")
            let second = try image([large, small], in: lash)
            #expect(second.digest != first.digest)
            #expect(try blocks(lash).count == 2)
            let store = PartStore(lash)
            let common = Set(try store.extents(of: first.digest).extents)
                .intersection(try store.extents(of: second.digest).extents)
            #expect(common.reduce(0) { $0 + $1.length } > first.size - 16384)
        }
    }

    @Test(arguments: [1, 2, 8]) func warmOrColdAndWithAnyNumberOfThreadsTheBytesAreTheSame(_ threads: Int) throws {
        try withLayers { folder, large, small in
            let reference = try image([large, small], in: LASH(root: folder + "/reference"), threads: 2)
            let lash = LASH(root: folder + "/lash")
            let cold = try image([large, small], in: lash, threads: threads)
            try forgetImages(lash)
            let warm = try image([large, small], in: lash, threads: threads)
            // One of the two from the store, the other made anew.
            try forgetImages(lash)
            File.remove("\(lash.blocks)/\(try #require(try blocks(lash).first))")
            let mixed = try image([large, small], in: lash, threads: threads)
            #expect([cold, warm, mixed] == [reference, reference, reference])
        }
    }

    @Test func anotherLevelHasBlocksOfItsOwn() throws {
        try withLayers { folder, large, _ in
            let lash = LASH(root: folder + "/lash")
            let (three, nine) = (try image([large], in: lash), try image([large], in: lash, level: 9))
            #expect(three.digest != nine.digest)
            #expect(try blocks(lash).count == 2)
        }
    }

    @Test func anEntryThatIsCutShortOrHasADamagedIndexIsMadeAgain() throws {
        try withLayers { folder, large, _ in
            let lash = LASH(root: folder + "/lash")
            let first = try image([large], in: lash)
            let entry = "\(lash.blocks)/\(try #require(try blocks(lash).first))"
            let whole = try File.read(entry)
            var changed = whole
            changed[whole.count - 100] ^= 1
            for damaged in [Array(whole.dropLast(1)), Array(whole.prefix(5000)), [], changed] {
                try forgetImages(lash)
                try File.write(damaged, to: entry)
                let again = try image([large], in: lash)
                #expect(again == first)
                #expect(try File.read(entry) == whole)
            }
        }
    }

    /// Damaged on the disk after it was made, and before it is compressed: its blocks would be wrong for ever.
    @Test func aDamagedLayerIsNotCompressedAndLeavesTheStore() throws {
        try withLayers { folder, large, _ in
            let lash = LASH(root: folder + "/lash")
            let store = LayerStore(lash: lash)
            func publish() throws -> Layer {
                let prepared = try store.prepare(name: "large") { made in
                    try Program("cp").run("-a", folder + "/large/.", made + "/tree")
                    return large.entries
                }
                return try #require(try store.publish([(large.digest, prepared)]).first)
            }
            let reference = try image([large], in: LASH(root: folder + "/reference"))
            #expect(try publish().isFresh)
            let numbers = "\(store.folder(of: large.digest))/tree/numbers"
            var bytes = try File.read(numbers)
            bytes[7] ^= 1
            try File.create(numbers, bytes)
            let damaged = try #require(try store.layer(large.digest))
            let failure = #expect(throws: LayerFailure.self) { try image([damaged], in: lash) }
            #expect(failure?.hasLeft == true && failure?.summary.contains("tree/numbers") == true)
            #expect(try store.layer(large.digest) == nil)
            #expect(!File.exists(lash.blocks))
            #expect(try image([publish()], in: lash) == reference)
        }
    }

    /// As the store makes one: with its files' digests written down.
    private func published(_ layer: Layer, of folder: String, in lash: LASH) throws -> Layer {
        let store = LayerStore(lash: lash)
        let prepared = try store.prepare(name: layer.name) { made in
            try Program("cp").run("-a", folder + "/.", made + "/tree")
            return layer.entries
        }
        return try #require(try store.publish([(layer.digest, prepared)]).first)
    }

    @Test func whatIsWrittenDownOfALayersFilesTellsWhichAreAlike() throws {
        try withLayers { folder, large, _ in
            let lash = LASH(root: folder + "/lash")
            let layer = try published(large, of: folder + "/large", in: lash)
            let digests = try #require(layer.fileDigests)
            let paths = layer.entries.filter { if case .file = $0.kind { true } else { false } }.map(\.path)
            #expect(digests == (try paths.map { try FileDigest.digest(of: "\(layer.tree)/\($0)") }))
            #expect(try image([layer], in: lash) == image([large], in: LASH(root: folder + "/reference")))
            // A list that is not of just these files is not used.
            let others = Layer(
                digest: layer.digest, name: layer.name, tree: layer.tree, entries: Array(layer.entries.reversed()))
            #expect(others.fileDigests == nil)
        }
    }

    @Test func whatIsCompressedAheadIsFoundByTheImage() throws {
        try withLayers { folder, large, small in
            let reference = try image([large, small], in: LASH(root: folder + "/reference"))
            let lash = LASH(root: folder + "/lash")
            let fresh = try published(large, of: folder + "/large", in: lash)
            let ahead = BlocksAhead(ImageWriter(lash, options: ImageOptions(threads: 2)))
            // Not one that was there before: it is looked at first.
            ahead.begin([fresh, small])
            for _ in 0..<12_000 where try blocks(lash).isEmpty { usleep(10_000) }
            ahead.stop()
            #expect(try blocks(lash).count == 1)
            #expect(try image([fresh, small], in: lash) == reference)
            ahead.begin([fresh])
            ahead.stop()
        }
    }

    @Test func damagedBlocksLeaveTheStoreWithAnErrorAndAreMadeAgain() throws {
        try withLayers { folder, large, _ in
            let lash = LASH(root: folder + "/lash")
            let store = PartStore(lash)
            let first = try image([large], in: lash)
            let entry = "\(lash.blocks)/\(try #require(try blocks(lash).first))"
            var bytes = try File.read(entry)
            bytes[12345] ^= 1
            try File.write(bytes, to: entry)
            let failure = #expect(throws: PartFailure.self) { try store.whole(first) }
            #expect(failure?.place == entry)
            #expect(!store.has(first.digest))
            #expect(try image([large], in: lash) == first)
            try store.verify(first)
        }
    }
}
