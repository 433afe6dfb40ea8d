import Digests
import Parts
import Testing

@Suite struct ExtentDifferenceTests {
    private func list(_ names: some Sequence<Int>) throws -> ExtentList {
        try ExtentList(names.map { Extent(length: Int64($0 % 7 + 1), digest: Digest(of: Array("\($0)".utf8))) })
    }

    @Test func oneChangedExtentIsTwoRunsAndOneExtent() throws {
        let (old, new) = (try list(0..<1000), try list(Array(0..<500) + [5000] + Array(501..<1000)))
        let difference = ExtentDifference(new, from: old)
        #expect(difference.steps == [.same(0..<500), .new([new.extents[500]]), .same(501..<1000)])
        #expect(difference.bytes.count == 12 + 9 + 41 + 9)
    }

    @Test func whatIsAppliedIsTheListAgain() throws {
        for _ in 0..<300 {
            let old = try list((0..<Int.random(in: 0...60)).map { _ in Int.random(in: 0...40) })
            let new = try list((0..<Int.random(in: 0...60)).map { _ in Int.random(in: 0...40) })
            let sent = ExtentDifference(new, from: old).bytes
            let read = try ExtentDifference(bytes: sent, from: "a test")
            #expect(try read.applied(to: old, from: "a test") == new)
        }
    }

    @Test func whatIsCutOrSpeaksOfAnotherListIsRefused() throws {
        let (old, new) = (try list(0..<100), try list(Array(0..<50) + [777] + Array(60..<100)))
        let bytes = ExtentDifference(new, from: old).bytes
        // A difference that ends between two steps is whole: that it makes another list is what its digest tells.
        for end in [0, 5, 11, 13, 20, 22, 30, bytes.count - 1] {
            #expect(throws: PartFailure.self) { try ExtentDifference(bytes: Array(bytes[..<end]), from: "a test") }
        }
        let shorter = try list(0..<10)
        let read = try ExtentDifference(bytes: bytes, from: "a test")
        #expect(throws: PartFailure.self) { try read.applied(to: shorter, from: "a test") }
    }

    @Test func noListIsMadeLongerThanListsMayBe() throws {
        var writer = ByteWriter()
        writer.append("LASEXDIF")
        writer.append(UInt32(1))
        for _ in 0..<3 {
            writer.append(UInt8(0))
            writer.append(UInt32(0))
            writer.append(UInt32(ExtentList.mostExtents))
        }
        #expect(throws: PartFailure.self) { try ExtentDifference(bytes: writer.bytes, from: "a test") }
        var few = ByteWriter()
        few.append("LASEXDIF")
        few.append(UInt32(1))
        few.append(UInt8(1))
        few.append(UInt32.max)
        #expect(throws: PartFailure.self) { try ExtentDifference(bytes: few.bytes, from: "a test") }
    }
}

@Suite struct WantedExtentsTests {
    private let list = try! ExtentList([3, 5, 7, 11, 13].map { Extent(length: $0, digest: Digest(of: [UInt8($0)])) })

    @Test func numbersThatFollowEachOtherAreARun() throws {
        let wanted = WantedExtents([0, 1, 3])
        #expect(wanted.runs == [0..<2, 3..<4])
        #expect(wanted.size(in: list) == 19)
        #expect(WantedExtents(bytes: wanted.bytes, of: 5) == wanted)
        let pieces = wanted.pieces(of: list, atMost: 6)
        #expect(pieces.map(\.offset) == [0, 6, 15, 21] && pieces.map(\.count) == [6, 2, 6, 5])
    }

    @Test func whatThePartDoesNotHaveCanNotBeWanted() {
        #expect(WantedExtents(bytes: WantedExtents([4]).bytes, of: 4) == nil)
        #expect(WantedExtents(bytes: WantedExtents([3]).bytes + WantedExtents([1]).bytes, of: 5) == nil)
        #expect(WantedExtents(bytes: WantedExtents([1]).bytes + WantedExtents([2]).bytes, of: 5) == nil)
        #expect(WantedExtents(bytes: Array(WantedExtents([1]).bytes.dropLast()), of: 5) == nil)
        #expect(WantedExtents(bytes: [0, 0, 0, 1, 0, 0, 0, 0], of: 5) == nil)
    }
}
