internal import Failures
internal import Terminal

let planCommand = CommandSpec(
    name: "plan", about: "show what a metro would do",
    arguments: [metroArgument],
    options: [
        InputOption.option, .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las plan my-metro", "every station, what it takes and makes, and how often it runs"),
        ("las plan my-metro --json | jq .stations", "the same for a script"),
    ],
    details: "Nothing that the metro says is run, and nothing is fetched."
) { invocation, context in
    let source = try MetroSource.read(
        invocation.arguments.first ?? ".", inputs: try InputOption.values(invocation, context))
    if invocation.has("--json") {
        context.terminal.print(bytes: Array(source.plan.json.utf8))
    } else {
        context.terminal.print(Shown.whole(source.plan.text, keepingLines: true))
    }
    for note in try source.plan.notesOfRoom(context) { context.terminal.say("note: " + Shown.whole(note)) }
    return .done
}
