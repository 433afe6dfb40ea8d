internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Parts
internal import Synchronization
internal import Terminal

/// One run on one host: parts shipped, started, followed, its results brought back.
struct Following {
    let context: Context
    let material: RunMaterial
    /// Where results go.
    let results: String
    let cpus: Int?
    let engine: String?
    /// Tasks are not kept apart.
    var isUnsandboxed = false
    /// Nothing is taken from earlier runs.
    let isFresh: Bool
    /// A failure ends the run.
    let failsFast: Bool
    /// Seconds without a sign of a host, after which its tasks go to others.
    var silence = 30.0
    /// How many bytes a second may be sent, to all hosts together; nil for all that goes.
    var limit: Int64?
    /// Prints each event as a line of JSON.
    let printsEvents: Bool
    /// Let go when the run has begun, which says itself what it uses.
    let hold: StoreHold
    /// Draws the run on the map.
    let hasMap: Bool
    /// What the stations may know.
    let secrets: [String: String]
    /// Who runs the steps; nil for the host.
    var cluster: ClusterStart?
    /// It is started, and left going on.
    var isDetached = false

    /// - Returns: exit code 0 or 1, by how the run ended.
    func run(on host: Host, _ session: HostSession, tethered: Bool) async throws -> ExitCode {
        let run = RunID(for: material.metro)
        var start = Start(
            run: run, parts: material.parts, cpus: cpus, tethered: tethered, engine: engine,
            isFresh: isFresh, failsFast: failsFast, bundle: material.bundle, results: results, secrets: secrets)
        start.labels = host.labels.isEmpty ? nil : host.labels
        start.cluster = cluster
        start.sandbox = isUnsandboxed ? "off" : nil
        try await session.start(start)
        try ElsewhereRun.begin(run, on: host, self)
        hold.release()
        let place = (cluster.map { " by \($0.words)" } ?? "") + (host.isLocal ? "" : " on \(host.name)")
        context.terminal.say("running \(run)\(place)")
        if isDetached {
            context.terminal.print(run.name)
            context.terminal.say("it goes on by itself: las attach \(run)")
            return .done
        }
        let map = hasMap ? material.readPlan(context.lash).map { RunMap(run, $0, context) } : nil
        return try await FollowedRun(context: context, results: results, printsEvents: printsEvents, map: map).follow(
            run, on: host, session)
    }
}

/// Options that `run` and `deploy` share.
enum RunOptions {
    static let all: [CommandSpec.Option] = [
        InputOption.option,
        .init(name: "--results", value: "FOLDER", about: "where the results go (results)"),
        .init(
            name: "--cpus", value: "N", about: "how many processors the run may use (all of them)",
            completes: .nothing),
        .init(
            name: "--engine", value: "NAME",
            about: "kernel, fuse, extraction or proot: how the images are reached (the best that works)",
            completes: .oneOf(["kernel", "fuse", "extraction", "proot"])),
        .init(
            name: "--fresh", about: "run everything, also what has been done before and would come out the same",
            completes: .nothing),
        .init(
            name: "--fail-fast", about: "end the run when a task has failed with all its attempts", completes: .nothing),
        .init(
            name: "--keep-going", about: "run all that does not depend on what failed (as it is anyway)",
            completes: .nothing),
        .init(name: "--map", about: "draw the metro's map, and on it how far the run is", completes: .nothing),
        .init(
            name: "--json", about: "print what happens as JSON, an event a line, for scripts", completes: .nothing),
        .init(name: "--dry-run", about: "show what would run, and run nothing", completes: .nothing),
    ]

    /// - Parameter secrets: whether the stations get those that are kept here.
    static func following(
        _ invocation: Invocation, _ context: Context, _ material: RunMaterial, _ hold: StoreHold, secrets: Bool = true
    ) throws -> Following {
        Following(
            context: context, material: material, results: Context.absolute(invocation.value("--results") ?? "results"),
            cpus: try cpus(invocation), engine: invocation.value("--engine"), isFresh: invocation.has("--fresh"),
            failsFast: invocation.has("--fail-fast"),
            printsEvents: invocation.has("--json"), hold: hold, hasMap: invocation.has("--map"),
            secrets: secrets ? try context.secrets(of: material) : [:])
    }

    /// Wrong values are told before anything is packed.
    static func check(_ invocation: Invocation) throws {
        try Folder.checkPlace(Context.absolute(invocation.value("--results") ?? "results"))
        _ = try cpus(invocation)
    }

    static func cpus(_ invocation: Invocation) throws -> Int? {
        guard let text = invocation.value("--cpus") else { return nil }
        guard let number = Int(text), (1...65536).contains(number) else {
            throw UsageFailure("--cpus is a number of processors from 1 to 65536, not “\(text)”", fix: "--cpus 2")
        }
        return number
    }
}

extension ClusterStart {
    /// As its makers call it.
    var words: String { engine == "slurm" ? "Slurm" : "Kubernetes" }
}
