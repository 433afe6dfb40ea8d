import Files
import TestSupport
import Testing

@testable import Depot

@Suite struct AptSourcesTests {
    func read(_ text: String, as name: String = "a.list") throws -> AptSources {
        try withScratch { folder in
            try File.write(text, to: folder + "/" + name)
            return try AptSources.ofMachine(
                environment: ["LAS_APT_SOURCES": folder], architecture: Architecture("amd64"))
        }
    }

    @Test func aLineIsASource() throws {
        let sources = try read(
            """
            # a comment
            deb http://example.org/debian stable main contrib # another
            deb-src http://example.org/debian stable main
            deb [arch=amd64,arm64 signed-by=/keys/a.gpg check-valid-until=no] https://example.org/x/ $(ARCH)/
            deb [ arch=riscv64 trusted=yes ] https://example.org/y stable main
            """
        ).sources
        #expect(sources.map(\.name) == ["http://example.org/debian/ stable", "https://example.org/x/ amd64/"])
        #expect(sources[0].components == ["main", "contrib"])
        #expect(sources[0].releaseFolder == "http://example.org/debian/dists/stable/")
        #expect(sources[1].releaseFolder == "https://example.org/x/amd64/")
        #expect(sources[1].signers == [.file("/keys/a.gpg")])
        #expect(!sources[1].checksValidUntil && sources[0].checksValidUntil)
    }

    @Test func aParagraphIsASourceForEachAddressAndSuite() throws {
        let sources = try read(
            """
            # Debian
            Types: deb deb-src
            URIs: http://example.org/debian
            Suites: stable stable-updates
            Components: main
            Signed-By:
             -----BEGIN PGP PUBLIC KEY BLOCK-----
             .
             AAAA
             -----END PGP PUBLIC KEY BLOCK-----

            Types: deb
            URIs: http://example.org/off
            Suites: stable
            Components: main
            Enabled: no

            Types: deb
            URIs: file:/srv/own
            Suites: ./
            Trusted: yes
            """, as: "debian.sources"
        ).sources
        #expect(sources.map(\.suite) == ["stable", "stable-updates", "./"])
        #expect(
            sources[0].signers == [
                .key("\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----")
            ])
        #expect(sources[2].isTrusted && sources[2].releaseFolder == "file:/srv/own/")
    }

    @Test func whatLasCantReadIsLeftOutWithAWarning() throws {
        let read = try read("deb cdrom:[Debian]/ stable main\n")
        #expect(read.sources == [])
        #expect(read.warnings.count == 1)
    }

    @Test(arguments: [
        "rpm http://example.org stable main", "deb [arch=amd64 http://example.org stable main",
        "deb http://example.org",
        "deb http://example.org stable", "deb http://example.org ../.. main",
        "deb [signed-by=x] http://example.org s main",
    ]) func mistakesAreToldWithTheirLine(_ line: String) throws {
        let failure = #expect(throws: DepotFailure.self) { try read("\n" + line) }
        #expect(failure?.place?.hasSuffix("/a.list:2") == true)
        #expect(failure?.exitCode == .usage)
    }
}
