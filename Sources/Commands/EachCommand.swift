internal import Failures
internal import Files
internal import Hosts
internal import Parts
internal import Plan
internal import Terminal

let eachCommand = CommandSpec(
    name: "each", about: "run one command for each of several files",
    arguments: [
        .init(
            name: "COMMAND",
            about:
                "what to run, in quotes: {each} is the file, {name} its name without its ending, {out} what it makes",
            completes: .nothing),
        .init(name: "FILE", about: "the files; one that begins with a dash after --", mayRepeat: true),
    ],
    options: [
        .init(
            name: "--needs", value: "PACKAGE", about: "a Debian package that the command needs; repeat it for more",
            mayRepeat: true, completes: .nothing),
        .init(
            name: "--out", value: "NAME",
            about: "make a file for each instead of showing what is printed: '{name}.jpg'",
            completes: .nothing),
        .init(name: "--results", value: "FOLDER", about: "where the files go that --out names (results)"),
        .init(
            name: "--jobs", value: "N", about: "how many run side by side (as many as there are processors)",
            completes: .nothing),
        .init(name: "--host", value: "NAME", about: "run there: a host of “las host list”", completes: .hosts),
        .init(
            name: "--fresh", about: "run everything, also what has been done before and would come out the same",
            completes: .nothing),
        RunSandbox.option,
        .init(name: "--update", about: "take the newest packages, not those of the last time", completes: .nothing),
        .init(name: "--save", value: "FILE", about: "write it down as a metro, and run nothing"),
        .init(name: "--dry-run", about: "show the commands, and run nothing", completes: .nothing),
    ],
    examples: [
        ("las each 'wc -w {each}' *.txt", "counts the words of each text"),
        (
            "las each 'convert {each} -resize 800 {out}' photos/*.jpg --needs imagemagick --out '{name}.png'",
            "makes results/NAME.png of each photograph, with a program that needs not be installed"
        ),
        ("las each 'wc -w {each}' *.txt --save metro.yml", "writes it down, to go on from there"),
    ],
    details: """
        What each command prints is shown in the order of the files, as soon as it and those before it are done; the path of its
        file in it is shown as you gave it. A command that does not name {each} gets the file at its end. It runs in the sandbox of
        every station: it sees its file, the needs and a small base, and nothing else of this machine. When one fails the others go
        on; las says which, and ends with exit code 1.
        """
) { invocation, context in
    let each = try EachMetro(
        command: invocation.arguments[0], files: Array(invocation.arguments.dropFirst()),
        needs: invocation.values("--needs"), out: invocation.value("--out"))
    if let file = invocation.value("--save") {
        try each.save(to: file)
        let here = File.name(of: file) == "metro.yml" ? File.parent(of: file) : file
        let metro = ["", "."].contains(here) || file == "metro.yml" ? "" : " " + Shown.word(here)
        context.terminal.say("\(Shown.whole(file)) holds the metro. Next: las run\(metro)")
        return .done
    }
    let results = each.out.map { _ in Context.absolute(invocation.value("--results") ?? "results") }
    if let results { try Folder.checkPlace(results) }
    if results == nil, invocation.has("--results") {
        throw UsageFailure(
            "--results is for what --out names", fix: "name the files that are made: --out '{name}.txt'")
    }
    let jobs = try EachOptions.jobs(invocation)
    let isUnsandboxed = try RunSandbox.isOff(invocation)
    if isUnsandboxed, invocation.has("--host") {
        throw UsageFailure(
            "--sandbox off is for commands that run on this machine", fix: "leave it out, or leave --host out")
    }
    if invocation.has("--dry-run") {
        for line in try each.commands(context) { context.terminal.print(line) }
        return .done
    }
    let host = try invocation.value("--host").map { try HostList.read(context.lash).host(named: $0) }
    let hold = try context.holdStore()
    defer { hold.release() }
    let material = try await each.material(context, anew: invocation.has("--update"))
    let run = EachRun(
        context: context, metro: each, material: material, results: results, jobs: jobs,
        isFresh: invocation.has("--fresh"), isUnsandboxed: isUnsandboxed, hold: hold)
    guard let host else {
        return try await context.connector().withSession(to: .local) { session in
            _ = try await session.ship(material.parts, from: PartStore(context.lash))
            return try await run.run(on: .local, session)
        }
    }
    return try await Deployment.connect(try context.connector(), host, context) { session in
        try await Deployment.ship(material, to: host, session, context)
        return try await run.run(on: host, session)
    }
}

private enum EachOptions {
    static func jobs(_ invocation: Invocation) throws -> Int? {
        guard let text = invocation.value("--jobs") else { return nil }
        guard let number = Int(text), (1...65536).contains(number) else {
            throw UsageFailure("--jobs is a number from 1 to 65536, not “\(Shown.text(text))”", fix: "--jobs 2")
        }
        return number
    }
}
