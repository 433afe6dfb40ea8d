internal import Failures
internal import Hosts
internal import Parts
internal import Plan
internal import Synchronization
internal import Terminal

let deployCommand = CommandSpec(
    name: "deploy", about: "ship a metro over ssh, run it there, and bring the results back",
    arguments: [
        .init(
            name: "METRO-OR-BUNDLE",
            about: "the folder that holds metro.yml, or a bundle; the current folder when left out",
            isOptional: true, completes: .metro)
    ],
    options: [
        .init(
            name: "--host", value: "NAME", about: "a host of “las host list”", mayRepeat: true, completes: .hosts),
        .init(
            name: "--label", value: "LABEL", about: "the hosts with this label", mayRepeat: true, completes: .nothing),
    ] + RunOptions.all,
    examples: [
        ("las deploy my-metro --host lab", "nothing needs to be installed on lab"),
        ("las deploy my-metro.las --host lab --results out", "a bundle that was packed before"),
    ],
    details: """
        With several hosts, the parts are shipped to all of them at once, and the metro runs on the first that took them.
        Only parts that a host lacks are sent. Ctrl-C stops the run on the host.
        """
) { invocation, context in
    let given = invocation.arguments.first ?? "."
    let (names, labels) = (invocation.values("--host"), invocation.values("--label"))
    try RunOptions.check(invocation)
    if names.isEmpty, labels.isEmpty {
        throw UsageFailure(
            "las deploy needs a host", fix: "--host NAME, with a name of “las host list”; “las host add” adds one")
    }
    let list = try HostList.read(context.lash)
    var hosts: [Host] = []
    for host in try names.map({ try list.host(named: $0) }) + labels.flatMap({ try list.hosts(labelled: $0) })
    where !hosts.contains(where: { $0.name == host.name }) { hosts.append(host) }
    if invocation.has("--dry-run") {
        try await DryRun(given, invocation, on: hosts.map(\.name), context).tell(context.terminal)
        return .done
    }

    let hold = try context.holdStore()
    defer { hold.release() }
    let connector = try context.connector()
    let material = try await RunMaterial.prepare(
        given, inputs: try InputOption.values(invocation, context), context)
    let following = try RunOptions.following(invocation, context, material, hold)
    if hosts.count == 1, let host = hosts.first {
        return try await Deployment.connect(connector, host, context) { session in
            if let failure = await Deployment.shortage(of: material, on: session, cpus: following.cpus, context) {
                throw failure
            }
            try await Deployment.ship(material, to: host, session, context)
            return try await following.run(on: host, session, tethered: false)
        }
    }
    // All get their parts at once; a host that is slow or down does not hold up the others.
    let outcomes = await Fleet(connector, hosts: hosts).onEach { session -> RoomFailure? in
        if let failure = await Deployment.shortage(of: material, on: session, cpus: following.cpus, context) {
            return failure
        }
        try await Deployment.ship(material, to: session.host, session, context)
        return nil
    }
    var ready: [Host] = []
    var exitCode: ExitCode?
    var tooSmall: RoomFailure?
    for outcome in outcomes {
        switch outcome.result {
        case .success(nil): ready.append(outcome.host)
        case .success(let failure?):
            context.terminal.say("\(outcome.host.name) is passed over: \(failure.summary)")
            tooSmall = tooSmall ?? failure
        case .failure(let error):
            let failure = (error as? any Failure) ?? UsageFailure("\(error)")
            context.terminal.fail(failure)
            exitCode = exitCode ?? failure.exitCode
        }
    }
    guard let first = ready.first else {
        if let tooSmall { throw tooSmall }
        return exitCode ?? .unreachable
    }
    let ended = try await Deployment.connect(connector, first, context) { session in
        try await following.run(on: first, session, tethered: false)
    }
    return ended == .done && exitCode != nil ? .someHostsFailed : ended
}

/// A host that starts nothing but what is signed.
struct UnsignedFailure: Failure {
    let host: String
    var summary: String { "\(host) starts only what is signed by a key that it trusts" }
    var cause: String? { "this is no signed bundle" }
    var fix: String? {
        "las pack METRO, then las sign NAME.las, then las deploy NAME.las --host \(host), with the inputs that it was packed with"
    }
    let exitCode = ExitCode.integrity

    init(host: String) { self.host = host }
}

enum Deployment {
    static func connect<Value: Sendable>(
        _ connector: HostConnector, _ host: Host, _ context: Context,
        _ body: (HostSession) async throws -> Value
    ) async throws -> Value {
        let stage = Stage(context.terminal, "connecting to \(host.name)")
        do {
            return try await connector.withSession(to: host, note: { context.show($0, of: host, in: stage) }) {
                session in
                stage.end()
                return try await body(session)
            }
        } catch {
            stage.abandon()
            throw error
        }
    }

    /// Whether a station wants more than the host has, before anything is sent to it.
    static func shortage(
        of material: RunMaterial, on session: HostSession, cpus: Int?, _ context: Context
    ) async -> RoomFailure? {
        let (host, facts) = (session.host, await session.hello.host)
        HostRooms(lash: context.lash).keep(facts, of: host)
        guard let facts, let plan = material.plan else { return nil }
        var room = Room(facts)
        room.cpus = min(room.cpus, cpus ?? room.cpus)
        guard let (station, shortage) = plan.tooLarge(for: [room], "\(host.name) has").first else { return nil }
        return RoomFailure(
            summary: "the station \(station) \(shortage)", fix: "change its “uses”, or run it on a larger host")
    }

    static func ship(_ material: RunMaterial, to host: Host, _ session: HostSession, _ context: Context) async throws {
        // The host says so too, but only when all of it was sent.
        if await session.hello.demandsSignature ?? false, material.bundle?.signed.isEmpty ?? true {
            throw UnsignedFailure(host: host.name)
        }
        let stage = Stage(context.terminal, "shipping to \(host.name)")
        do {
            let shipped = try await session.ship(material.parts, from: PartStore(context.lash)) {
                stage.update(done: $0.done, of: $0.total)
            }
            let kept = material.parts.count - shipped.parts.count
            let had = kept > 0 ? ", \(Amounts.count(kept, "part")) it had already" : ""
            stage.end("\(Amounts.count(shipped.parts.count, "part")), \(Amounts.bytes(shipped.bytes))\(had)")
        } catch {
            stage.abandon()
            // What arrives changed was damaged here, or on the way: what is damaged here leaves the store, with its name.
            if (error as? any Failure)?.exitCode == .integrity {
                for part in material.parts { try PartStore(context.lash).verify(part) }
            }
            throw error
        }
    }
}
