import Digests
import Files
import Layers
import Testing

@Suite struct LayeredTreeTests {
    func merged(_ layers: [LayerEntry]...) -> [String] {
        let tree = LayeredTree(
            layers: layers.enumerated().map { number, entries in
                Layer(
                    digest: Digest(of: "\(number)"), name: "\(number)", tree: "/nowhere",
                    entries: entries.sorted { $0.path < $1.path })
            })
        return tree.merged().map { found in
            switch found.entry.kind {
            case .file(let size): "\(found.layer) \(found.path) \(size)"
            case .folder: "\(found.layer) \(found.path)/"
            case .link(let target): "\(found.layer) \(found.path) -> \(target)"
            case .hardLink(let file): "\(found.layer) \(found.path) = \(file)"
            case .removed: "removed"
            }
        }
    }

    @Test func theHighestLayerCounts() {
        #expect(
            merged(
                [entry("a", .folder), entry("a/x", .file(size: 1)), entry("a-b", .file(size: 1))],
                [entry("a", .folder), entry("a/x", .file(size: 2)), entry("a/y", .file(size: 3))])
                == ["1 a/", "0 a-b 1", "1 a/x 2", "1 a/y 3"])
    }

    @Test func whatIsRemovedIsGoneWithAllBelow() {
        #expect(
            merged(
                [
                    entry("a", .folder), entry("a/b", .folder), entry("a/b/c", .file(size: 1)),
                    entry("a/d", .file(size: 1)),
                ],
                [entry("a/b", .removed), entry("a/d", .removed)],
                [entry("a/d", .file(size: 2))]) == ["0 a/", "2 a/d 2"])
    }

    @Test func aFolderMadeAgainDoesNotBringBackWhatWasBelowIt() {
        #expect(
            merged(
                [entry("a", .folder), entry("a/b", .file(size: 1))],
                [entry("a", .link(target: "c"))],
                [entry("a", .folder), entry("a/c", .file(size: 2))]) == ["2 a/", "2 a/c 2"])
    }

    @Test func aLinkHidesTheFolderBelow() {
        #expect(
            merged([entry("a", .folder), entry("a/b", .file(size: 1))], [entry("a", .link(target: "c"))])
                == ["1 a -> c"])
    }

    @Test func hardLinksStayWholeWhenTheirFileIsHidden() throws {
        let file = try #require(RelativePath("a"))
        let lower = [entry("a", .file(size: 5)), entry("b", .hardLink(to: file)), entry("c", .hardLink(to: file))]
        #expect(merged(lower) == ["0 a 5", "0 b = a", "0 c = a"])
        #expect(merged(lower, [entry("a", .removed)]) == ["0 b 5", "0 c = b"])
        #expect(merged(lower, [entry("a", .file(size: 6))]) == ["1 a 6", "0 b 5", "0 c = b"])
    }
}
