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

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ])
    func theStandardsExamples(_ text: String, _ encoded: String) {
        // RFC 4648, section 10.
        #expect(Base64.encode(Array(text.utf8)) == encoded)
        #expect(Base64.decode(encoded.utf8) == Array(text.utf8))
        let bare = encoded.filter { $0 != "=" }
        #expect(Base64.encode(Array(text.utf8), padded: false) == bare)
        #expect(Base64.decode(bare.utf8) == Array(text.utf8))
    }

    @Test(arguments: ["A", "Zg=A", "Zm 9v", "Zm9v\n", "-m9v", "Zm9_", "===="]) func whatIsNoBase64(_ text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}
