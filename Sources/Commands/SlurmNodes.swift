internal import Engines
internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import Parts
internal import Plan
internal import Synchronization
internal import Terminal

/// `las deploy --slurm HOST --nodes N`: Slurm keeps whole nodes for a run, las gives out its tasks. Nothing needs to be shared: what the run
/// needs is broadcast to the nodes' own disks.
enum SlurmNodes {
    static func deploy(
        _ following: Following, _ options: SlurmOptions, through login: Host, detaching: Bool, _ context: Context
    ) async throws -> ExitCode {
        let material = following.material
        let plan = material.readPlan(context.lash)
        let gpus = plan?.stations.map(\.uses.gpus).max() ?? 0
        let request = SlurmRequest(
            login: login.name, count: options.nodes ?? 1, folder: options.nodeFolder,
            arguments: options.nodeArguments(gpus: gpus))
        let connector = try context.connector()
        let nodes = try await obtain(request, material.parts, material, through: login, connector, context)
        let hosts = nodes.hosts(through: login).map(\.name)
        let run = try Dispatch.prepare(following, over: hosts, slurm: request, nodes: nodes)
        return try await Deployment.lead(run, following, on: hosts, connector, detaching: detaching, context)
    }

    /// A run that goes on gets new nodes where the ones that it had are gone.
    static func renew(_ run: RunID, _ context: Context) async throws {
        guard var record = try Dispatch.record(of: run, in: context.lash), let request = record.slurm else { return }
        let login = try HostList.read(context.lash).host(named: request.login)
        let connector = try context.connector()
        if let nodes = record.nodes {
            let state = try await Deployment.connect(connector, login, context) { session in
                try await session.nodes(of: nodes.job, request)
            }
            if case .kept = state { return }
        }
        let nodes = try await obtain(request, record.parts, nil, through: login, connector, context)
        let old = record.nodes?.hosts(through: login).map(\.name) ?? []
        record.hosts = nodes.hosts(through: login).map(\.name) + record.hosts.filter { !old.contains($0) }
        record.nodes = nodes
        try Dispatch.keep(record, of: run, in: context.lash)
    }

    /// The run has ended: the nodes go back. Where Slurm can't be told, their job ends by itself.
    static func release(_ record: Dispatch.Record, _ list: HostList, _ connector: HostConnector) async {
        guard let request = record.slurm, let nodes = record.nodes, let login = list[request.login] else { return }
        try? await connector.withSession(to: login) { try await $0.release(nodes) }
    }

    /// Asks for nodes, waits for them, and brings them what a run needs.
    /// - Parameter material: sent to the host that jobs are submitted from; nil for parts of this LASH.
    private static func obtain(
        _ request: SlurmRequest, _ parts: [Part], _ material: RunMaterial?, through login: Host,
        _ connector: HostConnector, _ context: Context
    ) async throws -> SlurmAllocation {
        try await Deployment.connect(connector, login, context) { session in
            if let material {
                try await Deployment.ship(material, to: login, session, context)
            } else {
                _ = try await session.ship(parts, from: PartStore(context.lash))
            }
            let job = try await session.submit(request)
            let isInterrupted = Mutex(false)
            do {
                let nodes = try await Interrupts.during {
                    try await wait(for: job, request, session, context) { isInterrupted.withLock { $0 } }
                } onInterrupt: {
                    isInterrupted.withLock { $0 = true }
                }
                try await broadcast(parts, to: nodes, login, session, connector, context)
                return nodes
            } catch {
                try? await session.release(SlurmAllocation(job: job, nodes: [], lash: ""))
                throw error
            }
        }
    }

    private static func wait(
        for job: Int, _ request: SlurmRequest, _ session: HostSession, _ context: Context,
        isInterrupted: @Sendable () -> Bool
    ) async throws -> SlurmAllocation {
        let title = "waiting for \(Amounts.count(request.count, "node")) of Slurm (job \(job))"
        let stage = Stage(context.terminal, title)
        var (pause, told) = (0.2, "")
        while true {
            switch try await session.nodes(of: job, request) {
            case .kept(let nodes):
                stage.end()
                return nodes
            case .waiting(let reason) where SlurmTools.isForEver(reason):
                stage.abandon()
                throw EngineFailure(
                    "Slurm does not give nodes", cause: "\(Amounts.count(request.count, "node")): \(reason)",
                    fix:
                        "sinfo shows what this cluster has, --partition names another part of it; --node-time asks for less, --account and --qos say whose limits hold",
                    .resources)
            case .waiting(let reason):
                if reason != told, reason != "None" { context.terminal.say("\(title): \(reason)") }
                told = reason
            case .gone(let state):
                stage.abandon()
                throw EngineFailure(
                    "Slurm has ended the job \(job), which was to keep nodes", cause: state,
                    fix: "sinfo shows what this cluster has", .resources)
            }
            if isInterrupted() {
                stage.abandon()
                throw UsageFailure("interrupted: the nodes are not wanted any more")
            }
            try await Task.sleep(for: .seconds(pause))
            pause = min(10, pause * 1.5)
        }
    }

    private static func broadcast(
        _ parts: [Part], to nodes: SlurmAllocation, _ login: Host, _ session: HostSession, _ connector: HostConnector,
        _ context: Context
    ) async throws {
        var places: [Part: (file: String, extents: String)]?
        if login.isLocal {
            let store = PartStore(context.lash)
            places = [:]
            for part in parts { places?[part] = (try store.whole(part), store.extentsPath(of: part.digest)) }
        }
        let stage = Stage(context.terminal, "broadcasting to \(Amounts.count(nodes.nodes.count, "node"))")
        do {
            try await session.broadcast(parts, places: places, to: nodes, connector.runtime)
            stage.end(Amounts.bytes(parts.reduce(connector.runtime.size) { $0 + $1.size }))
        } catch let failure as HostFailure where failure.exitCode == .resources {
            stage.abandon()
            let cause = failure.cause ?? failure.summary
            context.terminal.say("each node is sent its own, since Slurm does not broadcast: \(cause)")
        }
    }
}
