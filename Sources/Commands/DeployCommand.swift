internal import Failures
internal import HostProtocol
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
        .init(
            name: "--detach", about: "start it and leave it going on; “las attach” watches it", completes: .nothing),
        .init(
            name: "--lost-after", value: "SECONDS",
            about: "of several hosts, one that is not heard of for so long loses its tasks to the others (30)",
            completes: .nothing),
        .init(
            name: "--limit-rate", value: "RATE",
            about: "send at most so much a second, to all hosts together: 500K, 2M, 1.5 MB", completes: .nothing),
        .init(
            name: "--width", value: "N",
            about: "of several hosts, ship to so many at the same time (\(Fleet.usualWidth))", completes: .nothing),
        .init(
            name: "--slurm", value: "HOST",
            about: "run it in a Slurm cluster: the host that jobs are submitted from; “local” for this machine",
            completes: .hosts),
    ] + SlurmWords.options + SlurmWords.nodeOptions + KubernetesDeployment.options + RunOptions.all,
    examples: [
        ("las deploy my-metro --host lab", "nothing needs to be installed on lab"),
        ("las deploy my-metro.las --host lab --results out", "a bundle that was packed before"),
        ("las deploy my-metro --host vega --host deneb", "one run, its tasks on both"),
        ("las deploy my-metro --slurm login --partition short", "its steps are jobs of the cluster's Slurm"),
        ("las deploy my-metro --slurm login --nodes 4", "on four nodes that are kept for it, and share no folder"),
        (
            "las deploy my-metro --kubernetes --image ghcr.io/alice/my-metro:1",
            "pushed there, and run by the cluster that your kubectl knows"
        ),
    ],
    details: """
        With several hosts, the parts are shipped to all of them at once, and the tasks run on all of them together; what they
        make comes here. Only parts that a host lacks are sent. Ctrl-C stops the run on the hosts.
        For Slurm, the host's LASH must lie in a folder that all nodes see, save with --nodes. In a Kubernetes cluster the run gets a volume, which
        goes with all else when the results are here.
        """
) { invocation, context in
    let given = invocation.arguments.first ?? "."
    let (names, labels) = (invocation.values("--host"), invocation.values("--label"))
    if invocation.has("--kubernetes") { return try await KubernetesDeployment.run(given, invocation, context) }
    if let option = KubernetesDeployment.given(invocation).first {
        throw UsageFailure("\(option) is for Kubernetes", fix: "say that the metro is to run there: --kubernetes")
    }
    if let login = invocation.value("--slurm") {
        return try await SlurmDeployment.run(given, invocation, on: login, context)
    }
    if let option = SlurmWords.given(invocation).first {
        throw UsageFailure("\(option) is for Slurm", fix: "name the host that jobs are submitted from: --slurm HOST")
    }
    try RunOptions.check(invocation)
    let silence = try Deployment.silence(invocation)
    let limit = try Deployment.limit(invocation)
    let width = try Deployment.width(invocation)
    if names.isEmpty, labels.isEmpty {
        throw UsageFailure(
            "las deploy needs a host", fix: "--host NAME, with a name of “las host list”; “las host add” adds one")
    }
    let list = try HostList.read(context.lash)
    var hosts: [Host] = []
    for host in try names.map({ try list.host(named: $0) }) + labels.flatMap({ try list.hosts(labelled: $0) })
    where !hosts.contains(where: { $0.name == host.name }) { hosts.append(host) }
    let drained = hosts.filter(\.isDrained).map(\.name)
    if let host = drained.first(where: names.contains) ?? (drained.count == hosts.count ? drained.first : nil) {
        throw UsageFailure(
            "\(host) is drained, and gets no tasks", fix: "las host drain \(host) --undo, or name other hosts")
    }
    hosts.removeAll(where: \.isDrained)
    if invocation.has("--dry-run") {
        try await DryRun(given, invocation, on: hosts.map(\.name), context).tell(context.terminal)
        return .done
    }

    let hold = try context.holdStore()
    defer { hold.release() }
    var connector = try context.connector()
    connector.limit = limit.map { RateLimit($0) }
    let material = try await RunMaterial.prepare(
        given, inputs: try InputOption.values(invocation, context), context)
    var following = try RunOptions.following(invocation, context, material, hold)
    (following.silence, following.limit) = (silence, limit)
    // One host runs the metro by itself; what is left behind, or lies on a server, too, is led from here, where it is looked after.
    if hosts.count == 1, let host = hosts.first, !invocation.has("--detach"), !material.hasServers(context.lash) {
        return try await Deployment.connect(connector, host, context) { session in
            if let failure = await Deployment.shortage(of: material, on: session, cpus: following.cpus, context) {
                throw failure
            }
            try await Deployment.ship(material, to: host, session, context)
            return try await following.run(on: host, session, tethered: false)
        }
    }
    return try await Deployment.overSeveral(
        hosts, material, following, connector, width: width, detaching: invocation.has("--detach"), context)
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
    static func silence(_ invocation: Invocation) throws -> Double {
        guard let text = invocation.value("--lost-after") else { return 30 }
        guard let seconds = Double(text), (1...86_400).contains(seconds) else {
            throw UsageFailure(
                "--lost-after is a number of seconds from 1 to 86400, not “\(Shown.text(text))”", fix: "--lost-after 60"
            )
        }
        return seconds
    }

    /// How many hosts are shipped to at the same time.
    static func width(_ invocation: Invocation) throws -> Int {
        guard let text = invocation.value("--width") else { return Fleet.usualWidth }
        guard let width = Int(text), (1...1000).contains(width) else {
            throw UsageFailure(
                "--width is a number of hosts from 1 to 1000, not “\(Shown.text(text))”",
                fix: "--width 4, to ship to four hosts at the same time")
        }
        return width
    }

    /// Bytes a second; nil where nothing is said.
    static func limit(_ invocation: Invocation) throws -> Int64? {
        guard let text = invocation.value("--limit-rate") else { return nil }
        let words = text.lowercased().filter { $0 != " " }
        let number = words.prefix { $0.isNumber || $0 == "." }
        let factors = ["": 1.0, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9]
        let unit = words.dropFirst(number.count)
        guard let count = Double(number), let factor = factors[String(unit.hasSuffix("/s") ? unit.dropLast(2) : unit)],
            (1000...1e12).contains(count * factor)
        else {
            throw UsageFailure(
                "--limit-rate is what is sent in a second, from 1K on, not “\(Shown.text(text))”",
                fix: "--limit-rate 2M, for two million bytes a second")
        }
        return Int64(count * factor)
    }

    /// One run whose tasks go to all of the hosts. One that can't be reached now may come later.
    static func overSeveral(
        _ hosts: [Host], _ material: RunMaterial, _ following: Following, _ connector: HostConnector, width: Int,
        detaching: Bool, _ context: Context
    ) async throws -> ExitCode {
        let plan = material.readPlan(context.lash)
        // So many get their parts at once; a host that is slow or down does not hold up the others.
        let outcomes = await Fleet(connector, hosts: hosts, width: width).onEach { session in
            let hello = await session.hello
            HostRooms(lash: context.lash).keep(hello.host, of: session.host)
            let parts = material.parts.needed(by: session.host, hello.host, cpus: following.cpus, of: plan)
            try await ship(material, parts, to: session.host, session, context)
        }
        var (members, failed, isAnyHere): ([Host], ExitCode?, Bool) = ([], nil, false)
        for outcome in outcomes {
            switch outcome.result {
            case .success:
                members.append(outcome.host)
                isAnyHere = true
            case .failure(let error):
                let failure = (error as? any Failure) ?? UsageFailure("\(error)")
                context.terminal.fail(failure)
                failed = failed ?? failure.exitCode
                // One that is down may come back; what is not to be trusted, or can't run it, stays away.
                if failure.exitCode == .unreachable { members.append(outcome.host) }
            }
        }
        guard isAnyHere else { return failed ?? .unreachable }
        if let plan {
            let rooms = HostRooms(lash: context.lash)
            let known = members.map { $0.isLocal ? HostRooms.ofThisMachine : rooms.room(of: $0.name) }
            if let (station, shortage) = plan.tooLarge(for: known, "the largest of the hosts has").first {
                throw RoomFailure(
                    summary: "the station \(station) \(shortage)", fix: "change its “uses”, or add a larger host")
            }
        }
        let run = try Dispatch.prepare(following, over: members.map(\.name))
        let ended = try await lead(
            run, following, on: members.map(\.name), connector, detaching: detaching, context)
        return ended == .done && failed != nil ? .someHostsFailed : ended
    }

    /// Starts the process that leads a run over hosts, and looks on.
    static func lead(
        _ run: RunID, _ following: Following, on hosts: [String], _ connector: HostConnector, detaching: Bool,
        _ context: Context
    ) async throws -> ExitCode {
        following.hold.release()
        context.terminal.say("running \(run) on \(hosts.joined(separator: ", "))")
        try Dispatch.launch(run, secrets: following.secrets, context)
        if detaching {
            context.terminal.print(run.name)
            context.terminal.say("it goes on by itself: las attach \(run)")
            return .done
        }
        return try await connector.withSession(to: .local) { session in
            try await FollowedRun(
                context: context, results: following.results, printsEvents: following.printsEvents
            ).follow(run, on: .local, session)
        }
    }

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
        guard let facts, let plan = material.readPlan(context.lash),
            let (station, shortage) = plan.tooLarge(for: [Room(facts, cpus: cpus)], "\(host.name) has").first
        else { return nil }
        return RoomFailure(
            summary: "the station \(station) \(shortage)", fix: "change its “uses”, or run it on a larger host")
    }

    /// - Parameter parts: those of the material that the host is to have; nil for all.
    static func ship(
        _ material: RunMaterial, _ parts: [Part]? = nil, to host: Host, _ session: HostSession, _ context: Context
    ) async throws {
        // The host says so too, but only when all of it was sent.
        if await session.hello.demandsSignature ?? false, material.bundle?.signed.isEmpty ?? true {
            throw UnsignedFailure(host: host.name)
        }
        let parts = parts ?? material.parts
        let stage = Stage(context.terminal, "shipping to \(host.name)")
        do {
            let shipped = try await session.ship(parts, from: PartStore(context.lash)) {
                stage.update(done: $0.done, of: $0.total)
            }
            let kept = parts.count - shipped.parts.count
            let had = kept > 0 ? ", \(Amounts.count(kept, "part")) it had already" : ""
            stage.end("\(Amounts.count(shipped.parts.count, "part")), \(Amounts.bytes(shipped.bytes))\(had)")
        } catch {
            stage.abandon()
            // What arrives changed was damaged here, or on the way: what is damaged here leaves the store, with its name.
            if (error as? any Failure)?.exitCode == .integrity {
                for part in parts { try PartStore(context.lash).verify(part) }
            }
            throw error
        }
    }
}
