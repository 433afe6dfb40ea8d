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
    let around: RunningTask.Surroundings
    private let poller: Poller
    var graph: TaskGraph
    var waiting: TaskQueue
    var running: [UInt64: RunningTask] = [:]
    var free: Capacity
    /// The numbers of the graphics processors that no task has.
    var freeGPUs: [Int]
    var settlingCount = 0
    var nextNumber: UInt64 = 1
    var toldStations: [StationID: Int] = [:]
    /// The digests of files that tasks made and that are results, for the end.
    var made: [ExactText: Digest] = [:]
    private let resultStations: Set<StationID>
    let images: ReachedImages
    let reuse: Reuse
    var recalling: Recalling?
    var resuming: Resuming
    /// What the tasks are known by that wait, run, or rest.
    var keys: [TaskID: Digest] = [:]
    var madeDigests: MadeDigests
    /// What is to be known of them afterwards.
    var pasts: [TaskID: TaskHistory.Past] = [:]
    let stations: [StationID: PlannedStation]
    var failures = 0
    var resting: RestingTasks
    /// By a person, or by a failure where that ends the run.
    private(set) var isCancelled = false
    /// What is said of what was ended by that.
    var stopped = Scheduler.cancelled
    let failsFast: Bool
    /// Nothing that tasks made is removed while the run goes on: others take it from here.
    let keepsMade: Bool
    var isPaused = false
    let crew: Crew
    let syncing: JournalSync
    let freeing: Freeing
    /// What the crew tells: that a task of this number is settling, or that it has ended.
    let inbox = Monitor([(number: UInt64, past: RunningTask.Past?)]())
    let told: (read: Int32, write: Int32)
    private let cancelling: (read: Int32, write: Int32)
    private let recalled: (read: Int32, write: Int32)
    private let signals: Int32
    private let tether: Int32?
    /// The hosts that do the tasks; nil where this machine does.
    let board: LeaseBoard?
    let follow: (RunEvent) -> Void
    /// Recorded with the next ones.
    var untold: [RunEvent] = []

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
    ///   - groups: hold tasks to the memory that they may use.
    ///   - secrets: all that the plan's stations name.
    ///   - crew: ends with it.
    ///   - folders: in which tasks work.
    ///   - first: what shows environments' first files.
    ///   - isUnsandboxed: tasks are not kept apart.
    ///   - resuming: what this run has done before.
    ///   - tether: a descriptor whose end cancels the run.
    ///   - board: the hosts that do the tasks; nil where this machine does.
    ///   - launched: told when a task's program runs, and before anything of the journal is synced; from any thread.
    ///   - follow: told of each event after it was recorded.
    init(
        _ plan: Plan, run: RunFolder, journal: Journal, images: ReachedImages, reuse: Reuse,
        resuming: Resuming, failsFast: Bool, keepsMade: Bool = false, capacity: Capacity, groups: ControlGroups?,
        secrets: GivenSecrets, crew: Crew, folders: WorkFolders, first: [String: [SandboxPlan.Step]] = [:],
        isUnsandboxed: Bool = false, signals: Int32, tether: Int32?, board: LeaseBoard? = nil,
        launched: @escaping @Sendable () -> Void = {},
        follow: @escaping (RunEvent) -> Void
    ) throws(ExecutionFailure) {
        (self.plan, self.run, self.journal, self.capacity, free) = (plan, run, journal, capacity, capacity)
        (self.signals, self.tether, self.board, self.follow) = (signals, tether, board, follow)
        (self.images, self.reuse, self.resuming, self.failsFast) = (images, reuse, resuming, failsFast)
        self.keepsMade = keepsMade
        let gpus = HostGPUs.ofHost
        freeGPUs = Array(0..<min(capacity.gpus, gpus.count))
        waiting = TaskQueue(plan)
        madeDigests = MadeDigests(plan)
        resultStations = Set(plan.results.map(\.station))
        resting = RestingTasks(failures: resuming.recorded.failures)
        stations = Dictionary(plan.stations.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        do { graph = try TaskGraph(plan) } catch { throw ExecutionFailure(error) }
        graph.tellsWords = board?.tellsWords ?? false
        poller = try Poller()
        (told, recalled, cancelling) = (try Self.pipe(), try Self.pipe(), try Self.pipe())
        around = RunningTask.Surroundings(
            run: run,
            sandbox: TaskSandbox(
                images: images, run: run, gpus: gpus, secrets: secrets,
                isWithoutNetwork: !plan.stations.contains(where: \.usesNetwork), first: first, isOff: isUnsandboxed),
            cancelling: cancelling.read,
            store: reuse.store, isFresh: reuse.isFresh,
            folders: folders, cells: TaskCells(folders, atMost: 3 * capacity.cpus), groups: groups,
            launched: launched)
        self.crew = crew
        syncing = try JournalSync(journal, run: run, begins: launched)
        freeing = Freeing(run, journal, reuse.store)
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
        findFreed()
        board?.begin(bell: told.write)
        defer { endAll() }
        try startReady()
        while !running.isEmpty || !resting.isEmpty || recalling?.open ?? 0 > 0 || isPaused && !waiting.isEmpty
            || hopesForHosts
        {
            for ready in try poller.wait(until: nextLook) { try handle(ready) }
            waiting.add(resting.takeRested(by: Clock.monotonic))
            // What is done is recorded before anything builds upon it.
            try record()
            try startReady()
        }
        try takeFromHosts()
        if board != nil, !waiting.isEmpty, !isCancelled { tell(.note) { $0.text = LeaseBoard.noRoom } }
        try record()
        endAll()
        return failures == 0 && !isCancelled && graph.isFinished
    }

    /// Nothing runs any more when this returns, and what is recorded is on the disk.
    private func endAll() {
        if !running.isEmpty { endTasks() }
        crew.end()
        around.cells?.end()
        recalling?.end()
        recalling = nil
        freeing.end()
        syncing.end()
    }

    var wasCancelled: Bool { isCancelled && stopped == Self.cancelled }
    var results: [TaskGraph.Result] { graph.results }
    var leftOut: [TaskGraph.LeftOutFiles] { graph.leftOut }
    func madeFile(_ path: String) -> Digest? { made[ExactText(path)] }
    func isResult(_ task: PlannedTask) -> Bool { resultStations.contains(task.station) }

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
            try takeFromHosts()
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

    func cancel() {
        isCancelled = true
        waiting.removeAll()
        for task in resting.takeAll() { fail(task, stopped) }
        endTasks()
    }

    private func endTasks() {
        var byte: UInt8 = 0
        _ = write(cancelling.write, &byte, 1)
        board?.cancelAll()
    }
}
