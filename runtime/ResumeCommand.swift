internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol

/// `x.las resume`: goes on with a run that was cut off, or ended without its results.
enum ResumeCommand {
    static let help = """
        resume [RUN] [--results DIR] [--cpus N] [--lash DIR] [--json]
            goes on with a run that was killed, cancelled, or had failures, without running again what
            was done; the last one that is unfinished when RUN is left out
        """

    /// - Returns: the exit code.
    static func run(_ arguments: [String]) throws -> ExitCode {
        let arguments = try Arguments(arguments, valued: ["results", "cpus", "lash"], flags: ["json"])
        let lash = try Bundles.lash(arguments)
        let run = try name(try arguments.only, in: lash)
        let folder = RunFolder(run, in: lash)
        guard folder.exists else { throw UsageFailure("there is no run \(run) in \(lash.root)") }
        signal(SIGPIPE, SIG_IGN)
        let start = try folder.startOfResumed(cpus: try arguments.cpus(), in: lash)
        let target = arguments["results"].map(Bundles.absolute) ?? start.results ?? Bundles.absolute("results")
        try Folder.checkPlace(target)
        Output.note("resuming \(run)")
        return try RunCommand.goOn(start, in: lash, asJSON: arguments.has("json"), results: target)
    }

    private static func name(_ given: String?, in lash: LASH) throws -> RunID {
        if let given {
            guard let run = RunID(given) else { throw UsageFailure("“\(Shown.text(given))” is no name of a run") }
            return run
        }
        guard let run = RunList(lash).unfinished else {
            throw UsageFailure("there is no run in \(lash.root) that could be resumed")
        }
        return run
    }
}
