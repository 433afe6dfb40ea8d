internal import Failures
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Store
internal import Terminal

let hostClearCommand = CommandSpec(
    name: "host gc", about: "free old parts on machines: what no run there needs",
    arguments: [
        .init(
            name: "NAME", about: "hosts of the list; all of them when left out", isOptional: true, mayRepeat: true,
            completes: .hosts)
    ],
    options: [
        .init(name: "--label", value: "LABEL", about: "those with this label only", completes: .nothing),
        .init(name: "--dry-run", about: "say what would go, and take nothing away", completes: .nothing),
        .init(
            name: "--older-than", value: "DAYS",
            about: "only what was not used for so many days (\(StoreCollection.usualDays))", completes: .nothing),
        .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las host gc --dry-run", "what would go, on all hosts"),
        ("las host gc vega --older-than 0", "all that no run on vega needs now"),
    ],
    details: """
        What goes: parts of bundles, images that were unpacked, runtimes of other versions of las, and parts that never came
        whole. A run that goes on there, and one that could be resumed, keeps what it uses. What went is sent again when it is needed.
        """
) { invocation, context in
    let list = try HostList.read(context.lash)
    var hosts = invocation.arguments.isEmpty ? list.hosts : try invocation.arguments.map { try list.host(named: $0) }
    if let label = invocation.value("--label") {
        let labelled = Set(try list.hosts(labelled: label).map(\.name))
        hosts = hosts.filter { labelled.contains($0.name) }
    }
    if hosts.contains(where: \.isLocal) {
        throw UsageFailure("this machine is cleared up by “las store gc”", fix: "las store gc")
    }
    let (days, isDry) = (try StoreText.days(invocation), invocation.has("--dry-run"))
    let stage = Stage(context.terminal, "clearing up \(Amounts.count(hosts.count, "host"))")
    let outcomes = await Fleet(try context.connector(), hosts: hosts).onEach { session in
        try await session.clear(Clear(days: days, isDry: isDry))
    }
    stage.abandon()
    var failed = 0
    var rows: [JSONValue] = []
    for outcome in outcomes {
        switch outcome.result {
        case .success(let cleared):
            rows.append(ClearedText.json(cleared, of: outcome.host))
            if !invocation.has("--json") {
                context.terminal.print(ClearedText.line(cleared, of: outcome.host, isDry: isDry))
            }
        case .failure(let error):
            failed += 1
            let failure = (error as? any Failure) ?? UsageFailure("\(error)")
            rows.append([
                "name": .string(outcome.host.name), "error": FailureJSON.object(failure)["error"] ?? .null,
            ])
            if !invocation.has("--json") { context.terminal.fail(failure) }
        }
    }
    if invocation.has("--json") { context.terminal.print(bytes: JSONText.bytes(of: .array(rows), indented: true)) }
    return failed == 0 ? .done : failed < outcomes.count ? .someHostsFailed : .unreachable
}

private enum ClearedText {
    private static let words = [
        "parts": "part", "images": "unpacked image", "runtimes": "runtime", "incoming": "unfinished part",
    ]

    private static func list(_ kinds: [Cleared.Kind]) -> String {
        kinds.filter { $0.count > 0 }.compactMap { kind in words[kind.name].map { Amounts.count(kind.count, $0) } }
            .joined(separator: ", ")
    }

    static func line(_ cleared: Cleared, of host: Host, isDry: Bool) -> String {
        let bytes = cleared.gone.reduce(Int64(0)) { $0 + max(0, $1.bytes) }
        let (gone, kept) = (list(cleared.gone), list(cleared.kept))
        let went =
            gone.isEmpty
            ? "nothing \(isDry ? "would go" : "to free")"
            : "\(isDry ? "would free" : "freed") \(Amounts.bytes(bytes)): \(gone)"
        let stays = kept.isEmpty ? "" : "; \(kept) stay"
        let own =
            cleared.isOwn ?? false ? "; metros are packed there, so its parts are left to “las store gc” there" : ""
        return "\(host.name): \(went)\(stays)\(own)"
    }

    static func json(_ cleared: Cleared, of host: Host) -> JSONValue {
        func object(_ kinds: [Cleared.Kind]) -> JSONValue {
            .object(
                Dictionary(
                    kinds.filter { words[$0.name] != nil }.map {
                        ($0.name, ["count": .integer(Int64($0.count)), "bytes": .integer($0.bytes)])
                    }, uniquingKeysWith: { first, _ in first }))
        }
        return ["name": .string(host.name), "freed": object(cleared.gone), "kept": object(cleared.kept)]
    }
}
