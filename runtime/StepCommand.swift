internal import Digests
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
internal import Parts
internal import Plan
internal import Signatures
internal import Unpacking

/// `las-runtime step`: an engine's process for one item of a station, in a folder that all its machines see.
enum StepCommand {
    static let help = """
        step --work DIR --station NAME --number N [--bundle x.las] [--last] [--engine E] [--lash DIR]
            for engines: runs one item (from 0) of a station, with what those before left in DIR
        """

    /// What an engine sees of a step that was asked to end, as of one that a signal ended.
    static let interrupted: Int32 = 143

    /// - Returns: 0 done · 1 the station failed · 2, 5, 6 the step can't run here · 143 it was asked to end.
    static func run(_ arguments: [String]) throws -> Int32 {
        let arguments = try Arguments(
            arguments, valued: ["work", "station", "number", "bundle", "engine", "lash", "patience", "run"],
            flags: ["json", "last"])
        _ = try arguments.take()
        guard let work = arguments["work"], let station = arguments["station"] else {
            throw UsageFailure("step needs --work DIR, --station NAME and --number N")
        }
        guard let number = arguments["number"].flatMap(Int.init), number >= 0 else {
            throw UsageFailure("--number takes the number of a step, from 0")
        }
        let patience = try arguments["patience"].map { text in
            guard let seconds = Int(text), seconds >= 0 else { throw UsageFailure("--patience takes seconds") }
            return seconds
        }
        signal(SIGPIPE, SIG_IGN)
        let lash = try Bundles.lash(arguments)
        let metro = try StepMetro(arguments, in: lash)
        let folder = try StepFolder(
            Bundles.absolute(work), run: try StepMetro.run(arguments), metro: metro.digest, plan: metro.plan)
        var lines = RunLines()
        // A number, as in `advance --json`, is one of no name: names begin with letters.
        let names = try Int(station) == nil ? [] : TaskGraph(try folder.readPlan()).stationIDs
        let id = Int(station).flatMap { names.indices.contains($0) ? names[$0] : nil } ?? StationID(station)
        let step = StepRun(
            StepID(id, number), in: folder, metro.start(folder.about.run), lash: lash,
            isLast: arguments.has("last"), patience: patience ?? 30
        ) { event in
            if arguments.has("json") { RunLines.json(event) } else { lines.tell(event) }
        }
        switch try step.perform() {
        case .done: return ExitCode.done.rawValue
        case .wasDone:
            Output.note("\(Shown.whole(station)) \(number) is done already")
            return ExitCode.done.rawValue
        case .failed(let reason):
            Output.note("failed: \(Shown.whole(reason))")
            return ExitCode.stationsFailed.rawValue
        case .interrupted:
            Output.note("it was asked to end")
            return interrupted
        }
    }
}

/// `las-runtime advance`: how far the steps in a folder are, and what may start.
enum AdvanceCommand {
    static let help = """
        advance --work DIR [--bundle x.las] [--look] [--json] [--count STATION] [--gone STATION] [--cancel] [--again]
            for engines: writes the journal of the run in DIR (but with --look), tells what may start,
            gathers its results
        """

    static func run(_ arguments: [String]) throws -> ExitCode {
        let arguments = try Arguments(
            arguments, valued: ["work", "bundle", "lash", "run", "count", "gone", "why", "todo", "via", "engine"],
            flags: ["json", "events", "look", "shell", "cancel", "again"])
        _ = try arguments.take()
        guard let work = arguments["work"].map(Bundles.absolute) else { throw UsageFailure("advance needs --work DIR") }
        let folder: StepFolder
        if arguments["bundle"] == nil, File.exists(work + "/run.json") {
            folder = try StepFolder(work)
        } else {
            let metro = try StepMetro(arguments, in: try Bundles.lash(arguments))
            folder = try StepFolder(work, run: try StepMetro.run(arguments), metro: metro.digest, plan: metro.plan)
        }
        let known = try known(arguments, folder)
        let advance = StepAdvance(
            folder, engine: arguments["via"] ?? "steps", reason: "its steps are started one by one")
        let standing = arguments.has("look") ? try advance.look(known) : try advance.perform(known)
        if let station = arguments["count"] {
            guard let found = standing.stations.first(where: { $0.station.name == station }) else {
                throw UsageFailure("the metro has no station “\(Shown.text(station))”")
            }
            // Nothing is printed for what nobody knows yet.
            if let count = found.states?.count { Output.line("\(count)") }
        } else if let todo = arguments["todo"] {
            Output.line(try self.todo(todo, standing))
        } else if arguments.has("shell") {
            shell(standing)
        } else if arguments.has("events") {
            for event in standing.events { RunLines.json(event) }
        } else if arguments.has("json") {
            Output.line(JSONText.string(of: standing.json, indented: true))
        } else {
            tell(standing)
        }
        guard let end = standing.end else { return .done }
        return end.succeeded == true ? .done : .stationsFailed
    }

