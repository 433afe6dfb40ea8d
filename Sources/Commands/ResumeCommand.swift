internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Plan

let resumeCommand = CommandSpec(
    name: "resume", about: "go on with a run that was cut off, without running again what was done",
    arguments: [
        .init(
            name: "RUN", about: "the run's name; the last one here that is unfinished when left out", isOptional: true,
            completes: .runs)
    ],
    options: [
        .init(name: "--results", value: "FOLDER", about: "where the results go (where they were to go at first)"),
        .init(
            name: "--cpus", value: "N", about: "how many processors the run may use (as at first)", completes: .nothing),
        .init(name: "--host", value: "NAME", about: "a host that the run was deployed to", completes: .hosts),
        .init(
            name: "--secret", value: "NAME",
            about: "a secret that its stations name; known without it for runs of this machine",
            mayRepeat: true, completes: .nothing),
        .init(
            name: "--json", about: "print what happens as JSON, an event a line, for scripts", completes: .nothing),
    ],
    examples: [
        ("las resume", "goes on with the last run that was killed, cancelled, or had failures"),
        ("las resume 20261126-093000-variants-7f3a2 --host lab", "a run that was deployed, on the host where it lies"),
    ],
    details: """
        Whatever the journal of the run has as done is not run again: also what uses the network, the turns of a loop, what
        was run with --fresh. What had failed is tried again, with all its attempts. Works after a power loss, too.
        """
) { invocation, context in
    let cpus = try RunOptions.cpus(invocation)
    let named = try invocation.value("--host").map { try HostList.read(context.lash).host(named: $0) }
    let given = try invocation.arguments.first.map {
        named?.isLocal ?? true ? try RunNames.find($0, in: context.lash) : try RunNames.parse($0)
    }
    if let named, !named.isLocal, given == nil {
        throw UsageFailure("which run of \(named.name)?", fix: "las resume RUN --host NAME")
    }
    guard let run = given ?? RunList(context.lash).unfinished else {
        throw UsageFailure("there is no run here that could be resumed", fix: "“las run METRO” starts one")
    }
    let folder = RunFolder(run, in: context.lash)
    let host = try named ?? ElsewhereRun.of(run, context)?.host ?? .local
    let isElsewhere = File.exists(folder.elsewhere)
    var kept: String?
    if isElsewhere {
        kept = try folder.readStart().results
    } else if host.isLocal {
        kept = try folder.startOfResumed(in: context.lash).results
    }
    let results = invocation.value("--results").map(Context.absolute) ?? kept ?? Context.absolute("results")
    try Folder.checkPlace(results)
    let first = host.isLocal ? (Journal.last(folder.journal)?.sequence ?? 0) + 1 : 1
    let followed = FollowedRun(
        context: context, results: results, printsEvents: invocation.has("--json"), first: first)
    let plan =
        host.isLocal || isElsewhere
        ? try? JSONText.decode(Plan.self, from: File.read(folder.plan, atMost: 256 << 20)) : nil
    let secretNames = (plan?.secretNames ?? []).union(invocation.values("--secret"))
    let secrets = try context.secrets(secretNames)
    let isOverSeveral = host.isLocal ? try Dispatch.record(of: run, in: context.lash) != nil : false
    return try await context.connector().withSession(to: host) { session in
        if isOverSeveral {
            _ = try folder.startOfResumed(cpus: cpus, in: context.lash)
            try await SlurmNodes.renew(run, context)
            try Dispatch.launch(run, secrets: secrets, context)
            // Before it is written that the run goes on, the journal's last word is the end that it had.
            while Journal.last(folder.journal)?.sequence ?? 0 < first, Journal.isHeld(folder.journal) {
                try await Task.sleep(for: .seconds(0.02))
            }
            context.terminal.say("resuming \(run) on its hosts")
            return try await followed.follow(run, on: host, session)
        }
        try await session.resume(Resume(run: run, tethered: host.isLocal, cpus: cpus, secrets: secrets))
        context.terminal.say("resuming \(run)" + (host.isLocal ? "" : " on \(host.name)"))
        return try await followed.follow(run, on: host, session)
    }
}
