import Failures
import Testing

@testable import Commands

@Suite struct CommandLineTests {
    @Test func wordsBecomeACommandWithWhatItWasGiven() throws {
        let (command, given) = try CommandLine.parse(
            ["deploy", "m", "--host", "a", "--host=b", "--results", "out"], table: CommandTable.all)
        #expect(command?.name == "deploy")
        #expect(given.arguments == ["m"])
        #expect(given.values("--host") == ["a", "b"])
        #expect(given.value("--results") == "out")
    }

    @Test func twoWordsMayNameACommand() throws {
        #expect(try CommandLine.parse(["host", "list"], table: CommandTable.all).command?.name == "host list")
    }

    @Test func aFamilyOfCommandsHasHelpToo() throws {
        let (command, given) = try CommandLine.parse(["host", "--help"], table: CommandTable.all)
        #expect(command == nil && given.has("--help"))
    }

    @Test func whatFollowsTwoDashesIsNoOption() throws {
        #expect(
            try CommandLine.parse(["run", "--", "--odd"], table: CommandTable.all).invocation.arguments == ["--odd"])
    }

    @Test(arguments: [
        (["nwe"], "did you mean “las new”?"),
        (
            ["host"],
            "there are: las host add, las host list, las host check, "
                + "las host label, las host drain, las host gc, las host import, las host remove"
        ),
        (["host", "lst"], "there are: las host add"),
        (["run", "--reslts", "x"], "did you mean --results?"),
        (["pack", "--output"], "“las pack --help” lists them"),
        (["host", "add", "lab"], "usage: las host add NAME ADDRESS"),
        (["check", "a", "b"], "usage: las check"),
        (["run", "--cpus", "2", "--cpus", "3"], "leave one of them out"),
        (["run", "--engine", "kernle"], "did you mean kernel?"),
        (["completion", "fisch"], "did you mean fish?"),
    ]) func aWrongLineSaysHowItIsRight(_ words: [String], _ fix: String) throws {
        let failure = #expect(throws: UsageFailure.self) { try CommandLine.parse(words, table: CommandTable.all) }
        #expect(failure?.fix?.contains(fix) == true, "\(failure?.description ?? "")")
        #expect(failure?.exitCode == .usage)
    }

    @Test func everyCommandExplainsItselfWithAnExample() {
        for command in CommandTable.all where !command.isHidden {
            #expect(!command.examples.isEmpty, "\(command.name)")
            for example in command.examples {
                #expect(example.line.hasPrefix("las \(command.name)"), "\(example.line)")
            }
            #expect(!command.about.hasSuffix("."), "\(command.name)")
            // What the examples write is what the parser takes.
            for example in command.examples where !example.line.contains(where: { "|>".contains($0) }) {
                let words = example.line.split(separator: " ").dropFirst().map(String.init)
                #expect(throws: Never.self) { try CommandLine.parse(words, table: CommandTable.all) }
            }
        }
    }
}
