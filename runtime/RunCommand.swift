internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Parts
internal import Signatures
internal import Threads

/// `x.las run`: runs the bundle that the runtime stands in front of, here and now.
enum RunCommand {
    static let help = """
        run [--results DIR] [--fresh] [--fail-fast] [--cpus N] [--engine kernel|fuse|extraction|proot] [--sandbox off] [--lash DIR] [--json]
            runs the metro here; its results are put into DIR (./results). What is done already, and
            would come out the same, is not run again; with --fresh it is. With --sandbox off tasks are
            not kept apart: only for a metro that you trust as you trust yourself
        """

    /// - Returns: the exit code.
    static func run(_ arguments: [String]) throws -> ExitCode {
        let arguments = try Arguments(
            arguments, valued: ["results", "cpus", "engine", "sandbox", "lash", "run"],
            flags: ["json", "fresh", "fail-fast", "keep-going"])
        if try arguments.only == nil, let metro = try ContainerMetro.here() { return try metro.run(arguments) }
        if arguments["run"] != nil {
            throw UsageFailure("only inside a container a run is given a name", fix: "leave --run out")
        }
        Ladder.prepare()
        let bundle = try Bundles.open(try arguments.only)
        let lash = try Bundles.lash(arguments)
        let target = arguments["results"] ?? "results"
        try Folder.checkPlace(Bundles.absolute(target))
        // A reader that goes away (`| head`) does not end the run.
        signal(SIGPIPE, SIG_IGN)
        let (cpus, engine, asJSON) = (try arguments.cpus(), try arguments.engine(), arguments.has("json"))
        let verdict = try Trust(lash).admit(bundle.identity, bundle.signatures, in: bundle.path)
        if BundleStamp(bundle, in: lash)?.isRecorded != true {
            Output.note(
                "checking \(Amounts.bytes(bundle.partsSize)) of \(Shown.whole(bundle.metro.part.name)) (at its first use)"
            )
        }
        try bundle.verifyOnce(in: lash)
        var start = Bundles.start(RunID(for: bundle.metro.part.name), bundle, verdict, engine: engine, in: lash)
        (start.cpus, start.results) = (cpus, Bundles.absolute(target))
        start.isFresh = arguments.has("fresh") ? true : nil
        start.isUnsandboxed = try arguments.isUnsandboxed() ? true : nil
        start.failsFast = arguments.has("fail-fast") ? true : nil
        return try perform(start, in: lash, asJSON: asJSON, results: target)
    }

    /// Runs to the end, and puts the results into their folder.
    static func perform(_ start: RunStart, in lash: LASH, asJSON: Bool, results target: String) throws -> ExitCode {
        Ladder.begin(start, in: lash)
        let folder = RunFolder(start.run, in: lash)
        let hold = try StoreHold(lash) {}
        try folder.make(for: start)
        hold.release()
        return try goOn(start, in: lash, asJSON: asJSON, results: target)
    }

    /// Runs, or goes on with a run whose folder is there.
    static func goOn(_ start: RunStart, in lash: LASH, asJSON: Bool, results target: String) throws -> ExitCode {
        let folder = RunFolder(start.run, in: lash)
        let journal = try Journal(folder.journal)
        var lines = RunLines()
        // A station's secret is the variable of that name that this program was started with.
        let piece = Piece(start, folder: folder, in: lash, journal: journal) { getenv($0).map { String(cString: $0) } }
        let ended = piece.perform { event in
            if asJSON { RunLines.json(event) } else { lines.tell(event) }
        }
        let list = RunList(lash)
        // Beside the copying.
        let clearing = ended.succeeded ? try? OwnThread { try? list.leaveMade(of: start.run) } : nil
        let count: Int
        do {
            defer { clearing?.join() }
            count = try ResultFolder(target).take(from: folder.results)
        }
        if ended.succeeded {
            try? list.leaveRecord(of: start.run)
            list.prune()
        } else {
            Output.note("what it printed is in \(folder.logs)")
            Output.note("what is done is kept: “resume \(start.run)” goes on from there")
        }
        if count > 0 { Output.note("\(count) \(count == 1 ? "result" : "results") in \(target)") }
        return ended.exitCode
    }
}

/// Bundles, and the LASH to run them with.
enum Bundles {
    /// - Parameter path: nil for the one that this program stands in front of.
    static func open(_ path: String?) throws -> BundleFile {
        if let path { return try BundleFile.open(path) }
        guard let own = realpath("/proc/self/exe", nil) else { throw FileFailure("find", "/proc/self/exe") }
        defer { free(own) }
        do { return try BundleFile.open(String(cString: own)) } catch {
            guard File.name(of: String(cString: own)).hasPrefix("las-runtime") else { throw error }
            throw UsageFailure("this is the runtime without a bundle", fix: "name one: las-runtime run NAME.las")
        }
    }

    /// How a run of a bundle begins, whose parts were checked.
    static func start(
        _ run: RunID, _ bundle: BundleFile, _ verdict: Trust.Verdict, engine: Engine?, in lash: LASH
    ) -> RunStart {
        func location(_ placed: PlacedPart) -> ImageLocation {
            ImageLocation(path: bundle.path, offset: placed.offset, size: placed.part.size, digest: placed.part.digest)
        }
        let environments = bundle.parts.filter { $0.part.kind == .environment }
        return RunStart(
            run: run, metro: location(bundle.metro),
            environments: Dictionary(uniqueKeysWithValues: environments.map { ($0.part.name, location($0)) }),
            engine: engine, isStranger: !PackedHere(lash).has(bundle.metro.part.digest), isSigned: verdict.isTrusted)
    }

    static func lash(_ arguments: Arguments) throws -> LASH {
        let lash = arguments["lash"].map { LASH(root: absolute($0)) } ?? LASH.ofUser(environment: environment())
        do { try Folder.make(lash.root, mode: 0o755) } catch {
            throw UsageFailure(
                "can't use \(lash.root) as the home of las: \(error.cause ?? "")",
                fix: "name a folder of your own: --lash DIR, or the variable LASH")
        }
        return lash
    }

    static func environment() -> [String: String] {
        var found: [String: String] = [:]
        for name in ["LASH", "HOME", "PATH", "USER", "LOGNAME", "SHELL", "SLURM_CONF"] {
            if let value = getenv(name) { found[name] = String(cString: value) }
        }
        return found
    }

    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let here = getcwd(nil, 0) else { return path }
        defer { free(here) }
        return String(cString: here) + "/" + path
    }
}
