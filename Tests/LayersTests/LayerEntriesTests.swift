import Digests
import Files
import Layers
import TestSupport
import Testing

func entry(_ path: String, _ kind: LayerEntry.Kind, mode: UInt16 = 0o644, modified: Int64 = 7) -> LayerEntry {
    guard let path = RelativePath(path) else { preconditionFailure("\(path) is no relative path") }
    return LayerEntry(path: path, kind: kind, mode: mode, modified: modified)
}

@Suite struct LayerEntriesTests {
    let all = [
        entry("bin", .link(target: "usr/bin"), mode: 0o777),
        entry("tmp", .folder, mode: 0o1777),
        entry("tmp/a\\b\tc\nd ü", .file(size: 1 << 40), modified: -1),
        entry("tmp/b", .hardLink(to: RelativePath("tmp/a\\b\tc\nd ü")!)),
        LayerEntry(path: RelativePath("usr")!, kind: .removed, mode: 0, modified: 0),
    ]

    @Test func entriesComeBackAsTheyWere() throws {
        let text = LayerEntries.text(of: all, name: "samtools 1.16.1-1")
        let (name, entries) = try LayerEntries.parse(text, place: "entries")
        #expect(name == "samtools 1.16.1-1")
        #expect(entries == all)
    }

    /// Only a list that has some is of the second version, so that all others stay what they were.
    @Test func attributesComeBackAsTheyWere() throws {
        let attributes = [
            FileAttribute(name: "user.a\\b", value: []), FileAttribute(name: "user.c", value: [0, 9, 10, 255]),
        ]
        let path = RelativePath("tmp/a")!
        let file = LayerEntry(path: path, kind: .file(size: 3), mode: 0o644, modified: 1, attributes: attributes)
        let text = LayerEntries.text(of: [all[0], file, all[4]], name: "n")
        let entries = try LayerEntries.parse(text, place: "entries").entries
        #expect(entries == [all[0], file, all[4]])
        #expect(text.starts(with: "las-layer-entries 2\n".utf8))
        #expect(LayerEntries.text(of: all, name: "n").starts(with: "las-layer-entries 1\n".utf8))
    }

    @Test(arguments: [
        "", "las-layer-entries 3\nn\n", "las-layer-entries 2\nn\na\tuser.a\tYQ==\n",
        "las-layer-entries 2\nn\nd\t755\t0\ta\na\ttrusted.a\tYQ==\n",
        "las-layer-entries 1\nn\nd\t755\t0\ta\na\tuser.a\tYQ==\n", "las-layer-entries 1\nn\nd\t755\t0\ta",
        "las-layer-entries 1\nn\nd\t755\t0\t../a\n",
    ])
    func damagedListsAreRefused(_ text: String) {
        #expect(throws: LayerFailure.self) { try LayerEntries.parse(Array(text.utf8), place: "x/entries") }
    }

    @Test func aListOutOfOrderIsRefused() {
        let failure = #expect(throws: LayerFailure.self) {
            try LayerEntries.parse(LayerEntries.text(of: all.reversed(), name: "n"), place: "x/entries")
        }
        #expect(failure?.place == "x/entries:4")
    }

    @Test func aLayerIsInTheStoreWholeOrNotAtAll() throws {
        try withScratch { folder in
            let store = LayerStore(lash: LASH(root: folder))
            let digest = Digest(of: "one")
            #expect(try store.layer(digest) == nil)
            #expect(throws: FileFailure.self) {
                try store.prepare(name: "one") { _ in throw FileFailure("read", "a", code: 5) }
            }
            let prepared = try store.prepare(name: "one") { folder in
                try File.write("text", to: folder + "/tree/b")
                return [entry("b", .file(size: 4)), entry("a", .link(target: "b"))]
            }
            let published = try store.publish([(digest, prepared)])
            let layer = try #require(try store.layer(digest))
            #expect(layer.entries.map(\.path.string) == ["a", "b"])
            #expect(published.first?.entries == layer.entries)
            #expect(try File.read(layer.tree + "/b") == Array("text".utf8))
            #expect(try Folder.names(in: store.lash.temporary) == [])
        }
    }

    @Test func whoComesSecondTakesWhatIsThere() throws {
        try withScratch { folder in
            let store = LayerStore(lash: LASH(root: folder))
            for _ in 1...2 {
                let prepared = try store.prepare(name: "one") { _ in [entry("a", .folder)] }
                _ = try store.publish([(Digest(of: "one"), prepared)])
            }
            #expect(try Folder.names(in: store.lash.temporary) == [])
        }
    }
}
