import Files
import JSON
import TestSupport
import Testing

/// Packages that people's metros are made of: each is packed, and does what it is there for in a station of the bundle. They
/// take minutes: `make soak`.
@Suite(.serialized, .enabled(if: Program("true").environment["LAS_SOAK"] == "1", "it takes long: make soak"))
struct UsefulPackagesTests {
    struct Use: Sendable, CustomTestStringConvertible {
        let packages: [String]
        /// What the station's command prints is compared.
        let command: String
        let prints: [String]

        init(_ packages: String..., prints: [String], command: String) {
            (self.packages, self.command, self.prints) = (packages, command, prints)
        }

        var testDescription: String { packages.joined(separator: ", ") }
    }

    static let uses = [
        Use(
            "python3-pandas", prints: ["{'x': 2.5, 'y': 2.0}", "a|b", "x|5"],
            command: """
                cat > /tmp/use.py <<'P'
                import io, pandas, sqlite3
                table = pandas.read_csv(io.StringIO("a,b\\nx,1\\ny,2\\nx,4\\n"))
                print(table.groupby("a").b.mean().to_dict())
                base = sqlite3.connect(":memory:")
                table.to_sql("t", base)
                sums = pandas.read_sql("select a, sum(b) b from t group by a limit 1", base)
                print(sums.to_csv(sep="|", index=False), end="")
                P
                python3 /tmp/use.py
                """),
        // The picture has its axes' black, its line's colour, and on the white ground the letters of its title.
        Use(
            "python3-matplotlib", prints: ["(240, 320, 4) True True", "%PDF- True"],
            command: """
                export MPLCONFIGDIR=/tmp
                cat > /tmp/use.py <<'P'
                import matplotlib
                matplotlib.use("Agg")
                import matplotlib.pyplot as plot
                plot.figure(figsize=(6.4, 4.8), dpi=50)
                plot.title("the title")
                plot.plot([1, 2, 4], color="#ff0000", linewidth=5)
                for name in ("a.png", "a.pdf", "a.svg"): plot.savefig("/tmp/" + name)
                picture = plot.imread("/tmp/a.png")
                title = picture[:28, 120:200, 0]
                red = ((picture[:, :, 0] > 0.9) & (picture[:, :, 1] < 0.1)).sum() > 100
                print(picture.shape, bool(red), bool((title < 0.5).sum() > 20))
                print(open("/tmp/a.pdf", "rb").read(5).decode(), "the title" in open("/tmp/a.svg").read())
                P
                python3 /tmp/use.py
                """),
        Use(
            "r-base-core", prints: ["-17.579 3.932 ", "PNG", "Rd "],
            command: """
                Rscript -e 'cat(round(coef(lm(dist ~ speed, cars)), 3), "\\n")'
                Rscript -e 'png("/tmp/a.png"); plot(cars, main = "cars"); invisible(dev.off())'
                head -c 4 /tmp/a.png | tail -c 3; echo
                Rscript -e 'cat(class(utils:::.getHelpFile(help("lm"))), "\\n")'
                """),
        // The keystore is made when the package configures itself.
        Use(
            "default-jre-headless", prints: ["17", "true"],
            command: """
                java -XshowSettings:properties -version 2>&1 | sed -n 's/.*java.specification.version = //p'
                keytool -list -cacerts -storepass changeit 2>/dev/null | grep -c trustedCertEntry > /tmp/count
                test $(cat /tmp/count) -gt 50 && echo true
                """),
        Use(
            "perl", prints: ["900150983cd24fb0d6963f7d28e17f72 2 \u{e9} 1.5"],
            command:
                "perl -CO -MDigest::MD5=md5_hex -MPOSIX=floor -MEncode=decode -MTime::Local -e 'print md5_hex(q(abc)), q( ), floor(2.5), q( ), decode(q(UTF-8), qq(\\xc3\\xa9)), q( ), (timegm(0, 0, 12, 2, 0, 1970) / 86400), qq(\\n)'"
        ),
        // A white text on red, made small: most of it is red, some is not.
        Use(
            "imagemagick", "fonts-dejavu-core", prints: ["PNG 80 40", "JPEG 40 20", "srgb(255,0,0)", "true"],
            command: """
                convert -size 80x40 xc:red -fill white -font DejaVu-Sans -pointsize 16 -annotate +5+20 hello /tmp/a.png
                convert /tmp/a.png -resize 50% /tmp/b.jpg
                identify -format '%m %w %h\\n' /tmp/a.png /tmp/b.jpg
                convert /tmp/a.png -format '%[pixel:p{0,0}]\\n' info:
                convert /tmp/a.png -format '%[fx:mean.g > 0.02 && mean.g < 0.5]' info: | sed 's/^1$/true/'
                """),
        Use(
            "gnuplot-nox", prints: ["PNG", "true", "slope 2.00"],
            command: """
                gnuplot -e 'set term pngcairo size 200,100; set output "/tmp/a.png"; set title "a"; plot sin(x)'
                head -c 4 /tmp/a.png | tail -c 3; echo
                gnuplot -e 'set term svg; set title "the title"; plot x' | grep -q 'the title' && echo true
                printf '0 1\\n1 3\\n2 5\\n' > /tmp/d
                gnuplot -e 'set fit quiet; set fit logfile "/tmp/log"; f(x) = a * x + b; fit f(x) "/tmp/d" via a, b; set print "-"; print sprintf("slope %.2f", a)'
                """),
        // Five pictures and a second of sound, coded and decoded again.
        Use(
            "ffmpeg", prints: ["h264,64,5", "aac", "15360"],
            command: """
                ffmpeg -v error -f lavfi -i testsrc=d=1:s=64x48:r=5 -f lavfi -i sine=d=1 -c:v libx264 -c:a aac /tmp/a.mp4
                ffprobe -v error -select_streams v -show_entries stream=codec_name,width,nb_frames -of csv=p=0 /tmp/a.mp4
                ffprobe -v error -select_streams a -show_entries stream=codec_name -of csv=p=0 /tmp/a.mp4
                ffmpeg -v error -i /tmp/a.mp4 -f rawvideo -pix_fmt gray - | wc -c
                """),
        Use(
            "sqlite3", prints: ["42", "words"],
            command: """
                sqlite3 /tmp/a.db 'create table t(a); insert into t values (1), (41); select sum(a) from t'
                sqlite3 :memory: "create virtual table t using fts5(a); insert into t values ('some words'); select 'words' from t('words')"
                """),
        Use("jq", prints: ["[\"b\",3]"], command: "echo '{\"a\": [1, 2]}' | jq -c '[\"b\", (.a | add)]'"),
        Use(
            "ncbi-blast+", prints: ["q\tone\t100.000\t11"],
            command: """
                cd /tmp
                s=ACGTTGCATGCCATGATCGGATTACACCGTAGGCTTACGATCGATTGCCGATACGGATCTTGACAGCTTAGC
                printf '>one\\n%s\\n' $s > a.fa
                makeblastdb -in a.fa -dbtype nucl > /dev/null
                printf '>q\\n%s\\n' $(echo $s | cut -c 11-60) | blastn -db a.fa -outfmt '6 qseqid sseqid pident sstart'
                """),
        // What configuring the packages wrote is used: nothing has to be looked through anew.
        Use(
            "fontconfig", "fonts-dejavu-core",
            prints: ["DejaVu Sans /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "true"],
            command: """
                fc-match -f '%{family} %{file}\\n' 'DejaVu Sans'
                fc-cache -v > /tmp/said
                grep -q 'dejavu: skipping, existing cache is valid' /tmp/said && echo true
                """),
        Use(
            "ca-certificates", "openssl", prints: ["/etc/ssl/certs/ISRG_Root_X1.pem: OK"],
            command:
                "openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ISRG_Root_X1.pem"),
    ]

    @Test(arguments: uses) func itWorksInABundle(_ use: Use) throws {
        try withScratch { folder in
            let command = use.command.split(separator: "\n", omittingEmptySubsequences: false)
                .map { "        " + Self.literally(String($0)) }.joined(separator: "\n")
            let text = """
                metro: use
                needs: { debian: [\(use.packages.joined(separator: ", "))] }
                lines:
                  one:
                    - station: use
                      command: |
                \(command)
                      out: said.txt

                """
            try Folder.make(folder + "/metro")
            try File.write(text, to: folder + "/metro/metro.yml")
            let las = LasCommand(in: folder)
            let packed = try las("pack", "metro", "--output", "use.las")
            try #require(packed.status == 0, "\(packed.errors)")
            let bundle = Program(
                folder + "/use.las", environment: ["HOME": folder, "LASH": folder + "/lash", "PATH": "/usr/bin:/bin"],
                folder: folder)
            let ended = try bundle.run("run")
            try #require(ended.status == 0, "\(ended.output)\(ended.errors)")
            let said = try File.read(folder + "/results/use/said.txt")
            #expect(String(decoding: said, as: UTF8.self).split(separator: "\n").map(String.init) == use.prints)

            let told = try JSONText.parse(Array(try las("inspect", "use.las", "--json").output.utf8))
            let leftOut = told["environments"]?.array?.first?["left_out"]?.array ?? []
            #expect(leftOut.contains { $0["what"]?.string == "manual pages" && ($0["size"]?.integer ?? 0) > 100_000 })
        }
    }

    /// Braces of the command are braces.
    private static func literally(_ line: String) -> String {
        String(line.flatMap { $0 == "{" || $0 == "}" ? [$0, $0] : [$0] })
    }
}
