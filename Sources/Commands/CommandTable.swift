/// Every command of las, in the order of the help.
enum CommandTable {
    static let all: [CommandSpec] = [
        newCommand, completionCommand, helpCommand, versionCommand,
    ]
}
