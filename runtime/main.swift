internal import Execution
internal import Failures
internal import Files
internal import Glibc

enum Version { static let text = "las-runtime 0.1.0" }

let help = """
    A metro, packed with everything that it needs.

    \(RunCommand.help)
    \(ResumeCommand.help)
    \(StepCommand.help)
    \(AdvanceCommand.help)
    inspect [--json]
        what the bundle holds
    doctor [--json] [--lash DIR]
        what this host offers for running it
    help, --version

    Exit codes: 0 done · 1 stations failed · 2 usage or metro · 5 integrity or trust · 6 resources
    """

func perform(_ arguments: [String]) throws -> ExitCode {
    let rest = Array(arguments.dropFirst())
    if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
        Output.line(help)
        return .done
    }
    switch arguments.first {
    case "run": return try RunCommand.run(rest)
    case "resume": return try ResumeCommand.run(rest)
    case "step": exit(try StepCommand.run(rest))
    case "advance": return try AdvanceCommand.run(rest)
    case "inspect": try InspectCommand.run(rest)
    case "doctor": try DoctorCommand.run(rest)
    case "serve": try ServeCommand.run(rest)
    case "line": try LineCommand.run(rest)
    case "piece": return try PieceCommand.run(rest)
    case "hand-over": try HandOverCommand.run(rest)
    case "adopt": try Adoption.run(rest)
    case "settle": try SettleCommand.run(rest)
    case "take": try TakeCommand.run(rest)
    case "help", "--help", "-h": Output.line(help)
    case "--version", "version": Output.line(Version.text)
    case nil: throw UsageFailure("what shall it do?", fix: "see: \(CommandLine.arguments.first ?? "x.las") help")
    case let word?:
        let near = Suggestion.nearest(
            to: word, among: ["run", "resume", "step", "advance", "inspect", "doctor", "help"])
        throw UsageFailure("there is no command “\(word)”", fix: near.map { "did you mean \($0)?" } ?? "see: help")
    }
    return .done
}

do {
    exit(try perform(Array(CommandLine.arguments.dropFirst())).rawValue)
} catch {
    let failure = error as? any Failure
    Output.note("error: " + Shown.whole(failure?.description ?? "\(error)", keepingLines: true))
    exit(failure?.exitCode.rawValue ?? ExitCode.resources.rawValue)
}
