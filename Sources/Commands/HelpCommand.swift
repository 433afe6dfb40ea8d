let helpCommand = CommandSpec(
    name: "help", about: "explain las, or one command",
    arguments: [
        .init(
            name: "COMMAND", about: "the command, one word or two", isOptional: true, mayRepeat: true,
            completes: .commands)
    ],
    examples: [("las help deploy", "explains deploy"), ("las help host add", "explains how a host is added")]
) { invocation, context in
    let style = context.terminal.output
    if invocation.arguments.isEmpty {
        context.terminal.print(HelpText.all(CommandTable.all, style: style))
        return .done
    }
    let (command, _) = try CommandLine.parse(invocation.arguments + ["--help"], table: CommandTable.all)
    context.terminal.print(
        command.map { HelpText.of($0, style: style) } ?? HelpText.all(CommandTable.all, style: style))
    return .done
}

let versionCommand = CommandSpec(
    name: "version", about: "say which version of las this is",
    examples: [("las version", "prints it")]
) { _, context in
    context.terminal.print("las \(Las.version)")
    return .done
}
