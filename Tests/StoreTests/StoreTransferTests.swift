import Digests
import Files
import TestSupport
import Testing

@testable import Depot
@testable import Store

/// What a lock needs, from one LASH to another.
@Suite struct StoreTransferTests {
    private func export(_ store: SampleStore, in folder: String, _ name: String = "x.tar") throws -> String {
        let export = try StoreExport(store.lock, of: "metro", in: store.lash)
        let path = "\(folder)/\(name)"
        if name.hasSuffix(".tar") {
            try export.write(to: path, lash: store.lash)
        } else {
            try export.write(intoFolder: path)
        }
        return path
    }

    private func hasPackage(_ store: SampleStore, _ lash: LASH) -> Bool {
        let name = File.name(of: store.package)
        return (try? File.read("\(lash.packages)/\(name)")) == (try? File.read(store.package))
    }

    @Test(arguments: ["x.tar", "x"]) func anotherLashHasThePackagesThen(_ name: String) throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let path = try export(store, in: folder, name)
            let other = LASH(root: folder + "/other")
            let first = try StoreImport(other).take(path)
            #expect(first.metro == "metro" && first.taken == 1 && first.known == 0 && first.damaged.isEmpty)
            #expect(hasPackage(store, other))
            let second = try StoreImport(other).take(path)
            #expect(second.taken == 0 && second.known == 1)
            #expect(try Folder.names(in: other.temporary).isEmpty)
        }
    }

    @Test func theSameLockGivesTheSameTar() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let (one, two) = (try export(store, in: folder, "1.tar"), try export(store, in: folder, "2.tar"))
            #expect(try File.read(one) == File.read(two))
            let listed = try Program("tar").run("-tf", one)
            #expect(
                listed.lines.filter { !$0.hasSuffix("/") } == [
                    "export.json", "metro.lock", "packages/\(File.name(of: store.package))",
                ])
        }
    }

    @Test func whatIsDamagedOnTheWayIsNamedAndNotTaken() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let path = try export(store, in: folder, "x")
            try SampleStore.flip("\(path)/packages/\(File.name(of: store.package))")
            let other = LASH(root: folder + "/other")
            let outcome = try StoreImport(other).take(path)
            #expect(outcome.taken == 0 && outcome.damaged.count == 1)
            #expect(outcome.damaged[0].hasPrefix("tool 1: its SHA-256 digest is "))
            #expect(!File.exists(other.packages))
            File.remove("\(path)/packages/\(File.name(of: store.package))")
            #expect(try StoreImport(other).take(path).damaged == ["tool 1: it is not in the export"])
        }
    }

    @Test func whatIsNoExportIsRefused() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let other = StoreImport(LASH(root: folder + "/other"))
            try Folder.make(folder + "/empty")
            let empty = #expect(throws: StoreFailure.self) { try other.take(folder + "/empty") }
            #expect(empty?.summary == "this is no export of las's store")
            try File.write("text", to: folder + "/text")
            #expect(throws: DepotFailure.self) { try other.take(folder + "/text") }
            let path = try export(store, in: folder, "x")
            try File.write(#"{"export": 7}"#, to: path + "/export.json")
            let newer = #expect(throws: StoreFailure.self) { try other.take(path) }
            #expect(newer?.summary == "the export has version 7, and this las knows 1")
        }
    }

    /// A file that nobody asked for is left where it is.
    @Test func nothingElseIsTaken() throws {
        try withScratch { folder in
            let store = try SampleStore(in: folder)
            let path = try export(store, in: folder, "x")
            try File.write("evil", to: "\(path)/packages/\(Digest(of: "evil")).deb")
            try Folder.make(path + "/keys")
            try File.write("evil", to: path + "/keys/evil.key")
            let other = LASH(root: folder + "/other")
            #expect(try StoreImport(other).take(path).taken == 1)
            #expect(try Folder.names(in: other.packages) == [File.name(of: store.package)])
            #expect(!File.exists(other.root + "/keys"))
        }
    }
}
