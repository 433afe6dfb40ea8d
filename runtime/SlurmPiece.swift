internal import Digests
internal import Engines
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Unpacking

/// The process of a run whose steps Slurm runs, on the machine that its jobs are submitted from: it submits, looks at what is
/// recorded, and keeps the run's journal. What it is asked by signals it asks of Slurm.
///
/// The jobs do not need it: where it is killed they go on, and who resumes the run finds what they did.
final class SlurmPiece: DistributedEngine {
    private let start: RunStart
    private let folder: RunFolder
    private let lash: LASH
    private let journal: Journal
    private let options: SlurmOptions
    private let tools: SlurmTools
    private let steps: StepFolder
    private var recorded: [RunEvent]
    private var isHeld = false
    /// Why jobs are held back, as the journal has it.
    private var told: Set<String> = []

    /// Seconds for which a step's job must be gone before its step counts as lost: what it recorded may not be seen at once.
    private static let grace = 15
    /// Seconds between two looks at the queue.
    private static let queuePause = 5

    /// - Parameters:
    ///   - folder: made, with its start.json.
    ///   - journal: held by this process.
    init(_ start: RunStart, folder: RunFolder, in lash: LASH, journal: Journal) throws {
        (self.start, self.folder, self.lash, self.journal) = (start, folder, lash, journal)
        recorded = journal.recorded
        options = try SlurmOptions(start.cluster?.options ?? [:])
        tools = try SlurmTools(environment: Bundles.environment())
        steps = try StepFolder(folder.path, run: start.run, metro: start.metro.digest) {
            guard let path = RelativePath("plan.json") else { return [] }
            return try ImageReader(start.metro.path, offset: start.metro.offset).read(path, atMost: 256 << 20)
        }
    }

    /// Runs it to its end, which is the journal's `runEnded` in every case.
    static func perform(_ start: RunStart, folder: RunFolder, in lash: LASH, journal: Journal) -> ExitCode {
        RunSignals.block()
        do {
            try File.write("\(getpid())\n", to: folder.pid, syncing: false)
            let piece = try SlurmPiece(start, folder: folder, in: lash, journal: journal)
            let end = try piece.perform()
            return end.succeeded == true ? .done : .stationsFailed
        } catch {
            let failure = error as? any Failure
            journal.append(.runEnded) {
                $0.succeeded = false
                $0.text = failure?.description ?? "\(error)"
                $0.exitCode = Int((failure?.exitCode ?? .resources).rawValue)
                $0.files = []
            }
            try? journal.commit()
            return failure?.exitCode ?? .resources
        }
    }

    private func perform() throws -> RunEvent {
        let submission = try prepare(try steps.readPlan())
        var known = StepAdvance.Known()
        // What is done stays done; what failed or was cancelled may be tried again.
        known.goesOn = !recorded.isEmpty
        if let end = try look(known).end { return end }
        try forgetEnded()
        try submit(submission)
        return try follow(submission) { _ in }
    }

    // MARK: As every engine

    func prepare(_ plan: Plan) throws(EngineFailure) -> SlurmSubmission {
        if let station = plan.stations.first(where: { !$0.secrets.isEmpty }) {
            throw EngineFailure(
                "the station \(station.id) needs the secret \(station.secrets[0]), and Slurm would write it down with its jobs",
                fix: "las manifest slurm writes scripts that hand on the variables of who starts them")
        }
        return try SlurmSubmission(
            plan, options, .init(program: program, work: folder.path, isBundle: false, isFollowed: true))
    }

    func submit(_ submission: SlurmSubmission) throws {
        try Folder.make(queue)
        for file in submission.files { try File.write(file.text, to: "\(queue)/\(file.name)") }
        do { try tools.submit(queue + "/submit.sh") } catch {
            // All or nothing: what is left to be done is not half there.
            try? cancel(submission)
            throw error
        }
    }

    func follow(_ submission: SlurmSubmission, tell: (RunEvent) -> Void) throws -> RunEvent {
        var lastQueue = time(nil)
        var goneSince: [String: Int] = [:]
        while true {
            let before = Self.milliseconds
            let standing = try look(.init())
            standing.events.forEach(tell)
            if let end = standing.end { return end }
            if start.failsFast ?? false, let failed = standing.events.first(where: { $0.kind == .taskFailed }) {
                return try end(submission, "the run was stopped, since \(failed.task?.name ?? "a task") failed")
            }
            let taken = Self.milliseconds - before
            if try wait(atLeast: max(500, min(5 * taken, 30_000)), submission) { return try end(submission, nil) }
            if time(nil) - lastQueue < Self.queuePause { continue }
            lastQueue = time(nil)
            if let end = try lookAtQueue(submission, &goneSince) { return end }
        }
    }

    func fetch(_ submission: SlurmSubmission, into target: String) throws {
        _ = try ResultFolder(target).take(from: folder.results)
    }

    func cancel(_ submission: SlurmSubmission) throws { try tools.cancel(jobs.values.flatMap(\.self)) }

    // MARK: Looking

