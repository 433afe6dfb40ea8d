import Files
import JSON
import TestSupport
import Testing

@testable import Metro

@Suite struct NeedsTests {
    func needs(_ text: String, in folder: String = "/nowhere") throws -> Needs {
        let lines = "lines: { main: [{ station: a, command: date, out: a.txt }] }\n"
        return try MetroReader.read(text: "metro: m\nneeds: \(text)\n\(lines)", file: folder + "/metro.yml").needs
    }

    @Test func packagesOfPipAreNamedInALineOrAGroup() throws {
        let six = try needs("{ pip: six }")
        #expect(six.pip?.packages == ["six"] && six.debian.isEmpty && !six.isEmpty)
        let list = try needs("{ debian: [bwa], pip: [pandas==2.*, \"requests[socks] >= 2, <3\", pandas==2.*] }")
        #expect(list.pip?.packages == ["pandas==2.*", "requests[socks] >= 2, <3"])
        #expect(list.words == ["bwa", "pandas==2.* (pip)", "requests[socks] >= 2, <3 (pip)"])
        #expect(try needs("{ pip: { packages: [six] } }") == six)
        let built = try needs("{ pip: { packages: [six], needs: [python3-dev, gcc] } }")
        #expect(built.pip == PipNeeds(packages: ["six"], tools: ["gcc", "python3-dev"]))
        #expect(try JSONText.decode(Needs.self, from: JSONText.encode(built)) == built)
    }

    /// A lock is the same whether images are slim or not.
    @Test func allOfAnImageIsKeptWhereTheNeedsSaySo() throws {
        let (slim, whole) = (try needs("{ debian: [bwa] }"), try needs("{ debian: [bwa], slim: no }"))
        #expect(slim.isSlim && !whole.isSlim && slim != whole && slim.chosen == whole.chosen)
        for needs in [slim, whole] { #expect(try JSONText.decode(Needs.self, from: JSONText.encode(needs)) == needs) }
        #expect(try needs("{ debian: [bwa], slim: yes }") == slim)
    }

    @Test func aFileOfRequirementsIsRead() throws {
        try withScratch { folder in
            let digest = String(repeating: "a1", count: 32)
            try File.write(
                "# what we need\npandas==2.*  # a table\r\n\nsix==1.17.0 \\\n    --hash=sha256:\(digest)\nrich ; python_version < \"3.13\"\n",
                to: folder + "/requirements.txt")
            let read = try needs("{ pip: { requirements: requirements.txt, packages: tabulate } }", in: folder)
            #expect(
                read.pip?.packages
                    == [
                        "pandas==2.*", "rich ; python_version < \"3.13\"", "six==1.17.0 --hash=sha256:\(digest)",
                        "tabulate",
                    ].sorted())
            try File.write("six\n-r more.txt\n../x\n", to: folder + "/requirements.txt")
            let failure = #expect(throws: MetroFailure.self) {
                try needs("{ pip: { requirements: requirements.txt } }", in: folder)
            }
            #expect(failure?.diagnostics.count == 2)
            #expect(failure?.diagnostics[0].message.contains("line 2 of requirements.txt is “-r more.txt”") == true)
        }
    }

    @Test(
        arguments: [
            "six", "Six", "zope.interface", "a-b_c", "six==1.*", "six===1+local", "six~=1.0", "a[b,c]>1,!=1.5",
            "a (>=1)", "six ; python_version < '3'",
        ]) func whatPipTakesIsTaken(_ text: String)
    { #expect(PipRequirement(text)?.text == text) }

    @Test(
        arguments: [
            "", "-e .", "--pre", "six==", "six =1", "a@b", "six @ https://example.org/a.whl", "./a.whl", "a b", "é",
            "six;", "six --hash=md5:1", "six --index-url x", "a\nb", "[a]",
        ]) func whatPipTakesOtherwiseIsNot(_ text: String)
    { #expect(PipRequirement(text) == nil) }

    @Test func oneNameHasManySpellings() {
        for name in ["Zope.Interface", "zope-interface", "ZOPE__interface"] {
            #expect(PipRequirement.plain(name) == "zope-interface")
        }
    }

    @Test func whatIsBuiltKeepsItsOrder() throws {
        let read = try needs(
            "{ archive: [{ address: \"https://example.org/b.tgz\", needs: [make, gcc], build: make install }, { address: \"https://example.org/a.tgz\", into: bin }], git: { repository: \"git@example.org:c.git\", commit: v1.2, keep: bin/c } }"
        )
        #expect(
            read.builds == [
                BuildNeed(
                    .archive(address: "https://example.org/b.tgz", sha256: nil), tools: ["gcc", "make"],
                    commands: "make install"),
                BuildNeed(.archive(address: "https://example.org/a.tgz", sha256: nil), into: "bin"),
                BuildNeed(.git(repository: "git@example.org:c.git", commit: "v1.2"), keep: ["bin/c"]),
            ])
        #expect(read.kinds.map(\.name) == ["archive", "git"] && !read.isEmpty)
        #expect(try JSONText.decode(Needs.self, from: JSONText.encode(read)) == read)
    }

    @Test func debianIsAListOrAGroup() throws {
        let read = try needs("{ debian: { packages: [samtools>=1.16, bwa/bookworm-backports], recommends: yes } }")
        #expect(read.debian == ["bwa/bookworm-backports", "samtools>=1.16"] && read.recommends)
        let plain = try needs("{ debian: [samtools>=1.16, bwa/bookworm-backports] }")
        #expect(plain != read && !plain.recommends)
        #expect(try JSONText.decode(Needs.self, from: JSONText.encode(read)) == read)
    }

    @Test func programsOfTheMachineAreNamed() throws {
        let read = try needs("{ host: [xz, our-tool, xz] }")
        #expect(read.host == ["our-tool", "xz"] && !read.isEmpty && read.words == ["our-tool (host)", "xz (host)"])
        #expect(try JSONText.decode(Needs.self, from: JSONText.encode(read)) == read)
        for wrong in ["/bin/xz", "-x", "a b", ".."] {
            #expect(throws: MetroFailure.self, "\(wrong)") { try needs("{ host: \"\(wrong)\" }") }
        }
    }
}
