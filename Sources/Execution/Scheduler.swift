internal import CLinux
internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Sandbox
internal import Threads

/// Runs the tasks of a plan: each as soon as what it takes is there and the host has room for it.
///
/// One thread that decides and records, and a crew of others, one for each task that runs; a failure stops only what depends
/// on it.
final class Scheduler {
    let run: RunFolder
    let plan: Plan
    let journal: Journal
    let capacity: Capacity
    private let around: RunningTask.Surroundings
    private let poller: Poller
    var graph: TaskGraph
    var waiting: TaskQueue
    private var running: [UInt64: RunningTask] = [:]
    private var free: Capacity
    private var settlingCount = 0
    private var nextNumber: UInt64 = 1
    private var toldStations: [StationID: Int] = [:]
    private var made: [ExactText: RunEvent.File] = [:]
    let images: ReachedImages
    let reuse: Reuse
    var recalling: Recalling?
    var resuming: Resuming
    /// What the tasks are known by that wait, run, or rest.
    var keys: [TaskID: Digest] = [:]
    var madeDigests = MadeDigests()
    /// What is to be known of them afterwards.
    var pasts: [TaskID: TaskHistory.Past] = [:]
    let stations: [StationID: PlannedStation]
    private var failures = 0
    private var resting: RestingTasks
    /// By a person, or by a failure where that ends the run.
    private(set) var isCancelled = false
    /// What is said of what was ended by that.
    private var stopped = Scheduler.cancelled
    private let failsFast: Bool
    private var isPaused = false
    private let crew: Crew
    private let syncing: JournalSync
    /// What the crew tells: that a task of this number is settling, or that it has ended.
    private let inbox = Monitor([(number: UInt64, past: RunningTask.Past?)]())
    private let told: (read: Int32, write: Int32)
    private let cancelling: (read: Int32, write: Int32)
    private let recalled: (read: Int32, write: Int32)
    private let signals: Int32
    private let tether: Int32?
    private let follow: (RunEvent) -> Void

    /// What the end of a cancelled run says.
    static let cancelled = "the run was cancelled"

    private enum Token {
        static let told: UInt64 = 0
        static let signals: UInt64 = 1
        static let tether: UInt64 = 2
        static let recalled: UInt64 = 3
    }

