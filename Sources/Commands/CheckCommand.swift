internal import Failures
internal import Terminal

let metroArgument = CommandSpec.Argument(
    name: "METRO", about: "the folder that holds metro.yml, or the file; the current folder when left out",
    isOptional: true, completes: .metro)

let checkCommand = CommandSpec(
    name: "check", about: "look for mistakes in a metro",
    arguments: [metroArgument],
    options: [InputOption.option],
    examples: [("las check my-metro", "tells all mistakes at once, each with its line and how to mend it")],
    details: "Nothing that the metro says is run."
) { invocation, context in
    let source = try MetroSource.read(
        invocation.arguments.first ?? ".", inputs: try InputOption.values(invocation, context))
    for note in source.plan.notes + (try source.plan.notesOfRoom(context)) {
        context.terminal.say("note: " + Shown.whole(note))
    }
    let stations = Amounts.count(source.plan.stations.count, "station")
    context.terminal.print("\(Shown.whole(source.file)): no mistakes; \(stations)")
    return .done
}
