import Files
import Metro
import TestSupport
import Testing

@testable import Plan

#if canImport(Glibc)
    import Glibc
#endif

/// `--input`: other files for the inputs of a metro, and of a plan that was made before.
@Suite struct ReplacedInputsTests {
    private static let text = """
        metro: m
        inputs:
          left: reads/*_1.fq
          right: { files: reads/*_2.fq, valid: { larger_than: 0 } }
          genome: { image: /usr/share/genome.fa }
          note: { text: hello }
          all: { files: all.zip, unpack: yes }
        lines:
          one:
            - station: pair
              for_each: [left, right]
              in: [genome, note, all]
              command: cat {left} {right} {genome} {note} {all}
              out: "{name}.txt"
        """

    private func withFolder(_ body: (String) throws -> Void) throws {
        try withScratch { folder in
            for file in [
                "m/reads/a_1.fq", "m/reads/a_2.fq", "m/all.zip", "x/s1_1.fq", "x/s1_2.fq", "x/s2_1.fq", "x/s2_2.fq",
                "y/s1_1.fq", "x/g.fa", "x/odd [1]*.fq", "x/folder/deep/f", "x/n.txt",
            ] {
                try Folder.make(File.parent(of: "\(folder)/\(file)"))
                try File.write(file, to: "\(folder)/\(file)")
            }
            try body(folder)
        }
    }

    private func values(_ values: [(String, String)], in folder: String) -> [ReplacedInputs.Value] {
        values.map { input, path in
            ReplacedInputs.Value(
                input: input, typed: path, pattern: path.contains("://") ? path : "\(folder)/\(path)")
        }
    }

    private func find(_ given: [(String, String)], in folder: String) throws -> ReplacedInputs {
        let metro = try MetroReader.read(text: Self.text, file: "metro.yml")
        return try ReplacedInputs.find(values(given, in: folder), known: InputFiles.replaceable(in: metro))
    }

    /// All of them but `all`, so that the plan is whole.
    private func plan(_ given: [(String, String)], in folder: String, brought: InputFiles.Brought? = nil) throws -> Plan
    {
        let metro = try MetroReader.read(text: Self.text, file: "metro.yml")
        let replaced = try find(given, in: folder)
        let files = try InputFiles.find(for: metro, in: folder + "/m", replaced: replaced, brought: brought)
        return try Planner.plan(metro, files: files)
    }

