internal import Failures
internal import Glibc
internal import Terminal
internal import Threads

/// The whole program: a command line in, an exit code out.
package enum Las {
    package static let version = "0.1.0"

    /// The process that leads a run over hosts, on the program's first thread.
    ///
    /// That thread waits here, with its signals blocked like those of all others, for whoever reads them. Left to Dispatch it would wait with
    /// none blocked, and what asks the run to be cancelled would end the process.
    /// - Returns: nil for what a person types.
    package static func lead(_ words: [String]) -> Int32? {
        guard words.first == Dispatch.word else { return nil }
        signal(SIGPIPE, SIG_IGN)
        let ended = Monitor<Int32?>(nil)
        Task.detached {
            let code = await Dispatch.perform(Array(words.dropFirst()), Context.ofProcess())
            ended.change { $0 = code }
        }
        return ended.await { $0 }
    }

    package static func run(_ words: [String]) async -> Int32 {
        // A reader that goes away (`las plan | head`) is told by write's error, not by the end of the program.
        signal(SIGPIPE, SIG_IGN)
        var context = Context.ofProcess()
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
