internal import Failures
internal import Files
internal import JSON
internal import Store
internal import Terminal

private let aboutShowing = "show what LASH holds, how large it is, and what needs it"

private let showJSON = CommandSpec.Option(name: "--json", about: "as JSON, for scripts", completes: .nothing)

let storeCommand = CommandSpec(
    name: "store", about: aboutShowing, options: [showJSON],
    examples: [("las store", "the same as las store show")]
) { invocation, context in try StoreText(context).show(nil, asJSON: invocation.has("--json")) }

let storeShowCommand = CommandSpec(
    name: "store show", about: aboutShowing,
    arguments: [
        .init(
            name: "KIND", about: "list all of one kind: packages, layers, parts …", isOptional: true,
            completes: .oneOf(StoreKind.allCases.map(\.rawValue)))
    ],
    options: [showJSON],
    examples: [
        ("las store show", "a line for each kind of thing, and the metros, bundles and runs that need them"),
        ("las store show layers", "every layer, with its size, and whether something needs it"),
    ],
    details: """
        “needed” counts what the metros, bundles and runs need that las has worked with here. The rest is kept to be used again,
        until las store gc takes it away.
        """
) { invocation, context in
    try StoreText(context).show(
        invocation.arguments.first.flatMap(StoreKind.init(rawValue:)), asJSON: invocation.has("--json"))
}

let storeCheckCommand = CommandSpec(
    name: "store check", about: "read all that LASH holds, and take out what is damaged",
    options: [showJSON],
    examples: [
        ("las store check", "after a disk made trouble: what is damaged is named, and made again when it is needed")
    ],
    details: """
        Everything that has a digest is read and held against it. What is damaged leaves the store; the next las pack fetches or
        makes it again. The exit code is 5 where something was damaged.
        """
) { invocation, context in
    let hold = try context.holdStore()
    defer { hold.release() }
    let outcome = try Stage.during(context.terminal, "checking \(context.lash.root)") { stage in
        try StoreCheck(StoreListing(context.lash)).run { stage.update(done: $0, of: $1) }
    }
    StoreText(context).tell(outcome, asJSON: invocation.has("--json"))
    return outcome.damaged.isEmpty ? .done : .integrity
}

let storeCollectCommand = CommandSpec(
    name: "store gc", about: "clear away what nothing needs any more",
    options: [
        .init(name: "--dry-run", about: "say what would go, and take nothing away", completes: .nothing),
        .init(
            name: "--older-than", value: "DAYS",
            about: "only what was not made or used for so many days (\(StoreCollection.usualDays))",
            completes: .nothing),
        showJSON,
    ],
    examples: [
        ("las store gc --dry-run", "what would go, by kind"),
        ("las store gc", "clears away what nothing has needed for a month"),
        ("las store gc --older-than 0", "all that no metro, bundle or run needs now, failed runs too"),
    ],
    details: """
        What a metro's lock names stays as long as the lock lies where las has seen it; so do the parts of a bundle, and what runs
        use that go on or were not cleaned up. A metro that is gone counts as there until las has not worked with it for DAYS
        days: its disk may only be somewhere else. All the rest goes once it is older than that. Nothing is cleared away while
        las packs or starts something here.
        """
) { invocation, context in
    let days = try StoreText.days(invocation)
    guard let hold = try StoreHold.alone(in: context.lash) else {
        throw StoreBusy(
            summary: "las is at work in \(Shown.whole(context.lash.root)), so nothing is cleared away now",
            fix: "try again when what las packs or starts here is done")
    }
    defer { hold.release() }
    let listing = try StoreListing(context.lash)
    let collection = StoreCollection(listing, olderThan: days)
    let plan = collection.plan()
    if !invocation.has("--dry-run") {
        try Stage.during(context.terminal, "clearing up \(context.lash.root)") { stage in
            try collection.remove(plan) { stage.update(done: 0, of: 0, detail: "\($0) of \($1)") }
        }
    }
    StoreText(context).tell(plan, days: days, isDry: invocation.has("--dry-run"), asJSON: invocation.has("--json"))
    return .done
}

/// The store can't be cleared up now.
struct StoreBusy: Failure {
    let summary: String
    let fix: String?
    let exitCode = ExitCode.resources
}

extension Context {
    /// Keeps what is in the store from being cleared away while it is used.
    func holdStore() throws -> StoreHold {
        try StoreHold(lash) { terminal.say("waiting until las store gc has cleared up \(Shown.whole(lash.root))") }
    }
}
