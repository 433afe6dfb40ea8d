internal import Failures

/// A command as the one table has it: parsing, help, completion and `docs/commands.md` all come from here.
struct CommandSpec: Sendable {
    struct Argument: Sendable {
        /// As help writes it: `METRO`.
        let name: String
        let about: String
        var isOptional = false
        var mayRepeat = false
        var completes = Completes.files
    }

    struct Option: Sendable {
        /// With its dashes: `--host`.
        let name: String
        /// What follows it, as help writes it; nil for a switch.
        var value: String?
        var about: String
        var mayRepeat = false
        var completes = Completes.files
    }

    /// What may stand in its place, for a shell that asks.
    enum Completes: Sendable, Equatable {
        case files, nothing
        /// A folder or a file, which `stations`, `nested` and `inputs` are looked up in.
        case metro
        case stations
        /// Metros that stand in the metro.
        case nested
        /// `NAME=` and files.
        case inputs
        case hosts, templates, runs, commands
        /// These words and no others; what else is given is refused.
        case oneOf([String])
    }

    /// One word, or two: `host add`.
    let name: String
    let about: String
    /// For scripts of las's own: not in the help, and its words are taken as they are.
    var isHidden = false
    var arguments: [Argument] = []
    var options: [Option] = []
    /// Each a whole command line and what it does.
    let examples: [(line: String, does: String)]
    /// Paragraphs below the options in the help.
    var details = ""
    let run: @Sendable (Invocation, Context) async throws -> ExitCode

    var usage: String {
        let words = arguments.map { argument in
            let name = argument.name + (argument.mayRepeat ? "…" : "")
            return argument.isOptional ? "[\(name)]" : name
        }
        return (["las", name] + words + (options.isEmpty ? [] : ["[options]"])).joined(separator: " ")
    }

    /// Its own, and those of every command.
    var allOptions: [Option] { options + CommandLine.common }
}

/// What a person typed, checked against the command's spec.
struct Invocation: Sendable {
    let arguments: [String]
    private let options: [String: [String]]

    init(arguments: [String], options: [String: [String]]) { (self.arguments, self.options) = (arguments, options) }

    func has(_ option: String) -> Bool { options[option] != nil }
    func value(_ option: String) -> String? { options[option]?.last }
    func values(_ option: String) -> [String] { options[option] ?? [] }
}

struct UsageFailure: Failure {
    let summary: String
    let fix: String?
    let exitCode = ExitCode.usage

    init(_ summary: String, fix: String? = nil) { (self.summary, self.fix) = (summary, fix) }
}
