internal import CLinux
internal import Digests
internal import Failures
package import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Sandbox
internal import Threads

/// A host's share of a run whose tasks are leased to it: runs what las asks for, and tells what came of it.
///
/// It outlives its connection. What runs goes on when that is cut, and what has ended waits until las comes again and has taken it.
/// What it knows is in its memory alone: a process that is killed leaves nothing that counts.
package final class LeasedPiece: @unchecked Sendable {
    let start: RunStart
    let folder: RunFolder
    let lash: LASH
    let journal: Journal
    let listening: Int32
    let secrets: GivenSecrets
    /// What tasks are held against, where this host runs only what is signed.
    var signed: TaskGraph?
    let poller: Poller
    let inbox = Monitor([Told]())
    let told: (read: Int32, write: Int32)
    let capacity: Capacity
    var free: Capacity
    let gpus = HostGPUs.ofHost
    var freeGPUs: [Int]
    var images: ReachedImages?
    var crew: Crew
    /// nil for not tried yet.
    var groups: ControlGroups??
    var around: RunningTask.Surroundings?

    var queue: [Lease] = []
    var running: [UInt64: Running] = [:]
    var nextNumber: UInt64 = 1
    /// What has ended and was not taken yet, in the order in which it ended.
    var ended: [Ending] = []
    /// What lies in `made`, whole.
    var held: [String: Digest] = [:]
    var line: LeaseConnection?
    var connections = 0
    var lastHeard = Clock.monotonic
    var isDismissed = false
    /// When las was told for the last time what tasks print.
    var lastTold = Clock.monotonic
    /// How long that waits, in seconds: most tasks have ended by then.
    static let pause = 1.0
    /// The run's workspaces, from the moment on when las speaks of them.
    let shares = Monitor<RunShares?>(nil)
    /// Workspaces that are a folder which all machines see, since the first task that writes there; nil for one that can't be watched.
    let sharedWatches = Monitor<[String: SharedWatch?]>([:])
    /// Whether files can be fetched when they are opened; nil for not tried yet.
    var shows: Bool?
    var hasToldOfShowing = false
    /// What was written there while a task ran that has just ended.
    let wrote = Monitor<[Digest: [WrittenFiles]]>([:])

    struct Running {
        let lease: Lease
        let task: RunningTask
        /// Becomes readable when this one is to end.
        let cancelling: (read: Int32, write: Int32)
        var isRevoked = false
        /// How much of what it has printed las was told, of its standard output and its standard error.
        var told: [Int64] = [0, 0]
    }

    /// A lease that has ended, with what belongs to it.
    struct Ending: Sendable {
        let note: LeaseEnded
        let made: String
        let files: [RunEvent.File]
        let logs: [RunEvent.File]
    }

    /// What other threads tell this one.
    enum Told {
        case settles(UInt64)
        case past(UInt64, RunningTask.Past)
        /// From the connection of this number.
        case frame(Int, LeaseFrame)
        /// The connection of this number is of no use any more.
        case gone(Int)
    }

    private enum Token {
        static let told: UInt64 = 0
        static let signals: UInt64 = 1
        static let listening: UInt64 = 2
    }

    /// How long it waits for las, in seconds, when nothing runs any more: an hour where it has what las has not taken yet, or files of
    /// workspaces, which may lie nowhere else. Else all that it has can be sent again, and it waits about as long as las goes on
    /// looking for hosts before it ends a run.
    var patience: Double { ended.isEmpty && shares.change { $0 } == nil ? 300 : 3600 }

    /// - Parameters:
    ///   - folder: made, with its start.json.
    ///   - journal: held, so that others see that it goes on; nothing is written into it.
    ///   - listening: a socket on which connections are handed over.
    ///   - secrets: what its stations may know.
    package init(
        _ start: RunStart, folder: RunFolder, in lash: LASH, journal: Journal, listening: Int32,
        secrets: [String: String] = [:]
    ) throws(ExecutionFailure) {
        (self.start, self.folder, self.lash, self.journal, self.listening) = (start, folder, lash, journal, listening)
        self.secrets = GivenSecrets(given: secrets)
        capacity = Capacity.ofHost(cpus: start.cpus)
        free = capacity
        freeGPUs = Array(0..<min(capacity.gpus, gpus.count))
        crew = Crew(atMost: 3 * capacity.cpus + 1)
        poller = try Poller()
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 1) != 0 { throw .system("can't make a pipe") }
        told = (ends[0], ends[1])
    }

    deinit {
        close(told.read)
        close(told.write)
    }

    /// Runs what is leased until las says that nothing is wanted any more; removes the run's folder then.
    ///
    /// Call it in the process's first thread before there is another: as root it gets mounts of its own.
    package func perform() throws {
        try serve()
        // Nothing of the images is used any more: what they are mounted on can go.
        (around, images, groups) = (nil, nil, nil)
        try? Folder.remove(folder.path)
        // Told when nothing is left.
        line?.send(Frame(.done, json: Done()))
        line?.finish()
    }

    func serve() throws {
        let signals = las_signals(RunControl.signals, Int32(RunControl.signals.count))
        if signals < 0 { throw ExecutionFailure.system("can't wait for signals") }
        defer { close(signals) }
        // A connection that is gone is told by write's error.
        signal(SIGPIPE, SIG_IGN)
        try? Folder.remove(folder.made)
        try folder.clear(in: lash)
        try File.write("\(getpid())\n", to: folder.pid, syncing: false)
        let images = try Ladder.reach(start, folder: folder, in: lash)
        self.images = images
        let folders = WorkFolders(folder.tasks)
        around = RunningTask.Surroundings(
            run: folder, sandbox: TaskSandbox(images: images, run: folder, gpus: gpus, secrets: secrets),
            cancelling: -1, store: TaskStore(lash: lash), isFresh: true, folders: folders,
            cells: TaskCells(folders, atMost: 3 * capacity.cpus), groups: nil)
        if start.isSigned ?? false { signed = try TaskGraph(try Piece.plan(of: images).plan) }
        try poller.add(told.read, token: Token.told)
        try poller.add(signals, token: Token.signals)
        try poller.add(listening, token: Token.listening)
        while !isDismissed {
            let isIdle = line == nil && running.isEmpty && queue.isEmpty
            let telling = line == nil || running.isEmpty ? nil : lastTold + Self.pause
            let deadline = isIdle ? lastHeard + patience : telling
            for ready in try poller.wait(until: deadline) { try handle(ready, signals) }
            if isIdle, let deadline, deadline <= Clock.monotonic { break }
            if let telling, telling <= Clock.monotonic { tellPrinted() }
            try startQueued()
        }
        for running in running.values { cancel(running) }
        crew.end()
        shares.change { $0 }?.end()
        for watch in sharedWatches.change({ $0 }).values { watch?.stop() }
        running = [:]
    }

    func handle(_ ready: Poller.Ready, _ signals: Int32) throws {
        switch ready.token {
        case Token.told:
            var bytes = [UInt8](repeating: 0, count: 256)
            while read(told.read, &bytes, bytes.count) == bytes.count {}
            let messages = inbox.change { messages in
                defer { messages.removeAll(keepingCapacity: true) }
                return messages
            }
            for message in messages { take(message) }
        case Token.listening: greet()
        default:
            while true {
                switch las_next_signal(signals) {
                case 0: return
                case SIGTERM, SIGINT: isDismissed = true
                default: break
                }
            }
        }
    }

    func say(_ message: Told) {
        let isFirst = inbox.change { messages in
            messages.append(message)
            return messages.count == 1
        }
        var byte: UInt8 = 0
        if isFirst { _ = write(told.write, &byte, 1) }
    }
}
