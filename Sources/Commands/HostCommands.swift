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
    let connector = try context.connector(examining: true)
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
        .init(name: "--check", about: "the same as “las host check”", completes: .nothing),
        .init(name: "--label", value: "LABEL", about: "those with this label only", completes: .nothing),
        .init(name: "--json", about: "as JSON, for scripts", completes: .nothing),
    ],
    examples: [
        ("las host list", "the names, addresses and labels"),
        ("las host list --label gpu", "those with a label"),
    ]
) { invocation, context in
    let list = try HostList.read(context.lash)
    let hosts = try invocation.value("--label").map { label in try list.hosts(labelled: label) } ?? list.hosts
    if invocation.has("--check") { return try await HostCheck(hosts, context).run(asJSON: invocation.has("--json")) }
    if invocation.has("--names") {
        for host in (invocation.has("--label") ? [] : [Host.local]) + hosts { context.terminal.print(host.name) }
    } else if invocation.has("--json") {
        let rows = hosts.map { JSONValue.object(HostCheck.row($0)) }
        context.terminal.print(bytes: JSONText.bytes(of: .array(rows), indented: true))
    } else {
        let here = invocation.has("--label") ? [] : [["local", "this machine"]]
        let rows =
            here
            + hosts.map {
                [
                    $0.name, $0.address?.description ?? "",
                    ($0.labels + ($0.isDrained ? ["(drained)"] : [])).joined(separator: " "),
                ]
            }
        for line in Table.lines(rows) { context.terminal.print(String(line.reversed().drop { $0 == " " }.reversed())) }
    }
    return .done
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
