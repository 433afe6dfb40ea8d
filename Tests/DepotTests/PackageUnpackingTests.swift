import Digests
import Files
import Glibc
import Layers
import TestSupport
import Testing

@testable import Depot

@Suite struct PackageUnpackingTests {
    typealias Item = DebMaker.Item

    let package = LockedPackage(
        name: "tool", version: "1.0", architecture: "all", archive: "x", file: "tool.deb", size: 1,
        sha256: Digest(of: "tool"))

    /// The layer that a package file becomes, for as long as `body` runs.
    func unpack(_ deb: DebMaker, _ body: (PreparedLayer) throws -> Void = { _ in }) throws {
        try withScratch { folder in
            try File.write(deb.bytes, to: folder + "/tool.deb")
            let store = LayerStore(lash: LASH(root: folder + "/lash"))
            let unpacking = PackageUnpacking(architecture: Architecture("amd64"))
            try body(unpacking.prepare(package, file: folder + "/tool.deb", in: store))
        }
    }

    @Test func filesLieWhereTheRootHasThem() throws {
        let deb = DebMaker(
            scripts: [
                Item(name: "./postinst", contents: "#!/bin/sh\n", mode: 0o644), Item(name: "./md5sums", contents: ""),
            ],
            data: [
                Item(name: "./", kind: .folder, mode: 0o755), Item(name: "./bin/", kind: .folder, mode: 0o755),
                Item(name: "./bin/tool", contents: "one", mode: 0o4755),
                Item(name: "./bin/also", kind: .hardLink, target: "./bin/tool"),
                Item(name: "./lib64", kind: .link, target: "usr/lib64"), Item(name: "./dev/null", kind: .device),
                Item(name: "./var/run/tool/", kind: .folder, mode: 0o2770),
            ])
        try unpack(deb) { layer in
            let lines = layer.entries.map { entry in
                switch entry.kind {
                case .file(let size): "\(entry.path) \(size) \(String(entry.mode, radix: 8)) \(entry.modified)"
                case .folder: "\(entry.path)/ \(String(entry.mode, radix: 8))"
                case .link(let target): "\(entry.path) -> \(target)"
                case .hardLink(let file): "\(entry.path) = \(file)"
                case .removed: "-"
                }
            }
            #expect(
                lines.filter { !$0.hasPrefix("var/lib") } == [
                    "dev/ 755",
                    "run/ 755", "run/tool/ 770", "usr/ 755", "usr/bin/ 755", "usr/bin/also 3 755 1600000000",
                    "usr/bin/tool = usr/bin/also", "var/ 755",
                ])
            #expect(File.status(layer.folder + "/tree/usr/bin/tool")?.mode == 0o755)
            #expect(try File.read(layer.folder + "/rights") == Array("usr/bin/tool\0".utf8), "what it has lost is told")
            #expect(lines.contains("var/lib/dpkg/info/tool.postinst 10 755 1600000000"))
            let list = String(
                decoding: try File.read(layer.folder + "/tree/var/lib/dpkg/info/tool.list"), as: UTF8.self)
            #expect(list == "/.\n/bin\n/bin/tool\n/bin/also\n/lib64\n/var/run/tool\n")
            #expect(try File.read(layer.folder + "/tree/usr/bin/tool") == Array("one".utf8))
            #expect(try File.read(layer.folder + "/control") == Array(deb.control.utf8))
        }
    }

    @Test(arguments: [
        [Item(name: "../out")], [Item(name: "./a/../../out")], [Item(name: "./a//b")],
        [Item(name: "./a", kind: .link, target: "/tmp"), Item(name: "./a/out")],
        [Item(name: "./a", kind: .link, target: "/tmp"), Item(name: "./a", contents: "x")],
        [Item(name: "./a", kind: .hardLink, target: "/etc/passwd")],
        [Item(name: "./a", kind: .hardLink, target: "../../etc/passwd")],
        [Item(name: "./a", kind: .link, target: "b"), Item(name: "./c", kind: .hardLink, target: "./a")],
        [Item(name: "./a"), Item(name: "./a/b")], [Item(name: "./a\u{1b}[2J/../x")],
    ]) func whatWouldLeaveTheLayerIsRefused(_ items: [Item]) throws {
        let failure = #expect(throws: DepotFailure.self) { try unpack(DebMaker(data: items)) }
        #expect(failure?.exitCode == .integrity)
        #expect(failure?.description.utf8.contains(0x1b) == false)
    }

    @Test func anotherPackageThanTheOneAskedForIsRefused() throws {
        let failure = #expect(throws: DepotFailure.self) {
            try unpack(DebMaker(control: "Package: other\nVersion: 1.0\nArchitecture: all\n"))
        }
        #expect(failure?.cause == "it is not tool 1.0, as its archive said")
    }

    @Test func aControlFileOutsideOfItsPlaceIsRefused() throws {
        #expect(throws: DepotFailure.self) { try unpack(DebMaker(scripts: [Item(name: "./../postinst")])) }
    }

    @Test func aDamagedFileIsRefusedAndLeavesNothing() throws {
        try withScratch { folder in
            let whole = DebMaker(data: [Item(name: "./a", contents: String(repeating: "x", count: 5_000))]).bytes
            try File.write(whole.prefix(whole.count - 4_000), to: folder + "/tool.deb")
            let store = LayerStore(lash: LASH(root: folder + "/lash"))
            let unpacking = PackageUnpacking(architecture: Architecture("amd64"))
            let failure = #expect(throws: DepotFailure.self) {
                try unpacking.prepare(package, file: folder + "/tool.deb", in: store)
            }
            #expect(failure?.exitCode == .integrity)
            #expect(try Folder.names(in: store.lash.temporary) == [])
        }
    }
}
