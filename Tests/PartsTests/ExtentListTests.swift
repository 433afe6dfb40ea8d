import Digests
import Files
import Testing

@testable import Parts

@Suite struct ExtentListTests {
    @Test func theBytesOfAListReadBackAsTheSameList() throws {
        let list = try ExtentList([
            Extent(length: 65536, digest: Digest(of: "a")), Extent(length: 12, digest: Digest(of: "b")),
        ])
        #expect(try ExtentList(bytes: list.bytes) == list)
        #expect(list.size == 65548)
        #expect(list.digest != Digest(of: list.bytes), "the digest is under a domain tag")
    }

    @Test func aPartWithoutBytesHasAListToo() throws {
        let list = try ExtentList([])
        #expect(try ExtentList(bytes: list.bytes) == list)
    }

    @Test func everyShorterListIsRefused() throws {
        let bytes = try ExtentList([Extent(length: 1, digest: Digest(of: "a"))]).bytes
        for count in 0..<bytes.count {
            #expect(throws: PartFailure.self) { try ExtentList(bytes: Array(bytes.prefix(count))) }
        }
        #expect(throws: PartFailure.self) { try ExtentList(bytes: bytes + [0]) }
    }

    @Test func lengthsThatNobodyCouldCheckAreRefused() {
        #expect(throws: PartFailure.self) { try ExtentList([Extent(length: 0, digest: Digest(of: "a"))]) }
        #expect(throws: PartFailure.self) {
            try ExtentList([Extent(length: ExtentList.largestExtent + 1, digest: Digest(of: "a"))])
        }
    }

    @Test func aListOfALaterLasIsRefusedKindly() throws {
        var bytes = try ExtentList([]).bytes
        bytes[11] = 2
        let failure = #expect(throws: PartFailure.self) { try ExtentList(bytes: bytes, from: "x.las") }
        #expect(failure?.summary == "the list of extents has version 2 of its format, which this las does not know yet")
        #expect(failure?.fix == "use a newer las for it")
        #expect(failure?.exitCode == .integrity)
    }
}
