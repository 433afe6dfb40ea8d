import Digests
import Files
import Layers
import Testing

/// What images do without: the rules of docs/needs.md.
@Suite struct SlimTests {
    private func layer(_ entries: [LayerEntry], name: String = "a") -> Layer {
        Layer(
            digest: Digest(of: name), name: name, tree: "/\(name)", entries: entries.sorted { $0.path < $1.path })
    }

    private func files(_ paths: String...) -> [LayerEntry] { paths.map { entry($0, .file(size: 10)) } }

    private func stay(_ layers: Layer..., keeping: [String] = [], asked: [Layer] = []) -> [String] {
        LayeredTree(layers: layers).slimmed(
            keeping: keeping.compactMap { RelativePath($0) }, asked: Set(asked.map(\.digest))
        ).tree.merged().map(\.path.string)
    }

    @Test(arguments: [
        ("usr/share/doc/samtools/README.gz", "documentation"), ("usr/share/doc/a/examples/b.dat", "documentation"),
        ("usr/share/lintian/overrides/a", "documentation"), ("usr/share/man/man1/ls.1.gz", "manual pages"),
        ("usr/share/info/find.info.gz", "manual pages"),
        ("usr/share/locale/de/LC_MESSAGES/bash.mo", "translations"),
        ("usr/include/stdio.h", "headers and static libraries"),
        ("usr/lib/x86_64-linux-gnu/libz.a", "headers and static libraries"),
        ("usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc", "headers and static libraries"),
        ("var/cache/debconf/templates.dat", "caches"), ("var/lib/dpkg/info/bash.postinst", "installation scripts"),
        ("var/lib/dpkg/info/libc6:amd64.md5sums", "installation scripts"),
    ])
    func thisIsLeftOut(_ path: String, _ rule: String) throws {
        let path = try #require(RelativePath(path))
        #expect(SlimRules.standard.rule(for: path)?.name == rule)
    }

    @Test(arguments: [
        // Licences come with what is copied.
        "usr/share/doc/samtools/copyright", "usr/share/doc/a/NOTICE.gz", "usr/share/doc/a/LICENSE.txt",
        "usr/share/doc/a/licenses/b.txt", "usr/share/common-licenses/GPL-2",
        // A package's folder, or the link to another's.
        "usr/share/doc/samtools", "usr/share/locale/locale.alias",
        // What programs read, whatever it is called.
        "usr/share/R/doc/COPYING", "usr/lib/R/library/stats/help/stats.rdb", "usr/share/gnuplot/gnuplot.gih",
        "usr/lib/go-1.19/pkg/linux_amd64/fmt.a", "usr/lib/x86_64-linux-gnu/libz.so.1", "usr/share/mandelbrot/a",
        "var/cache/fontconfig/a.cache-7", "var/lib/dpkg/info/bash.list", "var/lib/dpkg/status",
        "usr/lib/python3/dist-packages/pandas/__pycache__/a.pyc",
        // What was built, or is Python's own.
        "usr/local/include/own.h", "usr/local/share/man/man1/own.1", "etc/doc/x",
    ])
    func thisStays(_ path: String) throws {
        #expect(SlimRules.standard.rule(for: try #require(RelativePath(path))) == nil)
    }

    @Test func whatWasLeftOutIsCounted() {
        let slimmed = LayeredTree(layers: [
            layer(files("usr/bin/a", "usr/share/man/man1/a.1", "usr/share/man/man8/b.8", "usr/share/doc/a/README"))
        ]).slimmed()
        #expect(
            slimmed.leftOut.map { "\($0.rule): \($0.files), \($0.bytes)" }
                == ["documentation: 1, 10", "manual pages: 2, 20"])
    }

    @Test func foldersGoWithAllThatIsInThem() {
        let folders = ["usr/share/man/man1", "usr/share/doc/a/x", "usr/share/doc/a/y"].map { entry($0, .folder) }
        let all = folders + files("usr/share/man/man1/a.1", "usr/share/doc/a/x/b", "usr/share/doc/a/y/LICENSE")
        #expect(stay(layer(all)) == ["usr/share/doc/a/y", "usr/share/doc/a/y/LICENSE"])
    }

    @Test func whatAMetroNamesStays() {
        let all = files("usr/share/doc/a/examples/x.fa", "usr/share/doc/a/examples/x.fa.fai", "usr/share/doc/a/README")
        #expect(
            stay(layer(all), keeping: ["usr/share/doc/a/examples"])
                == ["usr/share/doc/a/examples/x.fa", "usr/share/doc/a/examples/x.fa.fai"])
    }

    @Test func headersStayWhereACompilerIs() {
        let headers = layer(files("usr/include/stdio.h"), name: "headers")
        for compiler in ["usr/bin/x86_64-linux-gnu-gcc-12", "usr/bin/cc", "usr/bin/clang-14"] {
            let compiler = layer([entry(compiler, .link(target: "x"))], name: "compiler")
            #expect(stay(headers, compiler).contains("usr/include/stdio.h"))
        }
        #expect(stay(headers) == [])
    }

    /// Whoever names a package of examples wants them.
    @Test func aPackageThatIsAskedForStaysWholeWhereItIsNothingElse() {
        let examples = layer(
            files("usr/share/doc/a/examples/x", "usr/share/doc/a/copyright", "var/lib/dpkg/info/a.md5sums"))
        #expect(stay(examples, asked: [examples]).count == 3)
        #expect(stay(examples) == ["usr/share/doc/a/copyright"])
        let program = layer(files("usr/share/doc/a/examples/x", "usr/bin/a"))
        #expect(stay(program, asked: [program]) == ["usr/bin/a"])
    }

    /// So that images of different metros share the blocks of a layer.
    @Test func aLayerIsKnownByWhatItLacks() throws {
        let bare = layer(files("usr/bin/a"), name: "bare")
        let both = layer(files("usr/bin/b", "usr/share/doc/b/README", "usr/share/doc/b/x"), name: "both")
        let tree = LayeredTree(layers: [bare, both])
        let slim = tree.slimmed().tree.layers.map(\.imageDigest)
        #expect(slim[0] == bare.digest && slim[1] != both.digest)
        #expect(tree.slimmed().tree.layers.map(\.imageDigest) == slim)
        let kept = tree.slimmed(keeping: [try #require(RelativePath("usr/share/doc/b/x"))]).tree.layers
        #expect(kept.map(\.digest) == [bare.digest, both.digest] && kept[0].imageDigest == bare.digest)
        #expect(![slim[1], both.digest].contains(kept[1].imageDigest))
    }

    @Test func aHardLinkOfWhatIsLeftOutBecomesTheFile() throws {
        let file = try #require(RelativePath("usr/share/doc/a/x"))
        let all = [
            entry("usr/share/doc/a/x", .file(size: 7)), entry("usr/share/tool/x", .hardLink(to: file)),
            entry("usr/share/tool/y", .hardLink(to: file)),
        ]
        let entries = LayeredTree(layers: [layer(all)]).slimmed().tree.layers[0].entries
        let first = try #require(RelativePath("usr/share/tool/x"))
        #expect(entries.map(\.kind) == [.file(size: 7), .hardLink(to: first)])
    }
}
