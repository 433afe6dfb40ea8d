import Files
import JSON
import TestSupport
import Testing

/// The three shells themselves are asked what they make of a Tab.
@Suite(.enabled(if: BuiltPrograms.areThere, "las is not built: make build")) struct CompletionTests {
    /// Each line, how the key Tab is meant, and how the line looks then.
    private static let lines: [(how: String, line: String, becomes: String)] = [
        ("tab", "las unp", "las unpack "),
        ("tab", "las host a", "las host add "),
        ("all", "las host ", "las host add check drain gc import label list remove "),
        ("tab", "las deploy --ho", "las deploy --host "),
        ("all", "las deploy --host ", "las deploy --host lab local "),
        ("tab", "las deploy --host=lo", "las deploy --host=local "),
        ("tab", "las run --engine k", "las run --engine kernel "),
        ("tab", #"las run my\ metro --input te"#, #"las run my\ metro --input texts="#),
        ("tab", "las map 'my metro' --open i", "las map 'my metro' --open inner "),
        ("tab", "las run --input texts=my", #"las run --input texts=my\ metro/"#),
        ("tab", "las check my", #"las check my\ metro/"#),
        ("tab", "las check --lash=my", #"las check --lash=my\ metro/"#),
        ("tab", "las new a", #"las new a\ b:c "#),
        ("tab", "las explain 'my metro' in", "las explain 'my metro' inner/s "),
        ("tab", "las complet", "las completion "),
        ("tab", "las nonsense x", "las nonsense x"),
    ]

    private func withShellFolder(_ body: (_ folder: String, _ las: LasCommand) throws -> Void) throws {
        try withScratch("completion") { folder in
            let metro = """
                metro: m
                inputs: { texts: { text: a } }
                lines: { main: [{ metro: inner, in: { x: texts } }] }
                """
            let inner = """
                metro: inner
                inputs: { x: { text: a } }
                lines: { main: [{ station: s, in: x, command: "cat {in}", out: a.txt }] }
                """
            try Folder.make("\(folder)/my metro/inner")
            try File.write(metro, to: "\(folder)/my metro/metro.yml")
            try File.write(inner, to: "\(folder)/my metro/inner/metro.yml")
            try Folder.make("\(folder)/templates/a b:c")
            try File.write(inner, to: "\(folder)/templates/a b:c/metro.yml")
            var las = LasCommand(in: folder, lash: "\(folder)/lash")
            las.variables = [
                "PATH": "\(BuiltPrograms.folder):/usr/bin:/bin", "LAS_TEMPLATES": "\(folder)/templates",
            ]
            #expect(try las("host", "add", "lab", "me@lab", "--unchecked").status == 0)
            try body(folder, las)
        }
    }

    private func environment(_ las: LasCommand) -> [String: String] {
        las.variables.merging(["HOME": las.folder, "LASH": las.lash]) { $1 }
    }

    @Test(arguments: ["bash", "zsh"]) func aTabGoesOnWithTheLine(_ shell: String) throws {
        try withShellFolder { folder, las in
            let script = try las("completion", shell).output
            try File.write(script, to: "\(folder)/_las")
            try File.write(
                shell == "bash" ? script : "fpath=(\(folder) $fpath); compinit -u -D", to: "\(folder)/setup")
            let driver = File.parent(of: #filePath) + "/Shells/press-tab.py"
            let ended = try Program("python3", environment: environment(las), folder: folder).run(
                [driver, shell, "\(folder)/setup"] + Self.lines.flatMap { [$0.how, $0.line] })
            #expect(ended.status == 0, "\(ended.errors)")
            let told = try JSONText.parse(ended.output).array?.map { $0.string ?? "" } ?? []
            #expect(told.count == Self.lines.count)
            for (line, told) in zip(Self.lines, told) { #expect(told == line.becomes) }
        }
    }

    @Test func fishIsTold() throws {
        try withShellFolder { folder, las in
            try File.write(try las("completion", "fish").output, to: "\(folder)/las.fish")
            for (how, line, becomes) in Self.lines where line != "las nonsense x" {
                let quoted =
                    "'" + line.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "\\'") + "'"
                let ended = try Program("fish", environment: environment(las), folder: folder).run(
                    "--no-config", "-c", "source las.fish; complete -C \(quoted)")
                #expect(ended.errors.isEmpty, "\(ended.errors)")
                let words = ended.lines.map { String($0.prefix { $0 != "\t" }) }
                let expected = Self.words(of: becomes, after: how == "all" ? line : "")
                #expect(words == expected, "\(line)")
            }
        }
    }

    /// The words that a line ends with, without backslashes.
    private static func words(of line: String, after start: String) -> [String] {
        let plain = line.dropFirst(start.count).split(separator: "\\ ").joined(separator: "\u{1}")
        let words = plain.split(separator: " ").map { $0.split(separator: "\u{1}").joined(separator: " ") }
        return start.isEmpty ? words.suffix(1) : words
    }

    @Test(arguments: [
        "las complete", "las complete bash", "las complete zsh", "las complete tcsh x", "las complete fish --host",
    ])
    func whatCanNotBeAnsweredIsNoError(_ line: String) throws {
        let ended = try LasCommand(in: "/")(line.split(separator: " ").dropFirst().map(String.init))
        #expect(ended.status == 0)
        #expect(ended.errors.isEmpty)
    }
}
