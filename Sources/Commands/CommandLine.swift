internal import Failures

/// A command line to a command and what it was given.
enum CommandLine {
    /// Understood by every command.
    static let common: [CommandSpec.Option] = [
        .init(name: "--quiet", about: "say only what went wrong", completes: .nothing),
        .init(name: "--lash", value: "FOLDER", about: "the home of las, in the place of $LASH or ~/.las"),
        .init(name: "--help", about: "show this help", completes: .nothing),
    ]

    /// - Parameter words: without the program's name.
    /// - Returns: nil for the command when the line asks for help on everything.
    static func parse(
        _ words: [String], table: [CommandSpec]
    ) throws(UsageFailure) -> (command: CommandSpec?, invocation: Invocation) {
        guard let first = words.first else { return (nil, Invocation(arguments: [], options: [:])) }
        if ["--help", "-h"].contains(first) { return (nil, Invocation(arguments: [], options: ["--help": []])) }
        if first == "--version" { return try parse(["version"] + words.dropFirst(), table: table) }

        // The help of a family, `las host --help`, is that of all of las: it lists them.
        let isFamily = table.contains { $0.name.hasPrefix(first + " ") }
        if isFamily, words.count > 1, ["--help", "-h"].contains(words[1]) {
            return (nil, Invocation(arguments: [], options: ["--help": []]))
        }

        guard let named = command(namedBy: words, table: table) else { throw unknown(words, table: table) }
        let command = named.command
        var rest = named.rest
        if command.isHidden { return (command, Invocation(arguments: Array(rest), options: [:])) }

        var arguments: [String] = []
        var options: [String: [String]] = [:]
        let known = command.allOptions
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            if word == "-h" {
                options["--help"] = []
                continue
            }
            if word == "-f", known.contains(where: { $0.name == "--follow" }) {
                options["--follow"] = [""]
                continue
            }
            guard word.hasPrefix("--"), word.count > 2 else {
                arguments.append(word)
                continue
            }
            let name = String(word.prefix { $0 != "=" })
            guard let option = known.first(where: { $0.name == name }) else {
                let nearest = Suggestion.nearest(to: name, among: known.map(\.name))
                throw UsageFailure(
                    "“las \(command.name)” has no option \(name)",
                    fix: nearest.map { "did you mean \($0)? " }.map { $0 + help(command) } ?? help(command))
            }
            if option.value == nil {
                if word.contains("=") { throw UsageFailure("\(name) takes no value", fix: help(command)) }
                options[name, default: []].append("")
            } else if let equals = word.firstIndex(of: "=") {
                options[name, default: []].append(String(word[word.index(after: equals)...]))
            } else if let value = rest.popFirst() {
                options[name, default: []].append(value)
            } else {
                throw UsageFailure("\(name) needs a value: \(name) \(option.value ?? "")", fix: help(command))
            }
            if option.value != nil, options[name]?.last == "" {
                throw UsageFailure("\(name) needs a value: \(name) \(option.value ?? "")", fix: help(command))
            }
            if case .oneOf(let words) = option.completes, let given = options[name]?.last, !words.contains(given) {
                throw UsageFailure(refusal(of: given, for: name, words), fix: fix(given, words))
            }
            if !option.mayRepeat, options[name]?.count ?? 0 > 1 {
                throw UsageFailure("\(name) is given twice", fix: "leave one of them out")
            }
        }
        let invocation = Invocation(arguments: arguments, options: options)
        if !invocation.has("--help") { try check(arguments, of: command) }
        return (command, invocation)
    }

    /// - Returns: the command that the first word or two name, and the words after them.
    static func command(
        namedBy words: [String], table: [CommandSpec]
    ) -> (command: CommandSpec, rest: ArraySlice<String>)? {
        guard let first = words.first else { return nil }
        if words.count > 1, let found = table.first(where: { $0.name == "\(first) \(words[1])" }) {
            return (found, words.dropFirst(2))
        }
        return table.first { $0.name == first }.map { ($0, words.dropFirst()) }
    }

    private static func check(_ arguments: [String], of command: CommandSpec) throws(UsageFailure) {
        let needed = command.arguments.filter { !$0.isOptional }
        if arguments.count < needed.count {
            let missing = needed[arguments.count]
            throw UsageFailure("\(missing.name) is missing: \(missing.about)", fix: "usage: \(command.usage)")
        }
        if arguments.count > command.arguments.count, !(command.arguments.last?.mayRepeat ?? false) {
            throw UsageFailure(
                "“\(arguments[command.arguments.count])” is one argument too many", fix: "usage: \(command.usage)")
        }
        for (argument, given) in zip(command.arguments, arguments) {
            guard case .oneOf(let words) = argument.completes, !words.contains(given) else { continue }
            throw UsageFailure(refusal(of: given, for: argument.name, words), fix: fix(given, words))
        }
    }

    /// “--engine is kernel or extraction, not “kernle””.
    private static func refusal(of given: String, for name: String, _ words: [String]) -> String {
        let list = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        return "\(name) is \(list), not “\(Shown.text(given))”"
    }

    private static func fix(_ given: String, _ words: [String]) -> String? {
        Suggestion.nearest(to: given, among: words).map { "did you mean \($0)?" }
    }

    private static func unknown(_ words: [String], table: [CommandSpec]) -> UsageFailure {
        let table = table.filter { !$0.isHidden }
        let family = table.filter { $0.name.hasPrefix(words[0] + " ") }
        if !family.isEmpty {
            let names = family.map { "las \($0.name)" }.joined(separator: ", ")
            let given =
                words.count > 1
                ? "“las \(words[0])” has no “\(words[1])”" : "“las \(words[0])” wants to know what to do"
            return UsageFailure(given, fix: "there are: \(names)")
        }
        let nearest = Suggestion.nearest(to: words[0], among: Set(table.map { String($0.name.prefix { $0 != " " }) }))
        return UsageFailure(
            "las has no command “\(words[0])”",
            fix: (nearest.map { "did you mean “las \($0)”? " } ?? "") + "“las help” lists them all")
    }

    private static func help(_ command: CommandSpec) -> String { "“las \(command.name) --help” lists them" }
}