    /// Stations are named, or numbered as in `--json`: no name begins with a digit.
    private static func known(_ arguments: Arguments, _ folder: StepFolder) throws -> StepAdvance.Known {
        var known = StepAdvance.Known()
        known.cancels = arguments.has("cancel")
        known.goesOn = arguments.has("again")
        known.goneReason = arguments["why"]
        guard let gone = arguments["gone"] else { return known }
        if gone == "all" {
            known.goneAll = true
            return known
        }
        let names = try TaskGraph(try folder.readPlan()).stationIDs
        func station(_ word: Substring) -> StationID {
            if let number = Int(word), names.indices.contains(number) { return names[number] }
            return StationID(String(word))
        }
        for word in gone.split(separator: ",") {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false)
            if parts.count == 2, let number = Int(parts[1]) {
                known.gone.append(StepID(station(parts[0]), number))
            } else {
                known.goneStations.append(station(word))
            }
        }
        return known
    }

    /// `STATION:FIRST:SIZE`, numbers: which of so many steps are neither done nor lost for good, counted from the first.
    private static func todo(_ text: String, _ standing: StepAdvance.Standing) throws -> String {
        let numbers = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        guard numbers.count == 3, standing.stations.indices.contains(numbers[0]), numbers[1] >= 0, numbers[2] > 0 else {
            throw UsageFailure("--todo takes STATION:FIRST:SIZE, three numbers")
        }
        let states = standing.stations[numbers[0]].states ?? []
        let last = min(states.count, numbers[1] + numbers[2])
        let open = (numbers[1]..<max(numbers[1], last)).filter { [.ready, .waiting].contains(states[$0]) }
        return NumberRanges(open.map { $0 - numbers[1] }).text
    }

    /// For a shell to evaluate: nothing but numbers and words of ours.
    private static func shell(_ standing: StepAdvance.Standing) {
        for (number, station) in standing.stations.enumerated() {
            let isDone = station.states.map { $0.allSatisfy { $0 == .done } } ?? false
            Output.line("state_\(number)=\(station.isSkipped ? "skipped" : isDone ? "done" : "open")")
            guard let states = station.states else { continue }
            Output.line("count_\(number)=\(states.count)")
            if states.contains(where: { $0 != .ready && $0 != .waiting }) { Output.line("begun_\(number)=yes") }
        }
    }

    private static func tell(_ standing: StepAdvance.Standing) {
        for station in standing.stations {
            let name = Shown.whole(station.station.name)
            guard let states = station.states else {
                Output.line("\(name): \(station.isSkipped ? "skipped" : "not known yet")")
                continue
            }
            let parts = StationSteps.State.allCases.compactMap { state -> String? in
                let numbers = station.numbers(state)
                if numbers.isEmpty { return nil }
                return numbers.count == states.count
                    ? state.rawValue : "\(state.rawValue) \(NumberRanges(numbers).text)"
            }
            Output.line("\(name): \(Amounts.count(states.count, "step")), \(parts.joined(separator: "; "))")
        }
        if let end = standing.end {
            let why = end.text.map { ": \(Shown.whole($0))" } ?? ""
            Output.line(end.succeeded == true ? "the run is done" : "the run has failed\(why)")
        }
    }
}

/// The metro that an engine's steps are of: a bundle, or the container's.
struct StepMetro {
    let digest: Digest
    /// The text of its plan.
    let plan: () throws -> [UInt8]
    let start: (RunID) -> RunStart

    init(_ arguments: Arguments, in lash: LASH) throws {
        let engine = try arguments.engine()
        if arguments["bundle"] == nil, let work = arguments["work"].map(Bundles.absolute),
            File.exists(RunFolder(path: work).start)
        {
            // las has begun it, from parts that lie in its LASH.
            let begun = try RunFolder(path: work).readStart()
            digest = begun.metro.digest
            plan = {
                guard let path = RelativePath("plan.json") else { return [] }
                return try ImageReader(begun.metro.path, offset: begun.metro.offset).read(path, atMost: 256 << 20)
            }
            start = { _ in begun }
            return
        }
        if arguments["bundle"] == nil, let metro = try ContainerMetro.here() {
            let text = try File.read(ContainerRoot.metro + "/plan.json", atMost: 256 << 20)
            (digest, plan) = (Digest(of: text), { text })
            start = { ContainerRoot.start($0, environments: metro.environments, cpus: nil) }
            return
        }
        let bundle = try Bundles.open(arguments["bundle"])
        let verdict = try Trust(lash).admit(bundle.identity, bundle.signatures, in: bundle.path)
        try bundle.verifyOnce(in: lash)
        digest = bundle.metro.part.digest
        plan = {
            guard let path = RelativePath("plan.json") else { return [] }
            return try ImageReader(bundle.path, offset: bundle.metro.offset).read(path, atMost: 256 << 20)
        }
        start = { Bundles.start($0, bundle, verdict, engine: engine, in: lash) }
    }

    static func run(_ arguments: Arguments) throws -> RunID? {
        try arguments["run"].map { text in
            guard let run = RunID(text) else { throw UsageFailure("“\(Shown.text(text))” is no name of a run") }
            return run
        }
    }
}
