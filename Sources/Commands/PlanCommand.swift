internal import Failures
internal import JSON
internal import Terminal

let planCommand = CommandSpec(
    name: "plan", about: "show what a metro would do",
    arguments: [metroArgument],
    options: [
        InputOption.option, .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las plan my-metro", "every station, what it takes and makes, how often it runs, and what is done already"),
        ("las plan my-metro --json | jq .forecast", "for a script: what would run, and why"),
    ],
    details: """
        Nothing that the metro says is run, and nothing is fetched. What would run is told for this machine: tasks are done
        when they have run here before with the same command, files and needs. The files of the inputs are read for that.
        """
) { invocation, context in
    let source = try MetroSource.read(
        invocation.arguments.first ?? ".", inputs: try InputOption.values(invocation, context))
    let forecast = await RunForecast(source, context)
    if invocation.has("--json") {
        guard case .object(var told) = JSONValue(encoding: source.plan) else { return .done }
        told["forecast"] = forecast.json
        context.terminal.print(bytes: JSONText.bytes(of: .object(told), indented: true))
    } else {
        context.terminal.print(Shown.whole(source.plan.text + forecast.text, keepingLines: true))
    }
    for note in source.notesOfUnseenFiles + (try source.plan.notesOfRoom(context)) {
        context.terminal.say("note: " + Shown.whole(note))
    }
    return .done
}
