internal import Failures
internal import Files
internal import Terminal

let lockCommand = CommandSpec(
    name: "lock", about: "choose the exact packages of a metro's needs",
    arguments: [metroArgument],
    options: [
        .init(name: "--update", about: "choose anew, also where there is a lock", completes: .nothing),
        .init(
            name: "--allow-unsigned", value: "ADDRESS", about: "an archive that needs no signature", completes: .nothing
        ),
    ],
    examples: [
        ("las lock my-metro", "writes metro.lock, where there is none yet"),
        ("las lock my-metro --update", "after the needs were changed, or to take newer versions"),
    ],
    details: """
        metro.lock names every package with its version and digest. las pack makes it the first time, and then packs exactly
        those packages, today and next year. Keep it beside the metro.
        """
) { invocation, context in
    let source = try MetroSource.read(invocation.arguments.first ?? ".")
    if File.exists(source.lockFile), !invocation.has("--update") {
        context.terminal.say("\(Shown.whole(source.lockFile)) is there already; “las lock --update” makes it anew")
        return .done
    }
    var packing = Packing(context: context, source: source)
    if let address = invocation.value("--allow-unsigned") {
        packing.allowsUnsigned = [address.hasSuffix("/") ? address : address + "/"]
    }
    try await packing.update(try packing.depot())
    return .done
}
