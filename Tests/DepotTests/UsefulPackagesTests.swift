import Files
import Layers
import Metro
import TestSupport
import Testing

@testable import Depot

/// Packages that people's metros are made of, each used for what it is there for, as an image has them. The heavy ones are
/// tested with the built programs.
@Suite(
    .serialized,
    .enabled(if: RealArchives.isReachable, "the archives of this machine's apt sources can't be reached from here"))
struct UsefulPackagesTests {
    struct Use: Sendable, CustomTestStringConvertible {
        let packages: [String]
        let command: String
        let prints: String

        init(_ packages: String..., command: String, prints: String) {
            (self.packages, self.command, self.prints) = (packages, command, prints)
        }

        var testDescription: String { packages.joined(separator: ", ") }
    }

    /// Light enough for one environment that is made in every run of the tests.
    static let uses = [
        Use("jq", command: "echo '{\"a\": [1, 2]}' | jq '.a | add'", prints: "3\n"),
        Use("sqlite3", command: "sqlite3 :memory: 'select 6 * 7'", prints: "42\n"),
        Use(
            "perl", command: "perl -MDigest::MD5=md5_hex -e 'print md5_hex(q(a))'",
            prints: "0cc175b9c0f1b6a831c399e269772661"),
        Use(
            "fontconfig", "fonts-dejavu-core", command: "fc-match -f '%{family}' 'DejaVu Sans'", prints: "DejaVu Sans"),
        Use(
            "ca-certificates",
            command: "test $(grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt) -gt 50 && echo trust",
            prints: "trust\n"),
    ]

    @Test func theyWorkTogether() async throws {
        let depot = try RealArchives.depot(RealArchives.lash)
        let lock = try await depot.lock(["main": Needs(debian: Self.uses.flatMap(\.packages))])
        let tree = try await depot.build(try #require(lock.environments["main"])).slimmed().tree
        for use in Self.uses {
            let said = try RealPackagesTests().run("export PATH HOME=/tmp; " + use.command, in: tree)
            #expect(said == use.prints, "\(use)")
        }
    }
}
