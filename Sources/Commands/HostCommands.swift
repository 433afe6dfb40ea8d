internal import Failures
internal import Files
internal import Hosts
internal import JSON
internal import Terminal

private let nameArgument = CommandSpec.Argument(name: "NAME", about: "the host's name in the list", completes: .hosts)

let hostAddCommand = CommandSpec(
    name: "host add", about: "add a machine that is reached by ssh",
    arguments: [
        nameArgument,
        .init(
            name: "ADDRESS", about: "user@host:port, or a name of your OpenSSH configuration", completes: .nothing),
    ],
    options: [
        .init(name: "--identity", value: "FILE", about: "the private key to log in with"),
        .init(
            name: "--accept-key", value: "SHA256:…", about: "accept the host's key, if it has this fingerprint",
            completes: .nothing),
        .init(name: "--host-lash", value: "FOLDER", about: "where las keeps its things on the host (~/.las)"),
        .init(
            name: "--ssh", value: "HOW", about: "auto, libssh2, or openssh for your own ssh program",
            completes: .oneOf(Host.Program.allCases.map(\.rawValue))),
        .init(name: "--unchecked", about: "write it down without connecting", completes: .nothing),
    ],
    examples: [
        ("las host add lab me@lab.example.org", "connects, looks at what the host has, and writes it down"),
        ("las host add lab lab --identity ~/.ssh/lab_key", "by a name of ~/.ssh/config, with a key of its own"),
    ],
    details: """
        The host's key must be known: by your own known_hosts, or accepted here. When it is not, las prints its fingerprint
        and the command that accepts it; compare the fingerprint with what the host's keeper tells you.
        """
) { invocation, context in
    let host = try Host(
        named: invocation.arguments[0], address: HostAddress(invocation.arguments[1]),
        identity: invocation.value("--identity").map(wholePath), lash: invocation.value("--host-lash").map(wholePath),
        program: invocation.value("--ssh").flatMap { Host.Program(rawValue: $0) } ?? .auto)
    let connector = try context.connector()
    if let fingerprint = invocation.value("--accept-key") {
        let key = try await connector.accept(fingerprint, of: host)
        context.terminal.say("accepted the key of \(host.name): \(key.fingerprint)")
    }
    if invocation.has("--unchecked") {
        try HostList.add(host, to: context.lash)
        context.terminal.say("\(host.name) is in the list, unchecked")
        return .done
    }
    let stage = Stage(context.terminal, "connecting to \(host.name)")
    defer { stage.abandon() }
    let hello = try await connector.withSession(to: host, note: { context.show($0, of: host, in: stage) }) { session in
        await session.hello
    }
    try HostList.add(host, to: context.lash)
    HostRooms(lash: context.lash).keep(hello.host, of: host)
    stage.abandon()
    context.terminal.say("\(host.name) is in the list" + (hello.host.map { ": " + HostText.facts($0) } ?? ""))
    return .done
}

let hostListCommand = CommandSpec(
    name: "host list", about: "list the machines that las knows",
    options: [
        .init(name: "--names", about: "the names only", completes: .nothing),
        .init(name: "--check", about: "connect to each, and say what it has", completes: .nothing),
        .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las host list", "the names and addresses"),
        ("las host list --check", "which of them can be reached, and what they have"),
    ]
) { invocation, context in
    let hosts = try HostList.read(context.lash).hosts
    if invocation.has("--names") {
        for host in [Host.local] + hosts { context.terminal.print(host.name) }
        return .done
    }
    var found: [String: String] = [:]
    var failures: [String: any Failure] = [:]
    if invocation.has("--check") {
        let stage = Stage(context.terminal, "connecting to \(Amounts.count(hosts.count, "host"))")
        let outcomes = await Fleet(try context.connector(), hosts: hosts).onEach { session in await session.hello }
        stage.abandon()
        for outcome in outcomes {
            switch outcome.result {
            case .success(let hello):
                HostRooms(lash: context.lash).keep(hello.host, of: outcome.host)
                found[outcome.host.name] = hello.host.map { HostText.facts($0) } ?? "reached"
            case .failure(let error):
                let failure = (error as? any Failure) ?? UsageFailure("\(error)")
                failures[outcome.host.name] = failure
                found[outcome.host.name] = Shown.whole(failure.description)
            }
        }
    }
    if invocation.has("--json") {
        let rows = hosts.map { host -> JSONValue in
            var row: [String: JSONValue] = ["name": .string(host.name)]
            row["address"] = host.address.map { .string($0.description) }
            row["identity"] = host.identity.map { .string($0) }
            row["lash"] = host.lash.map { .string($0) }
            if let failure = failures[host.name] {
                row["error"] = FailureJSON.object(failure)["error"]
            } else {
                row["found"] = found[host.name].map { .string($0) }
            }
            return .object(row)
        }
        context.terminal.print(bytes: JSONText.bytes(of: .array(rows), indented: true))
    } else {
        let rows =
            [["local", "this machine"]] + hosts.map { [$0.name, $0.address?.description ?? "", found[$0.name] ?? ""] }
        for line in Table.lines(rows) { context.terminal.print(line) }
    }
    return failures.isEmpty ? .done : failures.count < hosts.count ? .someHostsFailed : .unreachable
}

let hostRemoveCommand = CommandSpec(
    name: "host remove", about: "forget a machine",
    arguments: [nameArgument],
    examples: [("las host remove lab", "takes lab out of the list; nothing is changed on the host itself")]
) { invocation, context in
    try HostList.remove(invocation.arguments[0], from: context.lash)
    HostRooms(lash: context.lash).forget(invocation.arguments[0])
    context.terminal.say("\(invocation.arguments[0]) is no longer in the list")
    return .done
}

/// What a shell would have made of it is left as it is: `~/…` is the user's home, here or on the host.
private func wholePath(_ path: String) -> String { path.hasPrefix("~/") ? path : Context.absolute(path) }
