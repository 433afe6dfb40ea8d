import Files
import TestSupport
import Testing

@Suite struct FileTests {
    @Test func aFileIsWrittenWhole() throws {
        try withScratch { folder in
            try File.write("one", to: folder + "/a")
            try File.write("two", to: folder + "/a")
            #expect(try File.read(folder + "/a") == Array("two".utf8))
            #expect(try Folder.names(in: folder) == ["a"])
        }
    }

    @Test(arguments: ["", "/a", "a/../b", "..", "a//b", "./a", "a/", "a\0b"])
    func pathsThatLeaveTheirFolderAreNotRelativePaths(_ text: String) { #expect(RelativePath(text) == nil) }

    @Test func aFailureSaysWhatWasTriedAndWhy() {
        let failure = #expect(throws: FileFailure.self) { try File.read("/nonexistent/file") }
        #expect(failure?.description == "can't read /nonexistent/file: No such file or directory")
    }
}