    private func look(_ known: StepAdvance.Known) throws -> StepAdvance.Standing {
        let advance = StepAdvance(steps, engine: "slurm", reason: "its steps are jobs of Slurm")
        let standing = try advance.perform(known, journal: journal, after: recorded)
        recorded += standing.events
        return standing
    }

    /// Steps whose jobs Slurm has no more, and that nothing is recorded of, have failed.
    /// - Returns: the run's end, where nothing more can come.
    private func lookAtQueue(
        _ submission: SlurmSubmission, _ goneSince: inout [String: Int]
    ) throws -> RunEvent? {
        if let refused = try? File.read(queue + "/refused", atMost: 1 << 16) {
            let text = Shown.text(String(decoding: refused, as: UTF8.self), atMost: 300)
            return try end(submission, "Slurm did not take all of the run: \(text)")
        }
        let jobs = jobs
        guard let standing = tools.queue(jobs.values.flatMap(\.self)) else { return nil }
        let queued = standing.jobs
        for reason in standing.stuck.sorted() where told.insert(reason).inserted {
            recorded.append(
                journal.append(.note) {
                    $0.text =
                        "Slurm holds jobs of the run back until somebody changes something: \(reason); --step-time, --partition, --account and --qos say what jobs ask for"
                })
            try journal.commit()
        }
        var known = StepAdvance.Known()
        var isAnyQueued = false
        for (key, numbers) in jobs.sorted(by: { $0.key < $1.key }) {
            if numbers.contains(where: queued.contains) {
                isAnyQueued = true
                goneSince[key] = nil
                continue
            }
            let since = goneSince[key] ?? time(nil)
            goneSince[key] = since
            guard time(nil) - since >= Self.grace else { continue }
            if let station = submission.stations.first(where: { $0.key == key }) {
                known.goneStations.append(station.id)
            }
        }
        if !isAnyQueued {
            let since = goneSince[""] ?? time(nil)
            goneSince[""] = since
            if time(nil) - since >= Self.grace {
                // The job that was to go on was lost.
                goneSince[""] = nil
                let count = jobs.count
                try tools.submit(queue + "/submit.sh")
                if self.jobs.count == count { known.goneAll = true }
            }
        } else {
            goneSince[""] = nil
        }
        if known.goneStations.isEmpty, !known.goneAll { return nil }
        known.goneReason =
            "its job ended without a word: it was killed, took longer than it may, or its node was lost or does not see \(folder.path)"
        return try look(known).end
    }

    // MARK: Signals

    /// - Returns: whether the run is to end.
    private func wait(atLeast pause: Int, _ submission: SlurmSubmission) throws -> Bool {
        switch RunSignals.next(within: pause) {
        case SIGTERM, SIGINT, SIGHUP: return true
        case SIGUSR1: try hold(true)
        case SIGUSR2: try hold(false)
        default: break
        }
        return false
    }

    private func hold(_ wanted: Bool) throws {
        if wanted == isHeld { return }
        try tools.hold(jobs.values.flatMap(\.self), wanted)
        isHeld = wanted
        recorded.append(journal.append(wanted ? .runPaused : .runContinued))
        try journal.commit()
    }

    /// - Parameter text: why; nil where a person asked for it.
    private func end(_ submission: SlurmSubmission, _ text: String?) throws -> RunEvent {
        var known = StepAdvance.Known()
        known.cancels = true
        known.cancelReason = text
        let end = try look(known).end
        try cancel(submission)
        guard let end else { throw ExecutionFailure("the run could not be ended", place: folder.path) }
        return end
    }

    // MARK: Places

    private var queue: String { folder.path + "/slurm" }

    /// The numbers of the jobs, by what they are for.
    private var jobs: [String: [Int]] {
        var jobs: [String: [Int]] = [:]
        for name in (try? Folder.names(in: queue)) ?? [] where name.hasSuffix(".jobs") {
            let text = (try? File.read("\(queue)/\(name)", atMost: 1 << 22)) ?? []
            jobs[String(name.dropLast(5))] = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace)
                .compactMap { Int($0) }
        }
        return jobs
    }

    /// Before a run goes on: what was submitted and has ended may be submitted again.
    private func forgetEnded() throws {
        guard File.exists(queue) else { return }
        File.remove(queue + "/refused")
        let jobs = jobs
        let queued = tools.queue(jobs.values.flatMap(\.self))?.jobs ?? []
        for name in try Folder.names(in: queue) where name.hasSuffix(".claim") {
            let key = String(name.dropLast(6))
            if jobs[key]?.contains(where: queued.contains) ?? false { continue }
            try Folder.remove("\(queue)/\(name)")
            File.remove("\(queue)/\(key).jobs")
        }
    }

    /// This program where every node sees it: in LASH, or as a copy in the run's folder.
    private var program: String {
        let own = File.real("/proc/self/exe") ?? "/proc/self/exe"
        if own.begins(with: (File.real(lash.runtimes) ?? lash.runtimes) + "/") { return own }
        let copy = folder.path + "/las-runtime"
        if !File.exists(copy) { try? File.copy(own, to: copy, mode: 0o755) }
        return File.exists(copy) ? copy : own
    }

    private static var milliseconds: Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
    }
}
