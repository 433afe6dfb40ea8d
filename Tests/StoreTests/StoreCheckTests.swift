import Bundle
import Digests
import Files
import Layers
import Parts
import TestSupport
import Testing

@testable import Store

/// What is damaged on the disk is found, named and leaves the store.
@Suite struct StoreCheckTests {
    private func check(_ store: SampleStore) throws -> [String] {
        try StoreCheck(StoreListing(store.lash)).run { _, _ in }.damaged.map {
            "\($0.entry.kind.rawValue): \($0.what)"
        }
    }

    @Test func aWholeStoreIsGood() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let outcome = try StoreCheck(StoreListing(store.lash)).run { _, _ in }
            #expect(outcome.damaged.isEmpty && outcome.unknown.isEmpty)
            #expect(outcome.good == 4, "a package, a layer, its blocks, a part")
        }
    }

    @Test func aDamagedPackageIsNamedAndGone() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            try SampleStore.flip(store.package)
            let damaged = try check(store)
            #expect(damaged.count == 1 && damaged[0].hasPrefix("packages: its SHA-256 digest is "))
            #expect(!File.exists(store.package))
            #expect(try check(store) == [])
        }
    }

    @Test(arguments: ["tree/tool", "entries", "digests"]) func aDamagedFileOfALayer(_ file: String) throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let layer = "\(store.lash.layers)/\(store.layer)"
            try SampleStore.flip("\(layer)/\(file)", at: file == "digests" ? 3 : nil)
            let damaged = try check(store)
            #expect(damaged == ["layers: \(file) is not as it was"])
            #expect(!File.exists(layer))
        }
    }

    @Test func damagedBlocksAndTheImageMadeOfThem() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let blocks = try Folder.names(in: store.lash.blocks)[0]
            try SampleStore.flip("\(store.lash.blocks)/\(blocks)", at: 10)
            #expect(try !check(store).isEmpty)
            #expect(!File.exists("\(store.lash.blocks)/\(blocks)"))
            #expect(!PartStore(store.lash).has(store.part.digest))
            let tree = LayeredTree(layers: [try #require(try LayerStore(lash: store.lash).layer(store.layer))])
            #expect(try ImageWriter(store.lash).environment(tree, named: "main") == store.part)
            #expect(try check(store) == [])
        }
    }

    @Test(arguments: [".own", ".pieces", ".extents", ""]) func aDamagedFileOfAPart(_ ending: String) throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            if ending.isEmpty { _ = try PartStore(store.lash).whole(store.part) }
            let path = "\(store.lash.parts)/\(store.part.digest)\(ending)"
            try SampleStore.flip(path, at: ending == ".pieces" ? 2 : nil)
            let damaged = try check(store)
            #expect(damaged.count == 1 && damaged[0].hasPrefix("parts: "), "\(damaged)")
            #expect(!PartStore(store.lash).has(store.part.digest))
            let tree = LayeredTree(layers: [try #require(try LayerStore(lash: store.lash).layer(store.layer))])
            #expect(try ImageWriter(store.lash).environment(tree, named: "main") == store.part)
            try PartStore(store.lash).verify(store.part)
        }
    }

    @Test func theListOfDigestsIsWhatSha256sumReads() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let ended = try Program("sha256sum", folder: "\(store.lash.layers)/\(store.layer)").run(
                "-c", "--strict", "digests")
            #expect(ended.status == 0 && ended.output == "entries: OK\ntree/tool: OK\n")
        }
    }
}
