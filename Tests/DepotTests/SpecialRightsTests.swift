import Digests
import Files
import Layers
import TestSupport
import Testing

@testable import Depot

@Suite struct SpecialRightsTests {
    private func rights(of paths: [String], in folder: String) throws -> SpecialRights {
        try Folder.make(folder + "/tree")
        try SpecialRights.write(try paths.map { try #require(RelativePath($0)) }, in: folder)
        return SpecialRights(of: [Layer(digest: .init(of: "x"), name: "x", tree: folder + "/tree", entries: [])])
    }

    @Test func whatPackagesWantIsTold() throws {
        try withScratch("rights") { folder in
            var rights = try rights(of: ["usr/bin/wall", "usr/bin/su"], in: folder)
            rights.lost.insert(try #require(RelativePath("usr/bin/ping")))
            let said = "without the special rights that their packages give them (setuid, setgid, capabilities): "
            #expect(rights.note(givenBy: .packages) == said + "usr/bin/ping, usr/bin/su, usr/bin/wall")
        }
    }

    @Test func ofManyTheFirstAreNamed() throws {
        try withScratch("rights") { folder in
            let many = try rights(of: (1...9).map { "bin/\($0)" }, in: folder + "/many")
            #expect(many.note(givenBy: .packages)?.hasSuffix(": bin/1, bin/2, bin/3, bin/4 and 5 more") == true)
            #expect(try rights(of: [], in: folder + "/none").note(givenBy: .packages) == nil)
        }
    }

    /// A file that a script gives rights after it was unpacked, and one that nobody touches.
    @Test func whatScriptsGiveIsTold() throws {
        try withScratch("rights") { folder in
            for name in ["root", "tree", "layer/usr"] { try Folder.make("\(folder)/\(name)") }
            for name in ["mtr", "ping", "still"] { try File.write("program", to: "\(folder)/layer/usr/\(name)") }
            let merged = try ["usr/mtr", "usr/ping", "usr/still"].map { name in
                let path = try #require(RelativePath(name))
                return MergedEntry(
                    layer: 0, entry: LayerEntry(path: path, kind: .file(size: 7), mode: 0o644, modified: 0))
            }
            try Folder.make(folder + "/root/usr")
            for name in ["mtr", "ping", "still"] { try File.write("program", to: "\(folder)/root/usr/\(name)") }
            let assembled = try RootDifference.Stamp.take(in: folder)
            #expect(try Program("chmod").run("u+s", folder + "/root/usr/mtr").status == 0)
            // Only root may; where nobody may, there is nothing to tell.
            let isGiven = (try? Program("setcap").run("cap_net_raw+ep", folder + "/root/usr/ping"))?.status == 0
            let layer = Layer(
                digest: .init(of: "x"), name: "x", tree: folder + "/layer", entries: merged.map(\.entry))
            var lost: [String] = []
            _ = try RootDifference(
                tree: LayeredTree(layers: [layer]), merged: merged, root: folder + "/root", assembled: assembled,
                epoch: 2_000_000_000
            ).extract(to: folder + "/tree") { lost.append($0.string) }
            #expect(lost == ["usr/mtr"] + (isGiven ? ["usr/ping"] : []))
        }
    }

    /// Of a build, only what is kept counts.
    @Test func whatABuildGivesIsTold() throws {
        try withScratch("rights") { folder in
            let bin = folder + "/tree/usr/local/bin"
            try Folder.make(bin)
            for name in ["count", "other", "plain"] { try File.write("program", to: "\(bin)/\(name)", mode: 0o755) }
            #expect(try Program("chmod").run("4755", bin + "/count", bin + "/other").status == 0)
            let tree = BuiltTree(root: folder + "/tree", place: "usr/local")
            let kept = try tree.contents(keeping: ["bin/count", "bin/plain"]).contents
            let said = "without the special rights that their build gives them (setuid, setgid, capabilities): "
            #expect(kept.rights.note(givenBy: .build) == said + "usr/local/bin/count")
            #expect(File.status(bin + "/count")?.mode == 0o755 && !File.exists(bin + "/other"))
        }
    }
}