    @Test func filesOfAnywhereTakeThePlaceOfAnInput() throws {
        try withFolder { folder in
            let plan = try plan(
                [
                    ("left", "x/*_1.fq"), ("right", "x/s1_2.fq"), ("right", "x/s2_2.fq"), ("genome", "x/g.fa"),
                    ("note", "x/n.txt"),
                ],
                in: folder)
            let left = plan.inputs[0]
            #expect(left.patterns == ["*_1.fq"])
            #expect(left.files?.map(\.name) == ["s1", "s2"])
            #expect(left.files?.map(\.path) == ["/.las/inputs/left/s1_1.fq", "/.las/inputs/left/s2_1.fq"])
            #expect(
                plan.inputs[1].files?.map(\.name) == ["s1", "s2"], "called as the input's own pattern would call them")
            #expect(plan.inputs[2].kind == .files && plan.inputs[2].files?.map(\.name) == ["g"])
            #expect(plan.inputs[3].kind == .files && plan.inputs[3].text == nil)
            #expect(
                plan.packedFiles.contains(
                    PackedFile(content: .file("\(folder)/x/s1_1.fq"), path: "inputs/left/s1_1.fq")))
            #expect(!plan.json.contains(folder), "no path of this machine is written down")
        }
    }

    @Test func theSameFilesGiveTheSamePlanWhereverTheyLie() throws {
        try withFolder { folder in
            try Program("cp").run("-r", folder + "/x", folder + "/elsewhere")
            let given = [("left", "x/*_1.fq"), ("right", "x/*_2.fq"), ("note", "x/folder")]
            #expect(
                try plan(given, in: folder).json
                    == plan(given.map { ($0.0, $0.1.replacing("x/", with: "elsewhere/")) }, in: folder).json)
        }
    }

    @Test func aNameIsTakenAsItIsWhereThereIsAFileOfIt() throws {
        try withFolder { folder in
            let plan = try plan([("left", "x/odd [1]*.fq"), ("right", "x/folder/")], in: folder)
            #expect(plan.inputs[0].files?.map(\.path) == ["/.las/inputs/left/odd [1]*.fq"])
            #expect(plan.inputs[1].files?.map(\.contents) == [["deep/f"]])
        }
    }

    @Test func conditionsHoldForThemToo() throws {
        try withFolder { folder in
            try File.write("", to: folder + "/x/s2_2.fq")
            let plan = try plan([("right", "x/*_2.fq")], in: folder)
            #expect(plan.inputs[1].leftOut == [LeftOut(path: "s2_2.fq", reason: "is not larger than 0")])
            #expect(plan.notes.contains("1 of 2 right was left out: s2_2.fq is not larger than 0"))
            let failure = #expect(throws: MetroFailure.self) { try self.plan([("right", "x/s2_2.fq")], in: folder) }
            #expect(failure?.diagnostics.first?.message == "no file of “right” is valid: s2_2.fq is not larger than 0")
        }
    }

    @Test func whatIsWrongIsToldWithTheOption() throws {
        try withFolder { folder in
            for (given, summary, fix) in [
                ([("lefd", "x/g.fa")], "the metro has no input “lefd” that could be replaced", "did you mean “left”?"),
                (
                    [("zzzzzz", "x/g.fa")], "the metro has no input “zzzzzz” that could be replaced",
                    "it has all, genome, left, note, right"
                ),
                (
                    [("left", "x/g.fq")], "there is no “\(folder)/x/g.fq”: “\(folder)/x” has no “g.fq”",
                    "did you mean “\(folder)/x/g.fa”?"
                ),
                ([("left", "x/*.bam")], "no file matches “\(folder)/x/*.bam”", nil),
                (
                    [("left", "https://me:x@example.org/a")],
                    "this address holds a user's name or password, which would stand in the metro, its lock and its bundle",
                    nil
                ),
                (
                    [("left", "x/s1_1.fq"), ("left", "y/s1_1.fq")],
                    "the input “left” is given two files of the name “s1_1.fq”",
                    "name both by one pattern, as in --input left='FOLDER/*/s1_1.fq'"
                ),
            ] as [([(String, String)], String, String?)] {
                let failure = #expect(throws: PlanFailure.self) { try find(given, in: folder) }
                #expect(failure?.summary == summary)
                if let fix { #expect(failure?.fix == fix) }
                #expect(failure?.exitCode == .usage)
            }
            let both = try plan([("left", "*/s1_1.fq"), ("right", "*/s1_2.fq")], in: folder)
            #expect(both.inputs[0].files?.map(\.name) == ["x", "y"])
        }
    }

    @Test func addressesAndArchivesAreKnownWhenTheyAreBrought() throws {
        try withFolder { folder in
            let given = [("left", "https://example.org/s1_1.fq"), ("all", "x/n.txt")]
            let early = try plan(given, in: folder)
            #expect(early.inputs[0].files == nil && early.inputs[0].patterns == ["s1_1.fq"])
            let replaced = try find(given, in: folder)
            #expect(replaced.remote.map(\.place) == ["--input left=https://example.org/s1_1.fq"])
            var brought = InputFiles.Brought()
            brought.fetched["https://example.org/s1_1.fq"] = folder + "/x/g.fa"
            brought.unpacked[folder + "/x/n.txt"] = .init(folder: folder + "/x/folder", files: ["deep/f"])
            let metro = try MetroReader.read(text: Self.text, file: "metro.yml")
            #expect(
                InputFiles.archives(of: metro, in: folder + "/m", replaced: replaced, brought).map(\.path)
                    == [folder + "/x/n.txt"])
            let late = try plan(given, in: folder, brought: brought)
            #expect(late.inputs[0].files?.map(\.path) == ["/.las/inputs/left/s1_1.fq"])
            #expect(late.inputs[4].files?.map(\.path) == ["/.las/inputs/all/deep/f"])
            let folderForArchive = #expect(throws: MetroFailure.self) { try plan([("all", "x/folder")], in: folder) }
            #expect(
                folderForArchive?.diagnostics.first?.message
                    == "folder is a folder, and “all” is unpacked from archives")
        }
    }

    @Test func aPlanThatWasMadeBeforeTakesOtherFiles() throws {
        try withFolder { folder in
            let text = """
                metro: m
                inputs:
                  left: reads/*_1.fq
                  right: { files: reads/*_2.fq, valid: { larger_than: 0 } }
                lines:
                  one:
                    - { station: pair, for_each: [left, right], command: "cat {left} {right}", out: "{name}" }
                """
            try File.write("", to: folder + "/m/reads/empty_2.fq")
            let metro = try MetroReader.read(text: text, file: "metro.yml")
            let before = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder + "/m"))
            #expect(before.notes.count == 1)
            func replaced(_ given: [(String, String)]) throws -> Plan {
                let replaced = try ReplacedInputs.find(values(given, in: folder), known: before.replaceable)
                return try before.replacing(replaced, brought: .init())
            }
            let after = try replaced([("left", "x/*_1.fq"), ("right", "x/*_2.fq")])
            let files = try InputFiles.find(
                for: metro, in: folder + "/m",
                replaced: try find([("left", "x/*_1.fq"), ("right", "x/*_2.fq")], in: folder))
            #expect(after == (try Planner.plan(metro, files: files)), "as if the metro had been planned with them")
            #expect(after.notes == [])
            // One alone has no partner in the other.
            let failure = #expect(throws: PlanFailure.self) { try replaced([("left", "x/*_1.fq")]) }
            #expect(failure?.summary.contains("has no partner of the name “s1” in “right”") == true)
            try File.write("", to: folder + "/x/s1_2.fq")
            let empty = #expect(throws: PlanFailure.self) { try replaced([("right", "x/s1_2.fq")]) }
            #expect(empty?.summary == "no file of “right” is valid: s1_2.fq is not larger than 0")
        }
    }

    @Test func twoFilesForOnePlaceAreAMistake() throws {
        try withFolder { folder in
            let text =
                "metro: m\ninputs:\n  x: [reads/a_1.fq, \"https://example.org/a_1.fq\"]\nlines:\n  one:\n    - { station: s, in: x, command: cat, out: a }\n"
            let metro = try MetroReader.read(text: text, file: "metro.yml")
            var brought = InputFiles.Brought()
            brought.fetched["https://example.org/a_1.fq"] = folder + "/x/g.fa"
            let files = try InputFiles.find(for: metro, in: folder + "/m", brought: brought)
            let failure = #expect(throws: MetroFailure.self) { try Planner.plan(metro, files: files) }
            #expect(
                failure?.diagnostics.map(\.message)
                    == ["two files of the input “x” would lie at one place, /.las/inputs/x/a_1.fq"])
            // The same file by two patterns is one.
            let twice = try MetroReader.read(
                text: text.replacing("\"https://example.org/a_1.fq\"", with: "reads"), file: "metro.yml")
            let plan = try Planner.plan(twice, files: try InputFiles.find(for: twice, in: folder + "/m"))
            #expect(plan.packedFiles.map(\.path) == ["inputs/x/reads/a_1.fq", "inputs/x/reads/a_2.fq"])
        }
    }
}
