import Files
import Metro
import TestSupport
import Testing

@testable import Plan

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct InputFilesTests {
    private func metro(_ inputs: String, _ takes: String = "x") throws -> Metro {
        try MetroReader.read(
            text:
                "metro: m\ninputs:\n\(inputs)\nlines:\n  one:\n    - { station: s, in: [\(takes)], command: cat, out: a }\n",
            file: "metro.yml")
    }

    private func plan(_ inputs: String, in folder: String) throws -> Plan {
        let metro = try metro(inputs)
        return try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))
    }

    private func make(_ files: [String], in folder: String, _ content: String = "x") throws {
        for file in files {
            try Folder.make(File.parent(of: "\(folder)/\(file)"))
            try File.write(content, to: "\(folder)/\(file)")
        }
    }

    @Test func neighboursStayTogether() throws {
        try withScratch { folder in
            try make(["d/a/1.fq", "d/b/2.fq", "d/b/.3.fq", "d/note.txt", "e.fq"], in: folder)
            let one = try plan("  x: d/*/*.fq", in: folder)
            #expect(one.packedFiles.map(\.path) == ["inputs/x/a/1.fq", "inputs/x/b/2.fq"])
            #expect(one.packedFiles.map(\.content) == [.file("d/a/1.fq"), .file("d/b/2.fq")])
            #expect(one.inputs[0].files?.map(\.name) == ["a_1", "b_2"])
            #expect(try plan("  x: d/note.txt", in: folder).packedFiles.map(\.path) == ["inputs/x/note.txt"])
            #expect(
                try plan("  x: [d/a/*.fq, d/b/2.fq]", in: folder).packedFiles.map(\.path) == [
                    "inputs/x/a/1.fq", "inputs/x/b/2.fq",
                ])
            #expect(try plan("  x: \"**/*.fq\"", in: folder).packedFiles.count == 3)
            #expect(try plan("  x: ./e.fq", in: folder).packedFiles.map(\.path) == ["inputs/x/e.fq"])
        }
    }

    @Test func namesThatLookAlikeStayTwo() throws {
        try withScratch { folder in
            try make(["r/\u{E9}.fq", "r/e\u{301}.fq", "r/\u{301}x/\u{302}.fq"], in: folder)
            let all = try plan("  x: \"r/**/*.fq\"", in: folder)
            #expect(
                all.packedFiles.map { Array($0.path.utf8) }
                    == ["e\u{301}.fq", "\u{E9}.fq", "\u{301}x/\u{302}.fq"].map { Array("inputs/x/\($0)".utf8) })
        }
    }

    @Test func aFolderIsPackedWhole() throws {
        try withScratch { folder in
            try make(["db/one/a", "db/one/deep/.b", "db/two/c", "files/bin/tool"], in: folder)
            let whole = try plan("  x: db/one", in: folder)
            #expect(
                whole.packedFiles.map(\.path) == ["files/bin/tool", "inputs/x/one/a", "inputs/x/one/deep/.b"])
            #expect(whole.inputs[0].files?.map(\.path) == ["/.las/inputs/x/one"])
            #expect(try plan("  x: db/*/", in: folder).inputs[0].files?.map(\.name) == ["one", "two"])
            let failure = #expect(throws: MetroFailure.self) { try plan("  x: db/*", in: folder) }
            #expect(
                failure?.diagnostics.first?.fix == "there are only folders; a pattern that ends with “/” takes those")
        }
    }

    @Test func textIsAFile() throws {
        try withScratch { folder in
            let plan = try plan("  x: { text: hello }", in: folder)
            #expect(plan.packedFiles == [PackedFile(content: .text("hello"), path: "inputs/x/x.txt")])
            #expect(plan.inputs[0].files?.map(\.path) == ["/.las/inputs/x/x.txt"])
            #expect(
                try self.plan("  x: { text: \"\" }", in: folder).packedFiles
                    == [PackedFile(content: .text(""), path: "inputs/x/x.txt")])
        }
    }

    @Test func whatIsNotThereIsToldWithItsPlaceAndTheNearest() throws {
        try withScratch { folder in
            try make(["data/reference.fa"], in: folder)
            let metro = try metro(
                "  x: data/referense.fa\n  y: daat/*.fq\n  z: data/*.fq\n  ok: data/*.fa", "x, y, z, ok")
            let failure = #expect(throws: MetroFailure.self) { try InputFiles.find(for: metro, in: folder) }
            #expect(failure?.diagnostics.map(\.place) == ["metro.yml:3:6", "metro.yml:4:6", "metro.yml:5:6"])
            #expect(
                failure?.diagnostics.map(\.fix) == [
                    "did you mean “data/reference.fa”?", "did you mean “data”?", "“data” holds reference.fa",
                ])
        }
    }

    @Test func noLinkLeavesTheFolder() throws {
        try withScratch { folder in
            try make(["m/in.txt", "outside/secret.txt"], in: folder)
            let m = folder + "/m"
            for (target, name) in [
                ("in.txt", "good.txt"), ("../outside/secret.txt", "bad.txt"), ("/etc", "etc"), (".", "loop"),
            ] {
                symlink(target, "\(m)/\(name)")
            }
            #expect(try plan("  x: good.txt", in: m).packedFiles.map(\.content) == [.file("good.txt")])
            for pattern in ["bad.txt", "b*.txt", "etc/passwd", "etc/*", "etc", "loop/etc/passwd"] {
                let failure = #expect(throws: MetroFailure.self) { try plan("  x: \"\(pattern)\"", in: m) }
                #expect(
                    failure?.diagnostics.first?.message.contains("leaves the metro's folder") == true,
                    "\(pattern): \(failure!)")
            }
            try Folder.make(m + "/files")
            symlink("../../outside", m + "/files/lib")
            #expect(throws: MetroFailure.self) { try plan("  x: in.txt", in: m) }
            unlink(m + "/files/lib")
            symlink("..", m + "/files/up")
            #expect(throws: MetroFailure.self) { try plan("  x: in.txt", in: m) }
        }
    }

    @Test func whatIsNotAFileIsRefused() throws {
        try withScratch { folder in
            mkfifo(folder + "/pipe", 0o600)
            #expect(throws: MetroFailure.self) { try plan("  x: pipe", in: folder) }
        }
    }

    @Test func whatLasignoreNamesIsNotPacked() throws {
        try withScratch { folder in
            try make(
                [
                    "db", "files/bin/tool", "files/bin/tool.bak", "files/lib/__pycache__/a.pyc", "files/lib/a.py",
                    "files/drafts/a.py", "files/drafts/a.txt", "files/lib/drafts/a.py", "files/big/deep/x",
                    "files/cache",
                    "files/.hidden",
                ], in: folder)
            try File.write(
                "# not these\n*.bak\n__pycache__/\n\ndrafts/*.py\n/big\ncache/ \n", to: folder + "/files/.lasignore")
            #expect(
                try plan("  x: db", in: folder).packedFiles.map(\.path).filter { $0.hasPrefix("files/") } == [
                    "files/.hidden", "files/bin/tool", "files/cache", "files/drafts/a.txt", "files/lib/a.py",
                    "files/lib/drafts/a.py",
                ])
        }
    }

    @Test func whatIsNotValidIsLeftOutAndReported() throws {
        try withScratch { folder in
            try make(["r/s1.fq", "r/s2.fq.gz", "r/readme.txt", "r/tmp-s3.fq"], in: folder, "@read")
            try make(["r/empty.fq"], in: folder, "")
            try make(["r/other.fq"], in: folder, String(repeating: "@rea ", count: 100_000) + "@rea")
            let plan = try plan(
                "  x: { files: r/*, valid: { extension: [fq], name: \"[!t]*\", larger_than: 0, contains: \"@read\" } }",
                in: folder)
            #expect(plan.inputs[0].files?.map(\.name) == ["s1", "s2"])
            #expect(
                plan.inputs[0].leftOut == [
                    LeftOut(path: "r/empty.fq", reason: "is not larger than 0"),
                    LeftOut(path: "r/other.fq", reason: "does not contain “@read”"),
                    LeftOut(path: "r/readme.txt", reason: "does not end with .fq"),
                    LeftOut(path: "r/tmp-s3.fq", reason: "has a name that is not “[!t]*”"),
                ])
            #expect(
                plan.notes == [
                    "4 of 6 x were left out: r/empty.fq is not larger than 0, r/other.fq does not contain “@read”, "
                        + "r/readme.txt does not end with .fq, and 1 more"
                ])
            let failure = #expect(throws: MetroFailure.self) {
                try self.plan("  x: { files: r/*, valid: { larger_than: 1 TB } }", in: folder)
            }
            #expect(
                failure?.diagnostics.first?.message
                    == "no file of “x” is valid: r/empty.fq is not larger than 1 TB, and 5 more")
        }
    }

    @Test func otherwiseStopMakesWhatIsNotValidAMistake() throws {
        try withScratch { folder in
            try make(["r/s1.fq", "r/s2.txt"], in: folder)
            let valid = "valid: { extension: fq, otherwise: "
            #expect(try plan("  x: { files: r/*, \(valid) leave out } }", in: folder).inputs[0].files?.count == 1)
            let failure = #expect(throws: MetroFailure.self) {
                try plan("  x: { files: r/*, \(valid) stop } }", in: folder)
            }
            #expect(failure?.diagnostics.map(\.place) == ["metro.yml:3:3"])
            #expect(
                failure?.diagnostics.first?.message
                    == "1 of 2 files of “x” is not valid: r/s2.txt does not end with .fq")
        }
    }

    @Test func filesOfAnImageAreCheckedBySizeAndContentsWhenTheyAreKnown() throws {
        try withScratch { folder in
            try make(["big.fa", "other.fa"], in: folder, ">chr1 ACGT")
            try make(["small.fa"], in: folder, ">")
            try make(["other.fa"], in: folder, "nothing of the kind")
            func plan(_ otherwise: String = "") throws -> Plan {
                let plan = try self.plan(
                    "  x: { image: \"/db/*.fa\", valid: { larger_than: 5, contains: \">chr\"\(otherwise) } }",
                    in: folder)
                #expect(plan.inputs[0].files == nil)
                let resolved = try plan.resolvingImageInputs { _ in
                    ImageFiles(paths: ["/db/small.fa", "/db/big.fa", "/db/other.fa", "/bin/ls"]) {
                        ["\(folder)/\(File.name(of: $0))"]
                    }
                }
                // What was found once makes the same plan again, with what it says of them.
                #expect(plan.with(imageInputs: resolved.imageInputs) == resolved)
                return resolved
            }
            let resolved = try plan()
            #expect(resolved.inputs[0].files?.map(\.path) == ["/db/big.fa"])
            #expect(
                resolved.inputs[0].leftOut == [
                    LeftOut(path: "/db/other.fa", reason: "does not contain “>chr”"),
                    LeftOut(path: "/db/small.fa", reason: "is not larger than 5 bytes"),
                ])
            let failure = #expect(throws: PlanFailure.self) { try plan(", otherwise: stop") }
            #expect(failure?.summary.hasPrefix("2 of 3 files of “x” in the environment “main” are not valid") == true)
        }
    }

    @Test func theSameFolderGivesTheSamePlan() throws {
        try withScratch { folder in
            try make((0..<50).map { "r/\(($0 * 37) % 50).fq" }, in: folder)
            let first = try plan("  x: r/*.fq", in: folder)
            #expect(try plan("  x: r/*.fq", in: folder).json == first.json)
            #expect(first.inputs[0].files?.count == 50)
        }
    }
}
