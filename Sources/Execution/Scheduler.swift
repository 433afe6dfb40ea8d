internal import CLinux
internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Sandbox

/// Runs the tasks of a plan: each as soon as what it takes is there and the host has room for it.
///
/// One thread that waits for whatever happens next; a failure stops only what depends on it.
final class Scheduler {
    let run: RunFolder
    let plan: Plan
    let journal: Journal
    let capacity: Capacity
    private let sandbox: TaskSandbox
    private let poller: Poller
    var graph: TaskGraph
    var waiting = TaskQueue()
    private var running: [UInt64: RunningTask] = [:]
    private var free: Capacity
    private var settlingCount = 0
    private var nextNumber: UInt64 = 1
    private var told: [StationID: Int] = [:]
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
    private(set) var isCancelled = false
    private var isPaused = false
    private let settled: (read: Int32, write: Int32)
    private let recalled: (read: Int32, write: Int32)
    private let signals: Int32
    private let tether: Int32?
    private let follow: (RunEvent) -> Void

    /// What the end of a cancelled run says.
    static let cancelled = "the run was cancelled"

    /// Tokens below this are the loop's own; a task's are its number times four, and its kind of descriptor.
    private enum Token {
        static let settled: UInt64 = 0
        static let signals: UInt64 = 1
        static let tether: UInt64 = 2
        static let recalled: UInt64 = 3
        enum OfTask: UInt64 { case end, printed, errors }
        static func of(_ number: UInt64, _ kind: OfTask) -> UInt64 { number << 2 | kind.rawValue }
    }

