import Testing

@testable import Metro

@Suite struct WebAddressTests {
    @Test(arguments: [
        ("https://example.org/reads/s1.fq.gz", "s1.fq.gz"), ("http://example.org:8080/a/b.csv?x=1#top", "b.csv"),
        ("https://example.org/two%20words.txt", "two words.txt"), ("https://example.org/é.txt", "é.txt"),
        ("https://example.org/data/", "data"), ("https://example.org", "example.org"),
        ("https://example.org/..%2f..%2fetc%2Fpasswd", "_.._etc_passwd"), ("https://example.org/a%00b%0Ac", "a_b_c"),
        ("https://example.org/%2e%2e", "example.org"), ("HTTPS://Example.org/A.txt", "A.txt"),
        ("https://example.org/100%.txt", "100%.txt"), ("https://[::1]/x", "x"),
        ("https://example.org/%FF.txt", "\u{FFFD}.txt"),
    ]) func theFileIsCalledByTheLastNameOfThePath(_ text: String, _ name: String) throws {
        #expect(try WebAddress(text).fileName == name)
    }

    @Test(arguments: [
        ("https://example.org/my file.txt#x", "https://example.org/my%20file.txt"),
        ("https://example.org/é/{a}?q=ü", "https://example.org/%C3%A9/%7Ba%7D?q=%C3%BC"),
        ("https://example.org/a%20b%", "https://example.org/a%20b%25"),
        ("http://example.org:8080/a+b,c;d=(e)", "http://example.org:8080/a+b,c;d=(e)"),
    ]) func itIsAskedForWithWhatAnAddressCanHold(_ text: String, _ request: String) throws {
        #expect(try WebAddress(text).request == request)
    }

    @Test(arguments: [
        "ftp://example.org/x", "s3://bucket/x", "file:///etc/passwd", "https://", "https:///x",
        "https://me:secret@example.org/x",
        "https://me@example.org/x", "https://exa mple.org/x", "https://example.org/*.fq", "https://example.org/a\nb",
        "https://example.org/" + String(repeating: "x", count: 4000),
    ]) func whatLasDoesNotFetchIsRefused(_ text: String) {
        #expect(WebAddress.isMeant(by: text))
        #expect(throws: WebAddress.Mistake.self) { try WebAddress(text) }
    }

    @Test(arguments: ["reads/*.fq", "a:b", "://x", "c:/x", "a b://x", ""]) func aPathIsNoAddress(_ text: String) {
        #expect(!WebAddress.isMeant(by: text))
    }

    @Test func aVeryLongNameKeepsItsEnding() throws {
        let name = try WebAddress("https://example.org/" + String(repeating: "é", count: 300) + ".csv").fileName
        #expect(name.utf8.count <= 200)
        #expect(name.hasSuffix("é.csv"))
    }
}
