internal import Failures
internal import Glibc
internal import Terminal

/// The whole program: a command line in, an exit code out.
package enum Las {
    package static let version = "0.1.0"

    package static func run(_ words: [String]) async -> Int32 {
        // A reader that goes away (`las plan | head`) is told by write's error, not by the end of the program.
        signal(SIGPIPE, SIG_IGN)
        var context = Context.ofProcess()
        if words.first == Dispatch.word { return await Dispatch.perform(Array(words.dropFirst()), context) }
        do {
            // What is wrong with the line itself is told as it asks to be told.
            if words.prefix(while: { $0 != "--" }).contains("--json") {
                context = context.with(Invocation(arguments: [], options: ["--json": []]))
            }
            let (command, invocation) = try CommandLine.parse(words, table: CommandTable.all)
            context = context.with(invocation)
            guard let command else {
                context.terminal.print(HelpText.all(CommandTable.all, style: context.terminal.output))
                return words.isEmpty ? ExitCode.usage.rawValue : ExitCode.done.rawValue
            }
            if invocation.has("--help") {
                context.terminal.print(HelpText.of(command, style: context.terminal.output))
                return ExitCode.done.rawValue
            }
            return try await command.run(invocation, context).rawValue
        } catch let failure as any Failure {
            context.terminal.showBar("")
            context.terminal.fail(failure)
            return failure.exitCode.rawValue
        } catch {
            context.terminal.showBar("")
            context.terminal.fail(UsageFailure("\(error)"))
            return ExitCode.resources.rawValue
        }
    }
}
