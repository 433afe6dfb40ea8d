internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts

let cancelCommand = CommandSpec(
    name: "cancel", about: "end a run that goes on here", arguments: [RunNames.argument],
    examples: [("las cancel variants-7f3a2", "its tasks are asked to end, and killed after ten seconds")],
    details: "What is done is kept: “las resume” goes on with it."
) { invocation, context in
    try await Control.ask(.cancel, invocation, context) { "asked \($0) to end" }
}

let pauseCommand = CommandSpec(
    name: "pause", about: "have a run start nothing further", arguments: [RunNames.argument],
    examples: [("las pause", "the only run that goes on; what runs of it goes on to its end")],
    details: "“las continue” has it go on."
) { invocation, context in
    try await Control.ask(.pause, invocation, context) { "\($0) starts nothing further; “las continue” has it go on" }
}

let continueCommand = CommandSpec(
    name: "continue", about: "have a run go on that is paused", arguments: [RunNames.argument],
    examples: [("las continue", "the only run that goes on")]
) { invocation, context in
    try await Control.ask(.goOn, invocation, context) { "\($0) goes on" }
}

private enum Control {
    static func ask(
        _ wish: RunControl.Wish, _ invocation: Invocation, _ context: Context, _ words: (RunID) -> String
    ) async throws -> ExitCode {
        let run = try RunNames.goingOn(invocation, context)
        if let elsewhere = try ElsewhereRun.of(run, context) {
            if Journal.hasEnded(RunFolder(run, in: context.lash).journal) {
                throw UsageFailure("\(run) has ended", fix: "“las status \(run)” says how")
            }
            try await elsewhere.ask(wish == .cancel ? nil : wish == .pause ? "pause" : "continue")
            context.terminal.say(words(run))
            return .done
        }
        guard try RunControl(RunFolder(run, in: context.lash)).ask(wish) else {
            throw UsageFailure(
                "nobody runs \(run) now", fix: "“las status \(run)” says how it ended")
        }
        context.terminal.say(words(run))
        return .done
    }
}

let attachCommand = CommandSpec(
    name: "attach", about: "watch a run that goes on here", arguments: [RunNames.argument],
    options: [
        .init(name: "--map", about: "draw the metro's map, and on it how far the run is", completes: .nothing),
        .init(name: "--json", about: "print what happens as JSON, an event a line, for scripts", completes: .nothing),
    ],
    examples: [
        ("las attach", "as if it had been started here; Ctrl-C leaves it going on"),
        ("las attach --map", "the subway map, on which the stations turn green"),
    ]
) { invocation, context in
    let run = try RunNames.goingOn(invocation, context)
    let host = try ElsewhereRun.of(run, context)?.host ?? .local
    return try await context.connector().withSession(to: host) { session in
        let plan = invocation.has("--map") ? try? RunMap.plan(of: run, in: context.lash) : nil
        return try await FollowedRun(
            context: context, results: "", printsEvents: invocation.has("--json"),
            map: plan.map { RunMap(run, $0, context) }
        ).watch(run, session)
    }
}

let cleanCommand = CommandSpec(
    name: "clean", about: "remove what runs left here: their files, logs and journals",
    arguments: [
        .init(name: "RUN", about: "a run's name", isOptional: true, mayRepeat: true, completes: .runs)
    ],
    options: [
        .init(name: "--all", about: "every run that has ended or was cut off", completes: .nothing),
        .init(
            name: "--older", value: "DAYS", about: "those in which nothing has happened for so many days",
            completes: .nothing),
        .init(name: "--dry-run", about: "say what would be removed, and remove nothing", completes: .nothing),
    ],
    examples: [
        ("las clean variants-7f3a2", "that run; it can't be resumed any more"),
        ("las clean --older 7", "what was left a week ago and before"),
    ],
    details: """
        Results that were brought to their folder stay, and so does what tasks made for later runs. Runs that go on are left alone.
        Of runs that ended well only the journal and the logs are kept anyway, for 30 days.
        """
) { invocation, context in
    let list = RunList(context.lash)
    var runs = try invocation.arguments.map { try RunNames.find($0, in: context.lash) }
    if let text = invocation.value("--older") {
        guard let days = Int(text), (0...36_500).contains(days) else {
            throw UsageFailure("--older takes a number of days, not “\(Shown.text(text))”", fix: "--older 7")
        }
        runs += list.ended(before: days)
    } else if invocation.has("--all") {
        runs += list.ended(before: 0)
    } else if runs.isEmpty {
        throw UsageFailure(
            "which runs shall go?", fix: "name them, or say --all or --older DAYS; “las ps --all” lists them")
    }
    for run in runs {
        if invocation.has("--dry-run") {
            context.terminal.print(run.name)
            continue
        }
        if !list.isGoingOn(run) {
            KubernetesDeployment.forget(run, context)
            try await ElsewhereRun.of(run, context)?.clean()
        }
        try list.remove(run)
        context.terminal.say("removed \(run)")
    }
    if runs.isEmpty { context.terminal.say("there is nothing to remove") }
    return .done
}
