import Testing

@testable import Depot

@Suite struct ReleaseFileTests {
    @Test func timesAreReadAndWritten() {
        #expect(ReleaseDate.seconds("Thu, 01 Jan 1970 00:00:00 UTC") == 0)
        #expect(ReleaseDate.seconds("Sat, 29 Feb 2020 23:59:59 UTC") == 1_583_020_799)
        #expect(ReleaseDate.text(1_583_020_799) == "2020-02-29 23:59:59 UTC")
        #expect(ReleaseDate.text(0) == "1970-01-01 00:00:00 UTC")
        #expect(ReleaseDate.seconds("yesterday") == nil)
        #expect(ReleaseDate.seconds("Sat, 29 Feb 2020 25:00:00 UTC") == nil)
    }

    @Test func theSmallestIndexThatLasReadsIsTaken() throws {
        let digest = String(repeating: "0", count: 64)
        let text = """
            Suite: stable
            Architectures: all amd64
            No-Support-for-Architecture-all: Packages
            Acquire-By-Hash: yes
            SHA256:
             \(digest) 100 main/binary-amd64/Packages
             \(digest) 30 main/binary-amd64/Packages.gz
             \(digest) 20 main/binary-amd64/Packages.xz
            """
        let release = try ReleaseFile(Array(text.utf8), place: "test")
        let index = try #require(release.packagesIndex("main", "amd64"))
        #expect(index.path.string == "main/binary-amd64/Packages.xz")
        #expect(index.item.size == 20 && index.plainSize == 100)
        #expect(release.hasByHash && release.repeatsAll)
        #expect(release.packagesIndex("contrib", "amd64") == nil)
    }

    @Test(arguments: [
        "", "Suite: stable\n", "SHA256:\n zz 1 a\n", "SHA256:\n \(String(repeating: "0", count: 64)) 1 ../a\n",
    ])
    func whatIsNoReleaseFileIsRefused(_ text: String) {
        #expect(throws: DepotFailure.self) { try ReleaseFile(Array(text.utf8), place: "test") }
    }
}
