internal import Failures
internal import Files
internal import Plan
internal import Terminal

let explainCommand = CommandSpec(
    name: "explain", about: "tell in plain sentences what a station does, and why",
    arguments: [
        .init(name: "STATION", about: "the station's name; qc/trim for one of the metro qc", completes: .stations),
        metroArgument,
    ],
    options: [InputOption.option],
    examples: [
        ("las explain align my-metro", "what align takes and makes, how often it runs, and its first command"),
        ("las explain qc/trim", "a station of the metro qc that stands in the one of this folder"),
    ],
    details: "The metro may also come first. Nothing that it says is run, and nothing is fetched."
) { invocation, context in
    var (name, metro) = (invocation.arguments[0], invocation.arguments.dropFirst().first ?? ".")
    if invocation.arguments.count == 2, !File.exists(metro), File.exists(MetroSource.file(name)) { swap(&name, &metro) }
    let source = try MetroSource.read(metro, inputs: try InputOption.values(invocation, context))
    guard let explanation = Explanation(of: StationID(name), in: source.plan) else {
        throw source.plan.noStation(name)
    }
    context.terminal.print(explanation.text)
    return .done
}

extension Plan {
    /// There is no such station, and what was meant perhaps.
    fileprivate func noStation(_ name: String) -> UsageFailure {
        let known = stations.map(\.id.name)
        let inside = known.filter { $0.begins(with: name + "/") }
        if !inside.isEmpty {
            return UsageFailure(
                "“\(Shown.text(name))” is a metro and not a station",
                fix: "it has \(inside.prefix(10).map { Shown.text($0) }.joined(separator: ", "))")
        }
        if inputs.contains(where: { $0.name == name }) {
            let takers = stations.filter { ($0.takes + $0.forEach).contains { $0.input == name } }.map(\.id.name)
            return UsageFailure(
                "“\(Shown.text(name))” is an input and not a station",
                fix: takers.isEmpty
                    ? "no station takes it" : "it is taken by \(takers.prefix(10).joined(separator: ", "))")
        }
        let nearest = Suggestion.nearest(to: name, among: known).map { "did you mean “\($0)”? " } ?? ""
        let list = known.prefix(10).joined(separator: ", ") + (known.count > 10 ? ", …" : "")
        return UsageFailure("there is no station “\(Shown.text(name))”", fix: nearest + "there are \(list)")
    }
}
