import Files
import Glibc
import Layers
import TestSupport
import Testing

@testable import Depot

/// Extended attributes of what programs leave behind: a build, or a package's script.
@Suite(.enabled(if: SampleTree.hasAttributes, "the disk of /tmp has no attributes"))
struct AttributeTests {
    private func lines(_ entries: [LayerEntry]) -> [String] {
        entries.filter { !$0.attributes.isEmpty }.map {
            "\($0.path) \($0.attributes.map(\.name).joined(separator: ", "))"
        }.sorted()
    }

    @Test func aBuildsAreKept() throws {
        try withScratch("attributes") { folder in
            try Folder.make(folder + "/usr/local")
            try SampleTree.giveAttributes(folder + "/usr/local")
            let entries = try BuiltTree(root: folder, place: "usr/local").contents().entries
            let names = ["usr/local/with/in", "usr/local/with/one"].compactMap { RelativePath($0) }
            #expect(
                lines(entries.filter { names.contains($0.path) }) == [
                    "usr/local/with/in user.folder", "usr/local/with/one user.bytes, user.empty",
                ])
            #expect(lines(entries).count == 6)
        }
    }

    /// What a script gives, changes and leaves alone, on top of a layer that has some.
    @Test func aScriptsAreKept() throws {
        try withScratch("attributes") { folder in
            for name in ["root", "tree", "layer"] { try Folder.make("\(folder)/\(name)") }
            let had = [FileAttribute(name: "user.had", value: [1])]
            let names = ["changed", "given", "left"]
            for name in names { try File.write("text", to: "\(folder)/layer/\(name)") }
            let entries = names.compactMap { name in
                RelativePath(name).map {
                    LayerEntry(
                        path: $0, kind: .file(size: 4), mode: 0o644, modified: 0,
                        attributes: name == "given" ? [] : had)
                }
            }
            let layer = Layer(digest: .init(of: "x"), name: "x", tree: folder + "/layer", entries: entries)
            let (tree, root) = (LayeredTree(layers: [layer]), folder + "/root")
            try RootAssembly(tree: tree, root: root).make(tree.merged())
            #expect(try File.attributes(of: root + "/left") == had)
            let assembled = try RootDifference.Stamp.take(in: folder)
            for name in ["changed", "given"] {
                try FileAttribute.give([FileAttribute(name: "user.new", value: [])], to: "\(root)/\(name)")
            }
            let changed = try RootDifference(
                tree: tree, merged: tree.merged(), root: root, assembled: assembled, epoch: 2_000_000_000
            ).extract(to: folder + "/tree") { _ in }
            #expect(lines(changed) == ["changed user.had, user.new", "given user.new"])
        }
    }
}
