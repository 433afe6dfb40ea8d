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
        let about: String
        var mayRepeat = false
        var completes = Completes.files
    }

    enum Completes: Sendable { case files, hosts, templates, commands, nothing }

    /// One word, or two: `host add`.
    let name: String
    let about: String
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
