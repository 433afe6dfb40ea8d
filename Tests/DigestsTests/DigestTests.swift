import Digests
import Testing

@Suite struct DigestTests {
    @Test func theStandardsExample() {
        // FIPS 180-4, the example "abc".
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(Digest(of: "abc").hex == hex)
        #expect(Digest(hex: hex) == Digest(of: "abc"))
    }

    @Test func onlyLowerCaseHexOfTheRightLengthIsADigest() {
        #expect(Digest(hex: "abc") == nil)
        #expect(Digest(hex: String(repeating: "A", count: 64)) == nil)
        #expect(Digest(hex: String(repeating: "0", count: 64))?.bytes == Array(repeating: 0, count: 32))
    }

    @Test func piecesGiveTheSameAsTheWhole() {
        var hasher = SHA256()
        hasher.update("a")
        hasher.update("bc")
        #expect(hasher.digest() == Digest(of: "abc"))
    }
}
