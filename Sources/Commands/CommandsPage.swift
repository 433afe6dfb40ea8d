internal import Terminal

/// `docs/commands.md`: what the help says, as a page.
enum CommandsPage {
    static func text(_ table: [CommandSpec]) -> String {
        let shown = table.filter { !$0.isHidden }
        var parts = [
            """
            # The commands

            <!-- scripts/commands-page writes this page from the command table, which las itself reads. -->

            `las help COMMAND` says the same in the terminal.
            """,
            rows(
                shown.map { ["[`las \($0.name)`](#las-\(anchor($0.name)))", cell($0.about)] },
                head: ["command", "what it does"]),
            "## For every command\n\n" + optionRows(CommandLine.common),
        ]
        parts += shown.map(section(of:))
        return parts.joined(separator: "\n\n") + "\n"
    }

    private static func section(of command: CommandSpec) -> String {
        var parts = ["## las \(command.name)", "\(HelpText.capitalised(command.about)).", "    \(command.usage)"]
        if !command.arguments.isEmpty {
            parts.append(
                rows(command.arguments.map { ["`\($0.name)`", cell($0.about)] }, head: ["argument", "what it is"]))
        }
        if !command.options.isEmpty { parts.append(optionRows(command.options)) }
        if !command.details.isEmpty { parts.append(command.details) }
        parts.append(
            rows(command.examples.map { ["`\(escaped($0.line))`", cell($0.does)] }, head: ["example", "what it does"]))
        return parts.joined(separator: "\n\n")
    }

    private static func optionRows(_ options: [CommandSpec.Option]) -> String {
        rows(
            options.map { option in
                let name = option.name + (option.value.map { " " + $0 } ?? "")
                return ["`\(escaped(name))`", cell(option.about + (option.mayRepeat ? " (may be given again)" : ""))]
            }, head: ["option", "what it does"])
    }

    private static func rows(_ rows: [[String]], head: [String]) -> String {
        ([head, head.map { _ in "---" }] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
            .joined(separator: "\n")
    }

    /// Text of the help in a cell: nothing in it is a sign of Markdown.
    private static func cell(_ text: String) -> String {
        escaped(text).reduce(into: "") { $0 += "*_<`".contains($1) ? "\\\($1)" : String($1) }
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1 == "|" ? "\\|" : String($1) }
    }

    private static func anchor(_ name: String) -> String { String(name.map { $0 == " " ? "-" : $0 }) }
}
