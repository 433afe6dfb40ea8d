internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts

let fetchCommand = CommandSpec(
    name: "fetch", about: "bring the results of a run that was left going on",
    arguments: [
        .init(name: "RUN", about: "its name; the newest here when left out", isOptional: true, completes: .runs),
        .init(name: "STATION", about: "only what this one made", isOptional: true, completes: .nothing),
    ],
    options: [
        .init(name: "--results", value: "FOLDER", about: "where they go (where they were to go at first)"),
        .init(name: "--host", value: "NAME", about: "a host that the run lies on", completes: .hosts),
    ],
    examples: [
        ("las fetch", "the results of the newest run, in the folder that was named when it began"),
        ("las fetch variants-7f3a2 merge --results out", "those of one station, into another folder"),
    ],
    details: """
        Of a run that has ended with failures it brings what there is. Files of the same name are replaced. When all results of
        one that ended well were brought, the run leaves only what tells of it.
        """
) { invocation, context in
    let given = try invocation.value("--host").map { try HostList.read(context.lash).host(named: $0) }
    let run =
        given?.isLocal ?? true
        ? try RunNames.newest(invocation, context)
        : try RunNames.parse(
            invocation.arguments.first
                ?? { throw UsageFailure("which run of that host?", fix: "las fetch RUN --host NAME") }())
    let folder = RunFolder(run, in: context.lash)
    let elsewhere = try given == nil ? ElsewhereRun.of(run, context) : nil
    let host = given ?? elsewhere?.host ?? .local
    var kept: String?
    if host.isLocal || elsewhere != nil {
        kept = try folder.readStart().results
        if await ElsewhereRun.summary(of: run, context).isGoingOn, !Journal.hasEnded(folder.journal) {
            throw UsageFailure("\(run) still goes on", fix: "“las attach \(run)” waits for its end")
        }
        if !File.exists(folder.results) {
            throw UsageFailure("the results of \(run) were brought already", fix: kept.map { "they went to \($0)" })
        }
    }
    let results = invocation.value("--results").map(Context.absolute) ?? kept ?? Context.absolute("results")
    try Folder.checkPlace(results)
    let station = invocation.arguments.dropFirst().first
    let followed = FollowedRun(context: context, results: results, printsEvents: false)
    return try await context.connector().withSession(to: host) { session in
        let fetched = try await followed.fetch(run, station, session)
        followed.tell(fetched)
        // What was brought whole need not lie here twice; what is done stays for other runs.
        if station == nil, (!host.isLocal && elsewhere == nil) || Journal.last(folder.journal)?.succeeded == true {
            try await session.clean(run, keepsRecord: true)
            if Journal.last(folder.journal)?.succeeded == true { try FollowedRun.leaveRecord(of: run, context) }
        }
        if fetched.isEmpty { context.terminal.say("\(run) has no results") }
        return .done
    }
}
