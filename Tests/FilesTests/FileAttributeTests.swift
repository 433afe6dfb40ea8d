import Files
import TestSupport
import Testing

@Suite struct FileAttributeTests {
    @Test(.enabled(if: SampleTree.hasAttributes, "the disk of /tmp has no attributes"))
    func whatAnOwnerGaveIsReadAndGiven() throws {
        try withScratch("attributes") { folder in
            try SampleTree.giveAttributes(folder)
            let one = try File.attributes(of: folder + "/with/one")
            #expect(one.map(\.name) == ["user.bytes", "user.empty"])
            #expect(one.map(\.value) == [Array(0...255), []])
            #expect(try File.attributes(of: folder + "/with/none") == [])
            #expect(try File.attributes(of: folder + "/with/link") == [], "links are not followed")
            try FileAttribute.give(one, to: folder + "/with/none")
            #expect(try File.attributes(of: folder + "/with/none") == one)
            #expect(throws: FileFailure.self) { try File.attributes(of: folder + "/nothing") }
        }
    }

    @Test(arguments: [
        ("user.a", true), ("user.", false), ("trusted.a", false), ("security.capability", false),
        ("system.posix_acl_access", false), ("user.overlay.opaque", false), ("user.a\0b", false),
        ("user.a b", false), ("user.a=b", false), ("user.é", false), ("user.a/b\\c", true),
        ("user." + String(repeating: "n", count: 251), false),
    ]) func onlyAnOwnersAreKept(_ name: String, _ isKept: Bool) {
        #expect(FileAttribute.isKept(name) == isKept)
    }
}
