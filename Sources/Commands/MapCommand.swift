internal import Execution
internal import Failures
internal import Files
internal import JSON
internal import Map
internal import Terminal

let mapCommand = CommandSpec(
    name: "map", about: "draw a metro as a subway map",
    arguments: [metroArgument],
    options: [
        .init(
            name: "--run", value: "RUN", about: "how far this run of this machine is with each station",
            completes: .runs),
        .init(name: "--svg", value: "FILE", about: "write it as a picture (SVG); - for standard output"),
        .init(
            name: "--open", value: "NAME", about: "show the inside of a metro that stands in this one", mayRepeat: true,
            completes: .nested),
        .init(name: "--open-all", about: "show the inside of all of them", completes: .nothing),
        .init(
            name: "--width", value: "N", about: "columns of the map in the terminal (as wide as that is, else 80)",
            completes: .nothing),
        .init(name: "--json", about: "stops, connections and where they lie, for scripts", completes: .nothing),
    ],
    examples: [
        ("las map my-metro", "draws it here, in colour where that shows"),
        ("las map my-metro --svg map.svg", "a picture for a page or a talk; browsers show it"),
        (
            "las map --run variants-7f3a2",
            "which stations are done, run, wait or failed; las attach --map keeps drawing it"
        ),
        ("las map my-metro --open qc", "with the inside of the metro that is called qc there"),
    ],
    details: """
        Each line has its colour; a ring is a station that takes things of other lines; thin tracks join lines. Nothing that
        the metro says is run.
        """
) { invocation, context in
    let run = try invocation.value("--run").map { try RunNames.find($0, in: context.lash) }
    if run != nil, !invocation.arguments.isEmpty {
        throw UsageFailure("a run has its metro's map with it", fix: "leave the metro out")
    }
    let plan =
        try run.map { try RunMap.plan(of: $0, in: context.lash) }
        ?? MetroSource.read(invocation.arguments.first ?? ".").plan
    var graph = MapGraph(plan, opening: try MapOptions.opening(invocation, MapGraph.metros(in: plan)))
    if let run { graph = graph.showing(RunMap.states(RunSummary(run, in: context.lash))) }
    if let file = invocation.value("--svg") {
        let svg = SVGMap(MapLayout.picture(of: graph)).text
        if file == "-" {
            context.terminal.print(bytes: Array(svg.utf8))
        } else {
            try File.write(svg, to: file)
            context.terminal.say("\(Shown.whole(file)): a map of \(Amounts.count(graph.stops.count, "stop"))")
        }
        if !invocation.has("--json") { return .done }
    }
    let width = try MapOptions.width(invocation) ?? context.terminal.columns
    if invocation.has("--json") {
        let layout = MapLayout(graph, width: invocation.has("--width") ? width - 2 : nil)
        context.terminal.print(bytes: JSONText.bytes(of: layout.json, indented: true))
        return .done
    }
    guard graph.stops.count <= MapOptions.most else {
        throw UsageFailure(
            "a map of \(Amounts.count(graph.stops.count, "stop")) is too large for a terminal",
            fix: "draw it as a picture: las map \(Shown.whole(invocation.arguments.first ?? ".")) --svg map.svg")
    }
    let layout = MapLayout(graph, width: width - 2)
    let map = TerminalMap(
        layout, columns: width, style: context.terminal.output, isUnicode: MapOptions.isUnicode(context.environment))
    for line in map.lines { context.terminal.print(line) }
    // So many tracks lie side by side somewhere.
    if layout.width > width {
        let metro = Shown.word(invocation.arguments.first ?? ".")
        context.terminal.say(
            "this map is \(layout.width) columns wide, and the terminal \(width): las map \(metro) --svg map.svg draws a picture"
        )
    }
    return .done
}

enum MapOptions {
    /// Stops that a terminal can still show, some thousand lines of text.
    static let most = 1500

    static func opening(_ invocation: Invocation, _ known: [String]) throws(UsageFailure) -> MapGraph.Opening {
        if invocation.has("--open-all") { return .all }
        let names = invocation.values("--open").map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        for name in names where !known.contains(name) {
            if known.isEmpty {
                throw UsageFailure(
                    "no metro stands in this one, so there is no “\(name)” to open", fix: "leave --open out")
            }
            let nearest = Suggestion.nearest(to: name, among: known).map { "did you mean \($0)? " } ?? ""
            throw UsageFailure(
                "no metro “\(name)” stands in this one",
                fix: nearest + "there are: " + known.prefix(20).joined(separator: ", ")
                    + (known.count > 20 ? ", …" : ""))
        }
        return names.isEmpty ? .none : .these(Set(names))
    }

    static func width(_ invocation: Invocation) throws(UsageFailure) -> Int? {
        guard let text = invocation.value("--width") else { return nil }
        guard let width = Int(text), (40...1000).contains(width) else {
            throw UsageFailure("--width is a number of columns from 40 to 1000, not “\(text)”", fix: "--width 120")
        }
        return width
    }

    /// By the locale, as the C library would find it.
    static func isUnicode(_ environment: [String: String]) -> Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let name = locale.lowercased()
        return name.contains("utf-8") || name.contains("utf8")
    }
}
