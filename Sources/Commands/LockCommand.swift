internal import Depot
internal import Failures
internal import Files
internal import Terminal

let lockCommand = CommandSpec(
    name: "lock", about: "choose the exact packages of a metro's needs, and the exact files of its addresses",
    arguments: [metroArgument],
    options: [
        .init(name: "--update", about: "choose anew, also where there is a lock", completes: .nothing),
        .init(
            name: "--allow-unsigned", value: "ADDRESS", about: "an archive that needs no signature", completes: .nothing
        ),
    ],
    examples: [
        ("las lock my-metro", "writes metro.lock, where there is none yet"),
        ("las lock my-metro --update", "after the needs were changed, or to take newer versions and files"),
    ],
    details: """
        metro.lock names every package with its version and digest, and every file that an input names by its address. las
        pack makes it the first time, and then packs exactly those, today and next year. Keep it beside the metro.
        """
) { invocation, context in
    let source = try MetroSource.read(invocation.arguments.first ?? ".")
    var packing = Packing(context: context, source: source)
    if let address = invocation.value("--allow-unsigned") {
        packing.allowsUnsigned = [address.hasSuffix("/") ? address : address + "/"]
    }
    let depot = try packing.depot()
    let isThere = File.exists(source.lockFile)
    let isUpdate = isThere && invocation.has("--update")
    var lock: Lock
    if isUpdate {
        // What it says of files is kept until new ones are there.
        let before = (try? Lock.read(source.lockFile, update: source.updateCommand))?.inputs ?? []
        lock = try await packing.update(depot, inputs: before)
    } else {
        lock = try await packing.lock(depot)
    }
    let before = lock
    _ = try await packing.fetch(&lock, anew: isUpdate)
    if isThere, !isUpdate, lock == before {
        context.terminal.say(
            "\(Shown.whole(source.lockFile)) is there already and fits the metro; to choose anew: \(source.updateCommand)"
        )
    }
    return .done
}
