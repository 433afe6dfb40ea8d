import Files
import TestSupport
import Testing

@Suite struct SearchTests {
    @Test func aTextIsFoundAcrossPieces() throws {
        try withScratch { folder in
            let border = 1 << 18
            try File.write(
                Array(repeating: UInt8(ascii: "a"), count: border - 2) + Array("aab".utf8), to: folder + "/a")
            #expect(File.holds(Array("aaab".utf8), folder + "/a"))
            #expect(!File.holds(Array("abb".utf8), folder + "/a"))
            #expect(File.holds([], folder + "/a") && !File.holds(Array("a".utf8), folder + "/nothing"))
        }
    }

    @Test func filesOfTheSameSizeAreComparedToTheirEnd() throws {
        try withScratch { folder in
            let bytes = Array(repeating: UInt8(1), count: 1 << 19)
            try File.write(bytes, to: folder + "/a")
            try File.write(bytes, to: folder + "/b")
            try File.write(bytes.dropLast() + [2], to: folder + "/c")
            #expect(File.areSame(folder + "/a", folder + "/b"))
            #expect(!File.areSame(folder + "/a", folder + "/c"))
            #expect(!File.areSame(folder + "/nothing", folder + "/nothing"))
        }
    }
}
