internal import Failures
internal import JSON
internal import Metro
internal import Terminal

let metroArgument = CommandSpec.Argument(
    name: "METRO", about: "the folder that holds metro.yml, or the file; the current folder when left out",
    isOptional: true, completes: .metro)

let checkCommand = CommandSpec(
    name: "check", about: "look for mistakes in a metro",
    arguments: [metroArgument],
    options: [
        InputOption.option,
        .init(name: "--json", about: "all mistakes and notes as JSON, for editors", completes: .nothing),
    ],
    examples: [
        ("las check my-metro", "tells all mistakes at once, each with its line and how to mend it"),
        ("las check my-metro --json | jq '.diagnostics[].message'", "the same for an editor or a script"),
    ],
    details: "Nothing that the metro says is run. With mistakes the exit code is 2."
) { invocation, context in
    let given = invocation.arguments.first ?? "."
    func read() throws -> (MetroSource, notes: [String]) {
        let source = try MetroSource.read(given, inputs: try InputOption.values(invocation, context))
        return (source, source.plan.notes + source.notesOfUnseenFiles + (try source.plan.notesOfRoom(context)))
    }
    if invocation.has("--json") {
        let told: JSONValue
        var exitCode = ExitCode.done
        do {
            let (source, notes) = try read()
            told = [
                "diagnostics": .array(notes.map { FailureJSON.note($0, file: source.file) }), "more": 0,
                "stations": .integer(Int64(source.plan.stations.count)),
            ]
        } catch let failure as MetroFailure {
            exitCode = failure.exitCode
            told = [
                "diagnostics": .array(failure.diagnostics.map(FailureJSON.diagnostic)),
                "more": .integer(Int64(failure.more)),
            ]
        }
        context.terminal.print(bytes: JSONText.bytes(of: told, indented: true))
        return exitCode
    }
    let (source, notes) = try read()
    for note in notes { context.terminal.say("note: " + Shown.whole(note)) }
    let stations = Amounts.count(source.plan.stations.count, "station")
    context.terminal.print("\(Shown.whole(source.file)): no mistakes; \(stations)")
    return .done
}
