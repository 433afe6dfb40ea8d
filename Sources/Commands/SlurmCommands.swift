internal import Engines
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Parts
internal import Plan
internal import Terminal
internal import Unpacking

let manifestSlurmCommand = CommandSpec(
    name: "manifest slurm", about: "write what sbatch takes to run a bundle in a Slurm cluster",
    arguments: [
        .init(
            name: "METRO-OR-BUNDLE",
            about: "a bundle, or the folder that holds metro.yml: its bundle is to be copied there",
            completes: .metro)
    ],
    options: SlurmWords.options + [
        .init(
            name: "--work", value: "FOLDER",
            about: "the run's folder there, which all nodes see (METRO-run, where the script is started)",
            completes: .nothing),
        .init(
            name: "--bundle", value: "FILE", about: "where the bundle will lie there, as all nodes see it (METRO.las)",
            completes: .nothing),
        .init(name: "--output", value: "FOLDER", about: "write the scripts as files, and not to the standard output"),
    ],
    examples: [
        ("las manifest slurm my-metro.las | ssh login sh", "with my-metro.las copied there before"),
        (
            "las manifest slurm my-metro.las --partition short --output jobs",
            "to be read, changed, and started by: sh jobs/submit.sh"
        ),
    ],
    details: """
        Nothing is sent anywhere. A station becomes an array of jobs, which wait for those of the stations that it takes; where
        nobody knows yet how many there are, a small job goes on when it is known. A last job gathers the results in the run's
        folder “results”.
        """
) { invocation, context in
    let given = invocation.arguments[0]
    let plan = try SlurmWords.plan(given)
    let isBundle = given.hasSuffix(".las")
    let submission = try SlurmSubmission(
        plan, try SlurmWords.options(invocation),
        .init(
            program: invocation.value("--bundle") ?? (isBundle ? given : "\(plan.metro).las"),
            work: invocation.value("--work") ?? "\(plan.metro)-run", isBundle: true, isFollowed: false))
    guard let output = invocation.value("--output") else {
        context.terminal.print(bytes: Array(submission.description.utf8))
        return .done
    }
    try Folder.make(output)
    for file in submission.files { try File.write(file.text, to: "\(output)/\(file.name)") }
    context.terminal.say(
        "\(Amounts.count(submission.files.count, "script")) in \(Shown.whole(output)); start submit.sh where sbatch is")
    return .done
}

/// What is said of a Slurm cluster on the command line.
enum SlurmWords {
    static let options: [CommandSpec.Option] = [
        .init(name: "--partition", value: "NAME", about: "Slurm: the partition of all jobs", completes: .nothing),
        .init(name: "--account", value: "NAME", about: "Slurm: whom the jobs are charged to", completes: .nothing),
        .init(name: "--qos", value: "NAME", about: "Slurm: the quality of service", completes: .nothing),
        .init(name: "--constraint", value: "LIST", about: "Slurm: features that nodes must have", completes: .nothing),
        .init(name: "--reservation", value: "NAME", about: "Slurm: a reservation to run in", completes: .nothing),
        .init(
            name: "--throttle", value: "N", about: "Slurm: as many steps of a station at a time, at most",
            completes: .nothing),
        .init(
            name: "--step-time", value: "TIME", about: "Slurm: what a step may take whose station says no time",
            completes: .nothing),
    ]

    /// Of `las deploy` only.
    static let nodeOptions: [CommandSpec.Option] = [
        .init(
            name: "--nodes", value: "N",
            about: "Slurm: keep so many whole nodes for the run, and give them its tasks; they need no shared folder",
            completes: .nothing),
        .init(
            name: "--node-time", value: "TIME", about: "Slurm: for how long they are kept, at most", completes: .nothing
        ),
        .init(
            name: "--node-folder", value: "DIR", about: "Slurm: a folder on their own disks (/tmp)", completes: .nothing
        ),
    ]

    static func options(_ invocation: Invocation) throws -> SlurmOptions {
        var words: [String: String] = [:]
        for name in SlurmOptions.names + SlurmOptions.nodeNames { words[name] = invocation.value("--" + name) }
        return try SlurmOptions(words)
    }

    /// Those of them that were given.
    static func given(_ invocation: Invocation) -> [String] {
        (SlurmOptions.names + SlurmOptions.nodeNames).map { "--" + $0 }.filter(invocation.has)
    }

    static func plan(_ given: String) throws -> Plan {
        guard File.status(given, follow: true)?.kind == .file, !given.hasSuffix(".yml"), !given.hasSuffix(".yaml")
        else { return try MetroSource.read(given).plan }
        let bundle = try BundleFile.open(given)
        let bytes = try ImageReader(bundle.path, offset: bundle.metro.offset).read(
            try Packing.path("plan.json"), atMost: 256 << 20)
        do { return try JSONText.decode(Plan.self, from: bytes) } catch {
            throw UsageFailure(
                "the plan of this bundle can't be read: another las has packed it", fix: "pack the metro with this las")
        }
    }
}

/// `las deploy --slurm HOST`: the run's process is on the host that jobs are submitted from; the host runs none of the tasks.
enum SlurmDeployment {
    static func run(
        _ given: String, _ invocation: Invocation, on name: String, _ context: Context
    ) async throws -> ExitCode {
        let options = try SlurmWords.options(invocation)
        // Of nodes that are kept las uses as many processors as it is told, as of hosts.
        for option in ["--host", "--label"] + (options.nodes == nil ? ["--cpus"] : []) where invocation.has(option) {
            throw UsageFailure("\(option) says nothing to Slurm", fix: "leave \(option) out")
        }
        try RunOptions.check(invocation)
        let cluster = ClusterStart(engine: "slurm", options: options.words)
        let host = name == Host.local.name ? .local : try HostList.read(context.lash).host(named: name)
        if invocation.has("--dry-run") {
            try await DryRun(given, invocation, on: [host.name], context).tell(context.terminal)
            return .done
        }
        let hold = try context.holdStore()
        defer { hold.release() }
        let material = try await RunMaterial.prepare(
            given, inputs: try InputOption.values(invocation, context), context)
        var following = try RunOptions.following(invocation, context, material, hold)
        if options.nodes != nil {
            (following.silence, following.limit) = (
                try Deployment.silence(invocation), try Deployment.limit(invocation)
            )
            return try await SlurmNodes.deploy(
                following, options, through: host, detaching: invocation.has("--detach"), context)
        }
        following.cluster = cluster
        following.isDetached = invocation.has("--detach")
        return try await Deployment.connect(try context.connector(), host, context) { [following] session in
            try await Deployment.ship(material, to: host, session, context)
            return try await following.run(on: host, session, tethered: false)
        }
    }
}
