internal import Failures
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Terminal

let hostCheckCommand = CommandSpec(
    name: "host check", about: "see which machines can be reached, and what they have",
    arguments: [
        .init(
            name: "NAME", about: "hosts of the list; this machine and all of them when left out", isOptional: true,
            mayRepeat: true,
            completes: .hosts)
    ],
    options: [
        .init(name: "--label", value: "LABEL", about: "those with this label only", completes: .nothing),
        .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las host check", "this machine and all hosts, side by side"),
        ("las host check lab vega", "these two"),
    ],
    details: """
        A slow or dead machine does not hold up the others. Exit code 0 when all were reached, 3 when some were not, 4 when
        none was.
        """
) { invocation, context in
    let list = try HostList.read(context.lash)
    let names = invocation.arguments
    var hosts = names.isEmpty ? [Host.local] + list.hosts : try names.map { name in try list.host(named: name) }
    if let label = invocation.value("--label") {
        let labelled = Set(try list.hosts(labelled: label).map(\.name))
        hosts = hosts.filter { labelled.contains($0.name) }
    }
    return try await HostCheck(hosts, context).run(asJSON: invocation.has("--json"))
}

/// Hosts that are connected to at once, and asked what they have.
struct HostCheck {
    let hosts: [Host]
    let context: Context

    init(_ hosts: [Host], _ context: Context) { (self.hosts, self.context) = (hosts, context) }

    private struct Found {
        let host: Host
        var facts: HostFacts?
        var way: String?
        var failure: (any Failure)?
    }

    /// What was found is also kept, for “las check”.
    func run(asJSON: Bool) async throws -> ExitCode {
        let stage = Stage(context.terminal, "connecting to \(Amounts.count(hosts.count, "host"))")
        let outcomes = await Fleet(try context.connector(examining: true), hosts: hosts).onEach { session in
            (await session.hello, await session.way)
        }
        stage.abandon()
        let found = outcomes.map { outcome in
            switch outcome.result {
            case .success(let (hello, way)):
                HostRooms(lash: context.lash).keep(hello.host, of: outcome.host)
                return Found(host: outcome.host, facts: hello.host, way: way == .openssh ? "your ssh" : "las")
            case .failure(let error):
                return Found(host: outcome.host, failure: (error as? any Failure) ?? UsageFailure("\(error)"))
            }
        }
        if asJSON {
            context.terminal.print(
                bytes: JSONText.bytes(of: .array(found.map { .object(Self.row($0)) }), indented: true))
        } else {
            for line in Table.lines([Self.head] + found.map(Self.cells)) { context.terminal.print(line) }
            for entry in found {
                if let failure = entry.failure { context.terminal.fail(failure) }
            }
        }
        let failed = found.count { $0.failure != nil }
        return failed == 0 ? .done : failed < found.count ? .someHostsFailed : .unreachable
    }

    private static let head = ["host", "cpus", "load", "memory", "free disk", "engine"]

    private static func cells(_ found: Found) -> [String] {
        guard let facts = found.facts else {
            return [found.host.name, found.failure == nil ? "reached" : "not reached"]
        }
        let load = facts.load.map { Amounts.tenths($0) } ?? ""
        return [
            found.host.name, "\(facts.cpus)", load, Amounts.bytes(facts.memory), Amounts.bytes(facts.freeDisk),
            Shown.whole(facts.engine ?? ""),
        ]
    }

    /// What the host list has of it.
    static func row(_ host: Host) -> [String: JSONValue] {
        var row: [String: JSONValue] = ["name": .string(host.name)]
        row["address"] = host.address.map { .string($0.description) }
        row["identity"] = host.identity.map { .string($0) }
        row["lash"] = host.lash.map { .string($0) }
        if host.isDrained { row["drained"] = true }
        if !host.labels.isEmpty { row["labels"] = .array(host.labels.map { .string($0) }) }
        return row
    }

    private static func row(_ found: Found) -> [String: JSONValue] {
        var row = row(found.host)
        if let failure = found.failure {
            row["error"] = FailureJSON.object(failure)["error"]
        } else {
            row["found"] = .string(found.facts.map { HostText.facts($0) } ?? "reached")
        }
        if let facts = found.facts {
            var object: [String: JSONValue] = [
                "architecture": .string(facts.architecture), "kernel": .string(facts.kernel),
                "cpus": .integer(Int64(facts.cpus)), "memory": .integer(facts.memory),
                "free_disk": .integer(facts.freeDisk), "root": .bool(facts.isRoot),
            ]
            object["engine"] = facts.engine.map { .string($0) }
            object["reason"] = facts.reason.map { .string($0) }
            object["load"] = facts.load.flatMap { $0.isFinite ? .number($0) : nil }
            row["has"] = .object(object)
        }
        return row
    }
}
