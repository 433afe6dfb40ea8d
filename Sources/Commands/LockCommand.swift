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
            name: "--only", value: "NEED", about: "choose just this package or address anew; the others stay",
            mayRepeat: true, completes: .nothing),
        .init(name: "--diff", about: "show what would change, and change nothing", completes: .nothing),
        .init(
            name: "--allow-unsigned", value: "ADDRESS", about: "an archive that needs no signature", completes: .nothing
        ),
    ],
    examples: [
        ("las lock my-metro", "writes metro.lock, where there is none yet"),
        ("las lock my-metro --update", "after the needs were changed, or to take newer versions and files"),
        ("las lock my-metro --only samtools", "a newer samtools, and nothing else as far as that can be"),
        ("las lock my-metro --diff", "what --update would change"),
    ],
    details: """
        metro.lock names every package with its version and digest, and every file that an input names by its address. las
        pack makes it the first time, and then packs exactly those, today and next year. Keep it beside the metro.
        """
) { invocation, context in
    let source = try MetroSource.read(invocation.arguments.first ?? ".")
    let hold = try context.holdStore()
    defer { hold.release() }
    var packing = Packing(context: context, source: source)
    if let address = invocation.value("--allow-unsigned") {
        packing.allowsUnsigned = [address.hasSuffix("/") ? address : address + "/"]
    }
    let depot = try packing.depot()
    let isThere = File.exists(source.lockFile)
    let only = Set(invocation.values("--only"))
    let known = Set(packing.asked)
    if let name = only.sorted().first(where: { !known.contains($0) }) {
        throw UsageFailure(
            "the metro has no need \(Shown.whole(name))",
            fix: Suggestion.nearest(to: name, among: known).map { "did you mean \($0)?" }
                ?? "it has \(Shown.whole(known.sorted().prefix(12).joined(separator: ", ")))")
    }
    if invocation.has("--diff") {
        let old = isThere ? try Lock.read(source.lockFile, update: source.updateCommand) : nil
        let new = try await packing.chosen(depot, keeping: only.isEmpty ? nil : old, only: only)
        let changes = old.map { new.changes(from: $0) } ?? ["there is no lock yet: it would be made"]
        context.terminal.print(
            changes.isEmpty ? "nothing would change" : changes.map { Shown.whole($0) }.joined(separator: "\n"))
        return .done
    }
    let isUpdate = isThere && (invocation.has("--update") || !only.isEmpty)
    var lock: Lock
    if isUpdate {
        // What it says of files is kept until new ones are there.
        let old = try? Lock.read(source.lockFile, update: source.updateCommand)
        lock = try await packing.update(
            depot, inputs: old?.inputs ?? [], keeping: only.isEmpty ? nil : old, only: only)
    } else {
        lock = try await packing.lock(depot)
    }
    let before = lock
    _ = try await packing.fetch(&lock, anew: isUpdate && only.isEmpty)
    if isThere, !isUpdate, lock == before {
        context.terminal.say(
            "\(Shown.whole(source.lockFile)) is there already and fits the metro; to choose anew: \(source.updateCommand)"
        )
    }
    return .done
}
