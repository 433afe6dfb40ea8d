internal import Depot
internal import Failures
internal import Files
internal import JSON
internal import Store
internal import Terminal

let storeExportCommand = CommandSpec(
    name: "store export", about: "write what a metro's lock needs, for a machine without a network",
    arguments: [metroArgument],
    options: [
        .init(
            name: "--output", value: "FILE", about: "the tar to write (NAME.store.tar), or with a / at its end a folder"
        ),
        .init(name: "--json", about: "say as JSON what was written", completes: .nothing),
    ],
    examples: [
        ("las store export my-metro", "writes my-metro.store.tar, with all packages and files that the lock names"),
        ("las store export my-metro --output /media/stick/my-metro/", "a folder of the same files"),
    ],
    details: """
        Take it and the metro's folder, with its metro.lock, to the other machine; las store import FILE there, and las pack
        needs no network. What was built or configured is made again there from the same packages, and comes out the same.
        """
) { invocation, context in
    let source = try MetroSource.read(invocation.arguments.first ?? ".")
    let given = invocation.value("--output") ?? "\(source.plan.metro).store.tar"
    let output = Context.absolute(given.ends(with: "/") ? String(given.dropLast()) : given)
    if given.ends(with: "/"), File.exists(output) {
        throw UsageFailure("\(Shown.whole(output)) is there already", fix: "name a folder that is not there yet")
    }
    guard File.status(File.parent(of: output), follow: true)?.kind == .folder else {
        throw UsageFailure("there is no folder \(Shown.whole(File.parent(of: output)))", fix: "make it first")
    }
    let hold = try context.holdStore()
    defer { hold.release() }
    let packing = Packing(context: context, source: source)
    let depot = try packing.depot()
    var lock = try await packing.lock(depot)
    _ = try await packing.fetch(&lock)
    let locked = lock
    try await packing.display.during { try await depot.fetchAll(of: locked) }
    let export = try StoreExport(lock, of: source.plan.metro, in: context.lash)
    try Stage.during(context.terminal, "writing \(Shown.whole(given))") { stage in
        if given.ends(with: "/") {
            try export.write(intoFolder: output) { stage.update(done: $0, of: $1) }
        } else {
            try export.write(to: output, lash: context.lash) { stage.update(done: $0, of: $1) }
        }
    }
    if invocation.has("--json") {
        context.terminal.print(
            bytes: JSONText.bytes(
                of: [
                    "output": .string(output), "files": .integer(Int64(export.files.count)),
                    "size": .integer(export.size),
                ], indented: true))
    } else {
        context.terminal.say(
            "\(Shown.whole(output)): \(Amounts.count(export.files.count, "file")), \(Amounts.bytes(export.size)); "
                + "on the other machine: las store import \(Shown.word(File.name(of: output)))")
    }
    return .done
}

let storeImportCommand = CommandSpec(
    name: "store import", about: "take in what las store export wrote on another machine",
    arguments: [.init(name: "FILE", about: "the tar, or the folder")],
    options: [.init(name: "--json", about: "say as JSON what was taken", completes: .nothing)],
    examples: [("las store import my-metro.store.tar", "after that las pack my-metro needs no network")],
    details: """
        Every file is held against the digest that the metro's lock has for it, and nothing else is taken. What is damaged is
        named and left out; the exit code is 5 then.
        """
) { invocation, context in
    let path = invocation.arguments[0]
    guard File.exists(path) else { throw UsageFailure("there is no \(Shown.whole(path))") }
    let hold = try context.holdStore()
    defer { hold.release() }
    let outcome = try Stage.during(context.terminal, "taking in \(Shown.whole(path))") { stage in
        try StoreImport(context.lash).take(path) { stage.update(done: $0, of: $1) }
    }
    if invocation.has("--json") {
        context.terminal.print(
            bytes: JSONText.bytes(
                of: [
                    "metro": .string(outcome.metro), "taken": .integer(Int64(outcome.taken)),
                    "size": .integer(outcome.bytes), "known": .integer(Int64(outcome.known)),
                    "damaged": .array(outcome.damaged.map { .string($0) }),
                    "vouched": .array(outcome.vouched.map { .string($0) }),
                ], indented: true))
    } else {
        for damage in outcome.damaged { context.terminal.print("damaged: \(damage)") }
        for thing in outcome.vouched {
            context.terminal.say("note: the lock has no digest of \(thing); what came was taken")
        }
        let known = outcome.known > 0 ? ", \(outcome.known) were there already" : ""
        context.terminal.print(
            "\(outcome.metro): \(Amounts.count(outcome.taken, "thing")) taken in, \(Amounts.bytes(outcome.bytes))\(known)"
        )
    }
    return outcome.damaged.isEmpty ? .done : .integrity
}