    /// - Parameters:
    ///   - reuse: what is kept of earlier runs, and what tells whether it fits.
    ///   - resuming: what this run has done before.
    ///   - tether: a descriptor whose end cancels the run.
    ///   - follow: told of each event after it was recorded.
    init(
        _ plan: Plan, run: RunFolder, journal: Journal, images: ReachedImages, reuse: Reuse,
        resuming: Resuming, failsFast: Bool, capacity: Capacity, signals: Int32, tether: Int32?,
        follow: @escaping (RunEvent) -> Void
    ) throws(ExecutionFailure) {
        (self.plan, self.run, self.journal, self.capacity, free) = (plan, run, journal, capacity, capacity)
        (self.signals, self.tether, self.follow) = (signals, tether, follow)
        (self.images, self.reuse, self.resuming, self.failsFast) = (images, reuse, resuming, failsFast)
        waiting = TaskQueue(plan)
        resting = RestingTasks(failures: resuming.recorded.failures)
        stations = Dictionary(plan.stations.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        do { graph = try TaskGraph(plan) } catch { throw ExecutionFailure(error) }
        poller = try Poller()
        (told, recalled, cancelling) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
        around = RunningTask.Surroundings(
            run: run, sandbox: TaskSandbox(images: images, made: run.made), cancelling: cancelling.read,
            store: reuse.store, isFresh: reuse.isFresh,
            folders: WorkFolders(run.tasks))
        // Those that run, and twice as many whose outputs are looked at.
        crew = Crew(atMost: 3 * capacity.cpus + 1)
        syncing = try JournalSync(journal, run: run)
        try poller.add(told.read, token: Token.told)
        try poller.add(recalled.read, token: Token.recalled)
        try poller.add(signals, token: Token.signals)
        if let tether { try poller.add(tether, token: Token.tether) }
    }

    deinit {
        endAll()
        for pair in [told, recalled, cancelling] {
            close(pair.read)
            close(pair.write)
        }
    }

    private static func pipe() throws(ExecutionFailure) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 1) != 0 { throw .system("can't make a pipe") }
        return (ends[0], ends[1])
    }

    /// - Returns: whether all stations succeeded.
    func perform() throws(ExecutionFailure) -> Bool {
        recalling = try reuse.begin(run: run, tell: recalled.write)
        defer { endAll() }
        try startReady()
        while !running.isEmpty || !resting.isEmpty || recalling?.open ?? 0 > 0 || isPaused && !waiting.isEmpty {
            for ready in try poller.wait(until: resting.due.min()) { try handle(ready) }
            waiting.add(resting.takeRested(by: Clock.monotonic))
            // What is done is recorded before anything builds upon it.
            try record()
            try startReady()
        }
        endAll()
        return failures == 0 && !isCancelled && graph.isFinished
    }

    /// Nothing runs any more when this returns, and what is recorded is on the disk.
    private func endAll() {
        if !running.isEmpty { endTasks() }
        crew.end()
        recalling?.end()
        recalling = nil
        syncing.end()
    }

    var wasCancelled: Bool { isCancelled && stopped == Self.cancelled }
    var results: [TaskGraph.Result] { graph.results }
    var leftOut: [TaskGraph.LeftOutFiles] { graph.leftOut }
    func madeFile(_ path: String) -> RunEvent.File? { made[ExactText(path)] }

    private func handle(_ ready: Poller.Ready) throws(ExecutionFailure) {
        switch ready.token {
        case Token.told:
            var bytes = [UInt8](repeating: 0, count: 256)
            while read(told.read, &bytes, bytes.count) == bytes.count {}
            let messages = inbox.change { messages in
                defer { messages.removeAll(keepingCapacity: true) }
                return messages
            }
            for (number, past) in messages {
                guard let task = running[number] else { continue }
                if let past { try ended(task, past) } else { settles(task) }
            }
        case Token.recalled:
            var bytes = [UInt8](repeating: 0, count: 256)
            while read(recalled.read, &bytes, bytes.count) > 0 {}
            takeRecalled()
        case Token.signals:
            while true {
                switch las_next_signal(signals) {
                case 0: return
                case SIGUSR1: pause(true)
                case SIGUSR2: pause(false)
                default: cancel()
                }
            }
        case Token.tether:
            var bytes = [UInt8](repeating: 0, count: 256)
            if let tether, read(tether, &bytes, bytes.count) <= 0 {
                poller.remove(tether)
                cancel()
            }
        default: break
        }
    }

    private func pause(_ wanted: Bool) {
        guard wanted != isPaused, !isCancelled else { return }
        isPaused = wanted
        tell(wanted ? .runPaused : .runContinued)
    }

    private func cancel() {
        isCancelled = true
        waiting.removeAll()
        for task in resting.takeAll() { fail(task, stopped) }
        endTasks()
    }

    private func endTasks() {
        var byte: UInt8 = 0
        _ = write(cancelling.write, &byte, 1)
    }

    // MARK: Starting

    private func startReady() throws(ExecutionFailure) {
        var isMore = !isCancelled
        while isMore {
            let ready = waiting.ordered(graph.takeReady())
            // What is done makes others ready.
            isMore = false
            for task in ready {
                if takeRecorded(task) { isMore = true } else { ask(task) }
            }
        }
        try tellStations()
        while !isCancelled, !isPaused, let task = waiting.takeFirst(where: { free.holds($0.uses) }, until: { isFull }) {
            try start(task)
        }
        try record()
    }

    /// In a container the paths that tasks use are those of one task at a time.
    private var isFull: Bool {
        free.cpus == 0 || images.engine == .container && running.values.contains(where: \.hasRoom)
    }

    private func start(_ task: PlannedTask) throws(ExecutionFailure) {
        let number = nextNumber
        nextNumber += 1
        tell(.taskStarted, task) {
            $0.command = task.command.shown
            $0.seed = task.seed
            $0.key = pasts[task.id]?.parts
        }
        let started = RunningTask(
            task, number: number, attempt: resting.attempt(of: task), key: keys[task.id], in: around)
        running[number] = started
        free.take(task.uses)
        let (inbox, told) = (inbox, told.write)
        @Sendable func say(_ past: RunningTask.Past?) {
            let isFirst = inbox.change { messages in
                messages.append((number, past))
                return messages.count == 1
            }
            var byte: UInt8 = 0
            if isFirst { _ = write(told, &byte, 1) }
        }
        do throws(OwnThread.Refused) {
            try crew.perform { say(started.perform { say(nil) }) }
        } catch { throw ExecutionFailure(error) }
    }

    // MARK: Ending

    /// The next one starts while this one's outputs are looked at, but not without bound.
    private func settles(_ task: RunningTask) {
        task.isSettling = true
        settlingCount += 1
        if settlingCount <= 2 * capacity.cpus { giveRoom(of: task) }
    }

    private func ended(_ running: RunningTask, _ past: RunningTask.Past) throws(ExecutionFailure) {
        let task = running.task
        if running.isSettling { settlingCount -= 1 }
        remove(running)
        switch past.outcome {
        case .failed(let failed): fail(task, failed, past)
        case .checked(let objection):
            let note: String?
            do { note = try graph.checked(task.id, objection: objection) } catch {
                return fail(task, .init(reason: error.summary), past)
            }
            pasts[task.id]?.outcome = .done
            keys[task.id] = nil
            tell(.taskDone, task) {
                $0.text = objection
                $0.files = []
                past.fill(&$0)
            }
            if let note { tell(.note) { $0.text = note } }
        case .done(let outputs, let turn):
            do { try graph.finished(task.id, made: outputs.made, turn: turn) } catch {
                // A failure is tried anew each time.
                keys[task.id].map(reuse.store.forget)
                let reason = error.summary + (error.cause.map { ": \($0)" } ?? "")
                return fail(task, .init(reason: reason, end: .exited(0), mayRetry: false), past)
            }
            compare(task, outputs.entries)
            take(outputs.entries, of: task)
            syncing.add(outputs.entries, of: task)
            tell(.taskDone, task) {
                $0.files = outputs.files
                $0.unmet = turn?.unmet
                past.fill(&$0)
            }
        }
    }

    /// Records what a task made, for those that take it.
    func take(_ entries: [MadeEntry], of task: PlannedTask) {
        keys[task.id] = nil
        pasts[task.id]?.outcome = .done
        for entry in entries { made[ExactText(task.made + "/" + entry.path)] = entry.file }
        madeDigests.add(task, MadeEntry.digest(of: entries))
    }

    private func giveRoom(of task: RunningTask) {
        if task.hasRoom { free.give(task.task.uses) }
        task.hasRoom = false
    }

    private func remove(_ task: RunningTask) {
        running[task.number] = nil
        giveRoom(of: task)
    }

    private func fail(_ task: PlannedTask, _ failed: RunningTask.Failed, _ past: RunningTask.Past) {
        func fill(_ event: inout RunEvent) {
            switch failed.end {
            case .exited(let code): event.exitCode = Int(code)
            case .signaled(let signal): event.signal = Int(signal)
            case nil: break
            }
            event.printed = past.printed
            past.fill(&event)
        }
        if failed.mayRetry, !past.wasCancelled, retry(task, failed.reason, fill) { return }
        fail(task, past.wasCancelled ? stopped : failed.reason, fill)
    }

    /// Lets a task that failed rest, to be started once more.
    ///
    /// - Returns: false where it has had all its attempts.
    private func retry(_ task: PlannedTask, _ reason: String, _ fill: (inout RunEvent) -> Void = { _ in }) -> Bool {
        guard !isCancelled, let (attempt, pause) = resting.rest(task, from: Clock.monotonic) else { return false }
        tell(.taskRetried, task) {
            $0.text = reason
            fill(&$0)
            $0.count = attempt
            $0.seconds = pause
        }
        return true
    }

    private func fail(_ task: PlannedTask, _ reason: String, _ fill: (inout RunEvent) -> Void = { _ in }) {
        failures += 1
        pasts[task.id]?.outcome = isCancelled ? nil : .failed
        tell(.taskFailed, task) {
            $0.text = reason
            fill(&$0)
        }
        for skipped in graph.failed(task.id) {
            tell(.taskSkipped) {
                $0.station = skipped.station
                $0.task = skipped.task
                $0.text = isCancelled ? stopped : "\(skipped.because) failed"
            }
        }
        if failsFast, !isCancelled {
            stopped = "the run was stopped, since \(task.id) failed"
            cancel()
        }
    }

    // MARK: Telling

    private var untold: [RunEvent] = []

    func tell(_ kind: RunEvent.Kind, _ task: PlannedTask? = nil, _ fill: (inout RunEvent) -> Void = { _ in }) {
        untold.append(
            journal.append(kind) {
                $0.task = task?.id
                $0.station = task?.station
                fill(&$0)
            })
    }

    private func tellStations() throws(ExecutionFailure) {
        let known = graph.knownTasks
        for station in graph.stationIDs {
            guard let count = known[station], toldStations[station] != count else { continue }
            toldStations[station] = count
            tell(.stationPlanned) {
                $0.station = station
                $0.count = count
            }
        }
    }

    /// What is written is there whatever becomes of this process; for the case that the machine goes down it is synced soon.
    private func record() throws(ExecutionFailure) {
        try journal.commit(syncing: false)
        for event in untold { follow(event) }
        untold.removeAll(keepingCapacity: true)
    }
}

extension RunningTask.Past {
    func fill(_ event: inout RunEvent) {
        event.seconds = seconds
        event.cpuSeconds = usage.user + usage.system
        // The kernel counts on from what the runtime has.
        event.peakMemory = usage.peakMemory > OwnMemory.peak ? usage.peakMemory : nil
    }
}

/// What this process has had in memory at once.
enum OwnMemory {
    static var peak: Int64 {
        var used = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &used)
        return Int64(used.ru_maxrss) * 1024
    }
}

extension PlannedTask.Command {
    /// For the journal and its readers: a command of thousands of files is told by its beginning.
    var shown: String {
        let text =
            switch self {
            case .shell(let text): text
            case .direct(let words): words.joined(separator: " ")
            }
        return text.utf8.count <= 2000 ? text : String(decoding: text.utf8.prefix(2000), as: UTF8.self) + "…"
    }
}
