import Digests
import Files
import HostProtocol
import TestSupport
import Testing

@testable import Execution

/// What another machine sends is taken only when it is what it says, and stays where it belongs.
@Suite struct IncomingMadeTests {
    private func file(_ path: String, _ text: String, size: Int64? = nil) -> RunEvent.File {
        RunEvent.File(path: path, size: size ?? Int64(text.utf8.count), digest: Digest(of: Array(text.utf8)))
    }

    private func link(_ path: String, to target: String) -> RunEvent.File {
        RunEvent.File(path: path, size: 0, digest: nil, target: target)
    }

    private func take(
        _ files: [RunEvent.File], _ bytes: String, path: String = "s/one", in folder: String
    ) throws -> [String] {
        var incoming = try IncomingMade(
            MadeHeader(kind: .made, path: path, files: files, isLast: true), staging: folder + "/staging")
        if !bytes.isEmpty { try incoming.append(Array(bytes.utf8)) }
        guard incoming.isWhole else { throw IncomingMade.refused("less than it had announced") }
        let outputs = try incoming.checked()
        try incoming.publish(as: folder + "/made/" + path)
        return outputs.entries.map(\.path)
    }

    @Test func filesFoldersAndLinksComeAsTheyWere() throws {
        try withScratch { folder in
            let files = [
                RunEvent.File(path: "deep", size: 0, digest: nil), file("deep/a", "hello"), file("deep/empty", ""),
                file("z", "world"), link("zz", to: "deep/a"),
            ]
            #expect(try take(files, "helloworld", in: folder) == ["deep", "deep/a", "deep/empty", "z", "zz"])
            #expect(try File.read(folder + "/made/s/one/zz") == Array("hello".utf8))
            // What comes back is the same list.
            var outgoing = OutgoingMade(.made, path: "s/one", files: files, root: folder + "/made/s/one")
            var frames: [Frame] = []
            while let frame = try outgoing.frame() { frames.append(frame) }
            #expect(frames.map(\.kind) == [.made, .data, .data])
            #expect(try frames[0].decode(MadeHeader.self).files == files)
        }
    }

    @Test func whatLeadsOutIsRefused() throws {
        try withScratch { folder in
            for files in [
                [file("../a", "x")], [file("/a", "x")], [file("a/../../b", "x")], [link("a", to: "../../b")],
                [link("a", to: "/etc/passwd")], [link("a", to: "missing")],
                [RunEvent.File(path: "d", size: 0, digest: nil, target: ".."), file("d/x", "x")],
            ] {
                try? Folder.remove(folder + "/staging")
                #expect(throws: (any Error).self) { try take(files, "x", in: folder) }
            }
            for path in ["../out", "/out", "", "s/../.."] {
                #expect(throws: (any Error).self) { try take([file("a", "x")], "x", path: path, in: folder) }
            }
            #expect(!File.exists(folder + "/made"))
        }
    }

    @Test func whatIsOtherwiseThanItSaysIsRefused() throws {
        try withScratch { folder in
            for (files, bytes) in [
                ([file("a", "x")], "y"), ([file("a", "x")], "xx"), ([file("a", "xx")], "x"),
                ([file("a", "x"), file("a", "x")], "xx"), ([file("a", "x", size: -1)], "x"),
                ([file("a", "x"), file("a/b", "x")], "xx"),
            ] {
                try? Folder.remove(folder + "/staging")
                #expect(throws: (any Error).self) { try take(files, bytes, in: folder) }
            }
            #expect(!File.exists(folder + "/made"))
        }
    }
}