    /// - Parameters:
    ///   - reuse: what is kept of earlier runs, and what tells whether it fits.
    ///   - resuming: what this run has done before.
    ///   - tether: a descriptor whose end cancels the run.
    ///   - follow: told of each event after it was recorded.
    init(
        _ plan: Plan, run: RunFolder, journal: Journal, images: ReachedImages, reuse: Reuse,
        resuming: Resuming, capacity: Capacity, signals: Int32, tether: Int32?, follow: @escaping (RunEvent) -> Void
    ) throws(ExecutionFailure) {
        (self.plan, self.run, self.journal, self.capacity, free) = (plan, run, journal, capacity, capacity)
        (self.signals, self.tether, self.follow) = (signals, tether, follow)
        (self.images, self.reuse, self.resuming) = (images, reuse, resuming)
        resting = RestingTasks(failures: resuming.recorded.failures)
        stations = Dictionary(plan.stations.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        sandbox = TaskSandbox(images: images, made: run.made)
        do { graph = try TaskGraph(plan) } catch { throw ExecutionFailure(error) }
        poller = try Poller()
        (settled, recalled) = (try Self.pipe(), try Self.pipe())
        try poller.add(settled.read, token: Token.settled)
        try poller.add(recalled.read, token: Token.recalled)
        try poller.add(signals, token: Token.signals)
        if let tether { try poller.add(tether, token: Token.tether) }
    }

    deinit {
        recalling?.end()
        for end in [settled.read, settled.write, recalled.read, recalled.write] { close(end) }
    }

    private static func pipe() throws(ExecutionFailure) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 1) != 0 { throw .system("can't make a pipe") }
        return (ends[0], ends[1])
    }

    /// - Returns: whether all stations succeeded.
    func perform() throws(ExecutionFailure) -> Bool {
        recalling = try reuse.begin(run: run, tell: recalled.write)
        defer {
            recalling?.end()
            recalling = nil
        }
        try startReady()
        while !running.isEmpty || !resting.isEmpty || recalling?.open ?? 0 > 0 || isPaused && !waiting.isEmpty {
            let deadline = (running.values.compactMap(\.deadline) + resting.due).min()
            for ready in try poller.wait(until: deadline) { try handle(ready) }
            for task in running.values { task.checkDeadline() }
            waiting.add(resting.takeRested(by: Clock.monotonic))
            // What is done is recorded before anything builds upon it.
            try record()
            try startReady()
        }
        return failures == 0 && !isCancelled && graph.isFinished
    }

    var wasCancelled: Bool { isCancelled }
    var results: [TaskGraph.Result] { graph.results }
    var leftOut: [TaskGraph.LeftOutFiles] { graph.leftOut }
    func madeFile(_ path: String) -> RunEvent.File? { made[ExactText(path)] }

    private func handle(_ ready: Poller.Ready) throws(ExecutionFailure) {
        switch ready.token {
        case Token.settled:
            var number: UInt64 = 0
            while read(settled.read, &number, 8) == 8 { try finish(number) }
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
        default:
            guard let task = running[ready.token >> 2], let kind = Token.OfTask(rawValue: ready.token & 3) else {
                return
            }
            switch kind {
            case .end: try ended(task)
            case .printed: if let log = task.printed, !log.drain() { poller.remove(log.output) }
            case .errors: if !task.errors.drain() { poller.remove(task.errors.output) }
            }
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
        for task in resting.takeAll() { fail(task, Self.cancelled) }
        for task in running.values { task.end(because: .cancelled) }
    }

    // MARK: Starting

    private func startReady() throws(ExecutionFailure) {
        var isMore = !isCancelled
        while isMore {
            let ready = graph.takeReady()
            // What is done makes others ready.
            isMore = false
            for task in ready {
                if takeRecorded(task) { isMore = true } else { ask(task) }
            }
        }
        try tellStations()
        while !isCancelled, !isPaused, let task = waiting.takeFirst(where: { free.holds($0.uses) }, until: { isFull }) {
            start(task)
        }
        try record(syncing: false)
    }

    /// In a container the paths that tasks use are those of one task at a time.
    private var isFull: Bool {
        free.cpus == 0 || images.engine == .container && running.values.contains(where: \.hasRoom)
    }

    private func start(_ task: PlannedTask) {
        let number = nextNumber
        nextNumber += 1
        tell(.taskStarted, task) {
            $0.seed = task.seed
            $0.key = pasts[task.id]?.parts
        }
        let attempt = resting.attempt(of: task)
        do {
            let started = try RunningTask(task, number: number, attempt: attempt, in: run, sandbox: sandbox)
            try poller.add(started.endDescriptor, token: Token.of(number, .end))
            if let log = started.printed { try poller.add(log.output, token: Token.of(number, .printed)) }
            try poller.add(started.errors.output, token: Token.of(number, .errors))
            running[number] = started
            free.take(task.uses)
        } catch {
            try? Folder.remove("\(run.tasks)/\(number)")
            let reason = "it can't be started: \(error)"
            // A program that is not there will not be there in a second either.
            if (error as? SandboxFailure)?.stage != .program, retry(task, reason) { return }
            fail(task, reason)
        }
    }

    // MARK: Ending

    private func ended(_ task: RunningTask) throws(ExecutionFailure) {
        poller.remove(task.endDescriptor)
        let end: SandboxEnd
        let isGoingOn: Bool
        do {
            end = try task.takeEnd()
            isGoingOn = task.reason(of: end) == nil ? try task.startNext(after: end) : false
        } catch {
            task.finishLogs()
            return fail(task, "\(error)")
        }
        if isGoingOn { return try poller.add(task.endDescriptor, token: Token.of(task.number, .end)) }
        task.finishLogs()
        // Its pipes are at their end, and were read to it.
        poller.remove(task.errors.output)
        if let log = task.printed { poller.remove(log.output) }
        if task.task.checks != nil { return checked(task, end) }
        if let reason = task.reason(of: end) { return fail(task, reason, end: end) }
        let keeping = keys[task.task.id].map { Settling.Keeping(store: reuse.store, key: $0, replaces: reuse.isFresh) }
        task.settling = try Settling(task, made: run.made, keeping: keeping, tell: settled.write)
        // The next one starts while this one's outputs are written out, but not without bound.
        settlingCount += 1
        if settlingCount <= 2 * capacity.cpus { giveRoom(of: task) }
    }

    private func finish(_ number: UInt64) throws(ExecutionFailure) {
        guard let task = running[number], let settling = task.settling else { return }
        settlingCount -= 1
        switch settling.outcome() {
        case .failure(let refused as Outputs.Refused): fail(task, refused.reason, end: .exited(0))
        case .failure(let error): fail(task, "its outputs can't be kept: \(error)", end: .exited(0))
        case .success((let outputs, let turn)):
            do { try graph.finished(task.task.id, made: outputs.made, turn: turn) } catch {
                // A failure is tried anew each time.
                keys[task.task.id].map(reuse.store.forget)
                let reason = error.summary + (error.cause.map { ": \($0)" } ?? "")
                return fail(task, reason, end: .exited(0), mayRetry: false)
            }
            remove(task)
            compare(task.task, outputs.entries)
            take(outputs.entries, of: task.task)
            tell(.taskDone, task.task) {
                $0.files = outputs.files
                $0.seconds = Clock.monotonic - task.begun
                $0.unmet = turn?.unmet
            }
        }
    }

    /// A file of an input was looked at: its task says by its exit code whether it is valid.
    private func checked(_ task: RunningTask, _ end: SandboxEnd) {
        var objection: String?
        if let reason = task.reason(of: end) {
            guard case .exited(1...125) = end, task.ending == .none else { return fail(task, reason, end: end) }
            let said = task.errors.end.split(whereSeparator: \.isNewline).last.map {
                Shown.text(String($0), atMost: 120)
            }
            objection = "does not pass “\(Shown.text(task.task.checks ?? ""))”: \(said ?? reason)"
        }
        let note: String?
        do { note = try graph.checked(task.task.id, objection: objection) } catch {
            return fail(task, error.summary, end: end)
        }
        remove(task)
        let seconds = Clock.monotonic - task.begun
        pasts[task.task.id]?.outcome = .done
        if let key = keys.removeValue(forKey: task.task.id) {
            let record = TaskStore.Record(key: key, seconds: seconds, objection: objection)
            try? reuse.store.keep(record, from: nil, replaces: reuse.isFresh)
        }
        tell(.taskDone, task.task) {
            $0.text = objection
            $0.files = []
            $0.seconds = seconds
        }
        if let note { tell(.note) { $0.text = note } }
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
        // Half-made outputs, temporary files: nothing of it is anyone's.
        try? Folder.remove(task.folder)
    }

    /// - Parameter mayRetry: not where the same would come of it.
    private func fail(_ task: RunningTask, _ reason: String, end: SandboxEnd? = nil, mayRetry: Bool = true) {
        remove(task)
        func fill(_ event: inout RunEvent) {
            switch end {
            case .exited(let code): event.exitCode = Int(code)
            case .signaled(let signal): event.signal = Int(signal)
            case nil: break
            }
            event.printed = task.errors.end
        }
        if mayRetry, task.ending != .cancelled, retry(task.task, reason, fill) { return }
        fail(task.task, reason) {
            fill(&$0)
            $0.seconds = Clock.monotonic - task.begun
        }
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
                $0.text = isCancelled ? Self.cancelled : "\(skipped.because) failed"
            }
        }
    }

    // MARK: Telling

    private var untold: [RunEvent] = []
    /// Whether what is not synced yet includes something that can't simply be found out again.
    private var needsSync = false

    func tell(_ kind: RunEvent.Kind, _ task: PlannedTask? = nil, _ fill: (inout RunEvent) -> Void = { _ in }) {
        switch kind {
        case .taskReused, .taskStarted, .stationPlanned, .note: break
        default: needsSync = true
        }
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
            guard let count = known[station], told[station] != count else { continue }
            told[station] = count
            tell(.stationPlanned) {
                $0.station = station
                $0.count = count
            }
        }
    }

    private func record(syncing: Bool = true) throws(ExecutionFailure) {
        try journal.commit(syncing: syncing && needsSync)
        if syncing { needsSync = false }
        for event in untold { follow(event) }
        untold.removeAll(keepingCapacity: true)
    }
}
