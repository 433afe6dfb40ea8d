internal import Failures
internal import Hosts
internal import Parts

let runCommand = CommandSpec(
    name: "run", about: "run a metro here",
    arguments: [
        .init(
            name: "METRO-OR-BUNDLE",
            about: "the folder that holds metro.yml, or a bundle; the current folder when left out",
            isOptional: true, completes: .metro)
    ],
    options: RunOptions.all + [RunSandbox.option],
    examples: [
        ("las run my-metro", "packs what is needed, runs it, and puts the results into results/"),
        ("las run my-metro --map", "with the subway map, on which the stations turn green"),
        ("las run my-metro.las --results out --cpus 4", "a bundle, with other results and at most four processors"),
    ],
    details: "Ctrl-C stops the run kindly; what had been made by then is among the results."
) { invocation, context in
    let given = invocation.arguments.first ?? "."
    try RunOptions.check(invocation)
    let isUnsandboxed = try RunSandbox.isOff(invocation)
    if invocation.has("--dry-run") {
        try await DryRun(given, invocation, on: ["local"], context).tell(context.terminal)
        return .done
    }
    let hold = try context.holdStore()
    defer { hold.release() }
    let material = try await RunMaterial.prepare(
        given, inputs: try InputOption.values(invocation, context), context)
    var following = try RunOptions.following(invocation, context, material, hold)
    following.isUnsandboxed = isUnsandboxed
    // What lies on a server, too, is led from here.
    if material.hasServers(context.lash) {
        if isUnsandboxed {
            throw UsageFailure(
                "a metro with a workspace on an FTP server runs as over several hosts, where tasks are always kept apart",
                fix: "leave “--sandbox off” out")
        }
        return try await Deployment.overSeveral(
            [.local], material, following, try context.connector(), width: Fleet.usualWidth, detaching: false, context)
    }
    return try await context.connector().withSession(to: .local) { session in
        _ = try await session.ship(material.parts, from: PartStore(context.lash))
        return try await following.run(on: .local, session, tethered: true)
    }
}
