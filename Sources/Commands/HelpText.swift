internal import Terminal

/// The help of las and of each command, from the table.
enum HelpText {
    static func all(_ table: [CommandSpec], style: Style) -> String {
        let commands = Table.lines(table.filter { !$0.isHidden }.map { ["  " + $0.name, $0.about] }).joined(
            separator: "\n")
        return """
            las runs pipelines of command-line tools, written as a metro in one readable file, on any machine.

            \(style.bold("Usage:")) las COMMAND …

            \(style.bold("Commands:"))
            \(commands)

            “las help COMMAND” explains one, with examples. A first try: las new hello my-metro && las run my-metro

            \(style.bold("Exit codes:")) 0 done · 1 stations failed · 2 usage or metro · 3 some hosts failed · \
            4 unreachable · 5 integrity or trust · 6 resources
            """
    }

    static func of(_ command: CommandSpec, style: Style) -> String {
        var parts = ["\(capitalised(command.about)).", "\(style.bold("Usage:")) \(command.usage)"]
        if !command.arguments.isEmpty {
            let rows = command.arguments.map { ["  " + $0.name, $0.about] }
            parts.append(([style.bold("Arguments:")] + Table.lines(rows)).joined(separator: "\n"))
        }
        let rows = command.allOptions.map { option in
            [
                "  " + option.name + (option.value.map { " " + $0 } ?? ""),
                option.about + (option.mayRepeat ? " (may be given again)" : ""),
            ]
        }
        parts.append(([style.bold("Options:")] + Table.lines(rows)).joined(separator: "\n"))
        if !command.details.isEmpty { parts.append(command.details) }
        let examples = command.examples.map { "  \($0.line)\n      \($0.does)" }
        parts.append(([style.bold("Examples:")] + examples).joined(separator: "\n"))
        return parts.joined(separator: "\n\n")
    }

    static func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
