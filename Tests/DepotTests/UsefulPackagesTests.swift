import Files
import Layers
import Metro
import TestSupport
import Testing

@testable import Depot

/// Packages that people's metros are made of, each used for what it is there for. The heavy ones take minutes: `make soak`.
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

    static let isSoak = Program("true").environment["LAS_SOAK"] == "1"

    static let heavy = [
        Use(
            "python3-pandas", command: "python3 -c 'import pandas; print(pandas.DataFrame({\"a\": [1, 2]}).a.sum())'",
            prints: "3\n"),
        Use(
            "python3-matplotlib",
            command:
                "export MPLCONFIGDIR=/tmp; python3 -c 'import matplotlib; matplotlib.use(\"Agg\"); import matplotlib.pyplot as p; p.title(\"a\"); p.plot([1, 2]); p.savefig(\"/tmp/a.png\")'; head -c 4 /tmp/a.png | tail -c 3",
            prints: "PNG"),
        Use("r-base-core", command: "Rscript -e 'cat(median(c(1, 2, 9)), \"\\n\")'", prints: "2 \n"),
        Use(
            "default-jre-headless",
            command:
                "keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c trustedCertEntry | grep -qE '^[0-9]{2,}$' && echo java",
            prints: "java\n"),
        Use(
            "imagemagick", command: "convert -size 8x4 xc:red /tmp/a.png; identify -format '%w %h' /tmp/a.png",
            prints: "8 4"),
        Use(
            "gnuplot-nox",
            command:
                "gnuplot -e 'set term pngcairo; set output \"/tmp/a.png\"; set title \"a\"; plot sin(x)'; head -c 4 /tmp/a.png | tail -c 3",
            prints: "PNG"),
        Use(
            "ffmpeg",
            command:
                "ffmpeg -v error -f lavfi -i sine=d=1 /tmp/a.wav; ffprobe -v error -show_entries format=duration -of csv=p=0 /tmp/a.wav",
            prints: "1.000000\n"),
        Use(
            "ncbi-blast+",
            command: """
                cd /tmp; s=ACGTTGCATGCCATGATCGGATTACACCGTAGGCTTACGATCGATTGCCGATACGGATCTTGACAGCTTAGC
                printf '>one\\n%s\\n' $s > a.fa; makeblastdb -in a.fa -dbtype nucl >/dev/null
                printf '>q\\n%s\\n' ${s:10:50} | blastn -db a.fa -outfmt '6 qseqid sseqid pident sstart'
                """, prints: "q\tone\t100.000\t11\n"),
    ]

    /// Light enough for one environment that is made in every run of the tests.
    static let light = [
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

    private func tree(of packages: [String]) async throws -> LayeredTree {
        let depot = try RealArchives.depot(RealArchives.lash)
        let lock = try await depot.lock(["main": Needs(debian: packages)])
        return try await depot.build(try #require(lock.environments["main"]))
    }

    @Test func lightOnesWorkTogether() async throws {
        let tree = try await tree(of: Self.light.flatMap(\.packages))
        for use in Self.light {
            let said = try RealPackagesTests().run("export PATH HOME=/tmp; " + use.command, in: tree)
            #expect(said == use.prints, "\(use)")
        }
    }

    @Test(.enabled(if: isSoak, "it takes long: make soak"), arguments: heavy) func heavyOnesWork(_ use: Use)
        async throws
    {
        let tree = try await tree(of: use.packages)
        let said = try RealPackagesTests().run("export PATH HOME=/tmp; " + use.command, in: tree)
        #expect(said == use.prints)
    }
}
