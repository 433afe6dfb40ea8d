import Digests
import Files
import Layers
import Testing

@Suite struct FileLocationsTests {
    private func locations(_ path: String, _ layers: [LayerEntry]...) -> [String] {
        let tree = LayeredTree(
            layers: layers.enumerated().map { number, entries in
                Layer(
                    digest: Digest(of: "\(number)"), name: "\(number)", tree: "/\(number)",
                    entries: entries.sorted { $0.path < $1.path })
            })
        return FileLocations(tree, merged: tree.merged()).locations(of: path)
    }

    @Test func theHighestLayerHasTheFile() {
        let low = [entry("a", .folder), entry("a/x", .file(size: 1)), entry("a/y", .file(size: 1))]
        let high = [entry("a/x", .file(size: 2))]
        #expect(locations("/a/x", low, high) == ["/1/a/x"])
        #expect(locations("/a", low, high) == ["/1/a/x", "/0/a/y"])
        #expect(locations("/a/z", low, high) == [])
    }

    @Test func linksAreFollowedBelowTheRoot() {
        let tree = [
            entry("etc", .folder), entry("etc/words", .link(target: "/usr/words")), entry("usr", .folder),
            entry("usr/words", .link(target: "../data/./english")), entry("data", .link(target: "real")),
            entry("real", .folder), entry("real/english", .file(size: 3)),
            entry("out", .link(target: "../../etc/words")),
            entry("loop", .link(target: "loop")), entry("nowhere", .link(target: "/not/here")),
        ]
        for path in ["/etc/words", "/usr/words", "/out", "/data/english", "/data"] {
            #expect(locations(path, tree) == ["/0/real/english"], "\(path)")
        }
        #expect(locations("/loop", tree) == [] && locations("/nowhere", tree) == [])
    }

}
