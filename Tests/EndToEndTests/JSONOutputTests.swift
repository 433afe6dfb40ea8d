import Files
import JSON
import TestSupport
import Testing

/// What `--json` prints: the page docs/json.md is held to it.
@Suite(.enabled(if: BuiltPrograms.areThere, "las is not built: make build")) struct JSONOutputTests {
    /// The page's examples.
    private static let examples: [String] = {
        let page = File.parent(of: File.parent(of: File.parent(of: #filePath))) + "/docs/json.md"
        let text = String(decoding: (try? File.read(page)) ?? [], as: UTF8.self)
        return text.split(separator: "```json\n").dropFirst().map { String($0.prefix { $0 != "`" }) }
    }()

    private static let right = """
        metro: m
        inputs:
          texts: { text: one }
        lines:
          main: [{ station: count, in: texts, command: "wc -w < {in}", out: count.txt }]

        """

    private func withMetro(_ text: String, _ body: (LasCommand) throws -> Void) throws {
        try withScratch("json") { folder in
            try File.write(text, to: "\(folder)/metro.yml")
            try body(LasCommand(in: folder, lash: "\(folder)/lash"))
        }
    }

    @Test func checkTellsAllMistakesAsThePageSays() throws {
        let wrong = """
            metro: m
            inputs: { texts: { text: one } }
            lines:
              main:
                - station: count
                  in: text
                  command: wc -w < {in}
                  out: count.txt

            """
        try withMetro(wrong) { las in
            let ended = try las("check", "--json")
            #expect(ended.status == 2)
            #expect(ended.output == Self.examples[0])
            #expect(ended.errors.isEmpty, "the mistakes are the result")
            let failed = try las("plan", "--json")
            #expect(failed.status == 2)
            let told = try JSONText.parse(failed.output)["error"]
            #expect(told?["diagnostics"] == (try JSONText.parse(ended.output)["diagnostics"]))
            #expect(failed.errors.contains("metro.yml:6:11: error:"), "people are told too")
        }
    }

    @Test func aWrongLineIsToldAsThePageSays() throws {
        try withMetro(Self.right) { las in
            let ended = try las("pack", "--outptu", "--json")
            #expect(ended.status == 2)
            #expect(ended.output == Self.examples[1])
        }
    }

    @Test(arguments: [
        ["check"], ["plan"], ["map"], ["pack"], ["run"], ["deploy", "--host", "local"], ["pack", "--dry-run"],
    ]) func whatFailsIsOneObjectOnStandardOutput(_ words: [String]) throws {
        try withMetro(Self.right) { las in
            let ended = try las(words + ["--json", "not-there"])
            let told = try JSONText.parse(ended.output)["error"]
            #expect(told?["summary"]?.string?.contains("not-there") == true, "\(ended.output)")
            #expect(told?["exitCode"]?.integer == Int64(ended.status))
        }
    }

    @Test func aRightMetroHasNotesAndStations() throws {
        let large = Self.right.split(separator: "out: count.txt").joined(
            separator: "out: count.txt, uses: { memory: 900 TB }")
        try withMetro(large) { las in
            let ended = try las("check", "--json")
            let told = try JSONText.parse(ended.output)
            #expect(ended.status == 0)
            #expect(told["stations"] == 1)
            let note = told["diagnostics"]?.array?.first
            #expect(note?["severity"] == "note" && note?["file"] == "metro.yml")
            #expect(note?["message"]?.string?.contains("count") == true)
        }
    }

    @Test func aHostThatCanNotBeReachedHasAnErrorOfTheSameShape() throws {
        try withMetro(Self.right) { las in
            #expect(try las("host", "add", "nowhere", "me@127.0.0.1:1", "--ssh", "libssh2", "--unchecked").status == 0)
            let ended = try las("host", "list", "--check", "--json")
            #expect(ended.status == 4)
            let error = try JSONText.parse(ended.output).array?.first?["error"]
            #expect(error?["exitCode"] == 4)
            #expect(error?["summary"]?.string?.isEmpty == false)
        }
    }

    @Test func aDryRunIsThePlan() throws {
        try withMetro(Self.right) { las in
            // What it says besides of what is done already is of this machine.
            let planned = try JSONText.parse(try las("plan", "--json").output)
            let plan = JSONValue.object((planned.object ?? [:]).filter { $0.key != "forecast" })
            #expect(planned["forecast"]?["known"] == false)
            for words in [["run"], ["deploy", "--host", "local"]] {
                let told = try JSONText.parse(try las(words + ["--dry-run", "--json"]).output)
                #expect(told["plan"] == plan)
                #expect(told["hosts"] == ["local"])
            }
            let told = try JSONText.parse(try las("pack", "--dry-run", "--json", "--output", "out.las").output)
            #expect(told["plan"] == plan)
            #expect(told["bundle"]?.string?.hasSuffix("/out.las") == true)
            #expect(told["lock"] == .null)
        }
    }
}
