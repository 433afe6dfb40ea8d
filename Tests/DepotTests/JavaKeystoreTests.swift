import Digests
import Testing

@testable import Depot

@Suite struct JavaKeystoreTests {
    /// One certificate, `x`, made at that time; sealed with the usual password.
    func store(milliseconds: UInt8, seal: Bool = true) -> [UInt8] {
        let body: [UInt8] =
            [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 120] + [
                0, 0, 0, 0, 0, 0, 0, milliseconds,
            ]
            + [0, 1, 65, 0, 0, 0, 2, 1, 2]
        let secret = "changeit".utf8.flatMap { [0, $0] } + Array("Mighty Aphrodite".utf8)
        return body + (seal ? SHA1.digest(secret + body) : Array(repeating: 0, count: 20))
    }

    @Test func theStandardsExample() {
        // FIPS 180-4, the example "abc".
        let digest: [UInt8] = [
            0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0,
            0xd8, 0x9d,
        ]
        #expect(SHA1.digest(Array("abc".utf8)) == digest)
        // A million times “a”: longer than one byte can say in bits.
        let long: [UInt8] = [
            0x34, 0xaa, 0x97, 0x3c, 0xd4, 0xc4, 0xda, 0xa4, 0xf6, 0x1e, 0xeb, 0x2b, 0xdb, 0xad, 0x27, 0x31, 0x65, 0x34,
            0x01, 0x6f,
        ]
        #expect(SHA1.digest(Array(repeating: UInt8(ascii: "a"), count: 1_000_000)) == long)
    }

    @Test func storesThatDifferInTimeOnlyBecomeTheSame() {
        #expect(JavaKeystore.withTimes(store(milliseconds: 1), 0) == store(milliseconds: 0))
        #expect(JavaKeystore.withTimes(store(milliseconds: 1), 0) == JavaKeystore.withTimes(store(milliseconds: 2), 0))
    }

    @Test func whatIsNoSuchStoreIsLeftAlone() {
        #expect(JavaKeystore.withTimes(store(milliseconds: 1, seal: false), 0) == nil)
        #expect(JavaKeystore.withTimes([], 0) == nil)
        #expect(JavaKeystore.withTimes(Array(store(milliseconds: 1).dropLast()), 0) == nil)
    }
}
