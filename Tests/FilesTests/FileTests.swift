import Files
import Glibc
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

    /// Swift takes a slash and an accent after it for one character that is no slash.
    @Test(arguments: ["../\u{301}x", "a/../\u{301}/b", "/\u{301}etc", "a/..\u{2F}\u{20DD}"])
    func anAccentAfterASlashHidesNothing(_ text: String) { #expect(RelativePath(text) == nil) }

    @Test func pathsAreReadByTheirBytes() throws {
        let path = try #require(RelativePath("a/\u{301}b/c"))
        #expect(path.components.map { Array($0.utf8) } == ["a", "\u{301}b", "c"].map { Array($0.utf8) })
        #expect(path.parent?.string.utf8.count == 5)
        #expect(path.parent?.parent == RelativePath("a"))
        #expect(path.parent?.parent?.parent == nil)
        #expect(File.name(of: "x/\u{301}").unicodeScalars.elementsEqual(["\u{301}"]))
        #expect(File.parent(of: "/\u{301}") == "/")
        #expect(RelativePath("\u{E9}") != RelativePath("e\u{301}"), "two files, although they look alike")
        #expect(Set([ExactText("\u{E9}"), ExactText("e\u{301}"), ExactText("\u{E9}")]).count == 2)
        #expect(
            "a\u{301}".begins(with: "a") && "/\u{301}".ends(with: "\u{301}") && "a/\u{301}".after("a/") == "\u{301}")
        #expect("a\u{301}b".holds("a") && "abc".holds("bc") && "abc".holds("") && "".holds(""))
        #expect(!"abc".holds("cb") && !"".holds("a") && !"\u{E9}".holds("e"))
    }

    @Test func foldersWithNamesThatAreNoTextAreRemovedToo() throws {
        try withScratch { folder in
            try Folder.make(folder + "/a/b", mode: 0o700)
            let name = Array((folder + "/a/b/x").utf8CString.dropLast()) + [CChar(bitPattern: 0xff), 0]
            #expect(mkdir(name, 0o500) == 0)
            try Folder.remove(folder + "/a")
            let left = try Folder.names(in: folder)
            #expect(left == [])
        }
    }

    @Test func aFailureSaysWhatWasTriedAndWhy() {
        let failure = #expect(throws: FileFailure.self) { try File.read("/nonexistent/file") }
        #expect(failure?.description == "can't read /nonexistent/file: No such file or directory")
    }

    @Test func whatKilledProcessesLeftIsClearedAfterADay() throws {
        try withScratch { folder in
            // No process has the first number; this one has the second.
            for pid in ["4194999", "\(getpid())"] {
                for age in ["now", "2 days ago"] {
                    let name = "\(folder)/image-\(pid)-\(age == "now" ? "new" : "old")"
                    try Folder.make(name + "/inside")
                    try Program("touch").run("-d", age, name)
                }
            }
            Folder.clearAbandoned(in: folder)
            let left = try Folder.names(in: folder)
            #expect(left.count == 3 && !left.contains("image-4194999-old"), "\(left)")
        }
    }

    @Test func whatAKilledProcessWasWritingIsCleared() throws {
        try withScratch { folder in
            for pid in ["4194999", "\(getpid())"] {
                for age in ["now", "1 hour ago"] {
                    let name = "\(folder)/x.las.new-\(pid)-\(age == "now" ? "1" : "2")"
                    try File.write("half", to: name)
                    try Program("touch").run("-d", age, name)
                }
            }
            try File.write("another", to: folder + "/y.las.new-4194999-2")
            Folder.clearAbandoned(beside: folder + "/x.las")
            let left = try Folder.names(in: folder)
            #expect(left.count == 4 && !left.contains("x.las.new-4194999-2"), "\(left)")
        }
    }

    @Test func aPipeIsNotWaitedFor() throws {
        try withScratch { folder in
            mkfifo(folder + "/pipe", 0o600)
            #expect(throws: FileFailure.self) { try File.read(folder + "/pipe") }
        }
    }
}
