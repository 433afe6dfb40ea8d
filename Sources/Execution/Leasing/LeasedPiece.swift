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
    private let start: RunStart
    private let folder: RunFolder
    private let lash: LASH
    private let journal: Journal
    private let listening: Int32
    private let secrets: GivenSecrets
    /// What tasks are held against, where this host runs only what is signed.
    private var signed: TaskGraph?
    private let poller: Poller
    private let inbox = Monitor([Told]())
    private let told: (read: Int32, write: Int32)
    private let capacity: Capacity
    private var free: Capacity
    private let gpus = HostGPUs.ofHost
    private var freeGPUs: [Int]
    private var images: ReachedImages?
    private var crew: Crew
    /// nil for not tried yet.
    private var groups: ControlGroups??
    private var around: RunningTask.Surroundings?

    private var queue: [Lease] = []
    private var running: [UInt64: Running] = [:]
    private var nextNumber: UInt64 = 1
    /// What has ended and was not taken yet, in the order in which it ended.
    private var ended: [Ending] = []
    /// What lies in `made`, whole.
    private var held: [String: Digest] = [:]
    private var line: LeaseConnection?
    private var connections = 0
    private var lastHeard = Clock.monotonic
    private var isDismissed = false
    /// When las was told for the last time what tasks print.
    private var lastTold = Clock.monotonic
    /// How long that waits, in seconds: most tasks have ended by then.
    private static let pause = 1.0
    /// The run's workspaces, from the moment on when las speaks of them.
    private let shares = Monitor<RunShares?>(nil)

    private struct Running {
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
    private enum Told {
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

    /// How long it waits for las, in seconds, when nothing runs any more.
    private static let patience = 3600.0

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

    private func serve() throws {
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
            let deadline = isIdle ? lastHeard + Self.patience : telling
            for ready in try poller.wait(until: deadline) { try handle(ready, signals) }
            if isIdle, let deadline, deadline <= Clock.monotonic { break }
            if let telling, telling <= Clock.monotonic { tellPrinted() }
            try startQueued()
        }
        for running in running.values { cancel(running) }
        crew.end()
        shares.change { $0 }?.end()
        running = [:]
    }

    private func handle(_ ready: Poller.Ready, _ signals: Int32) throws {
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

    private func say(_ message: Told) {
        let isFirst = inbox.change { messages in
            messages.append(message)
            return messages.count == 1
        }
        var byte: UInt8 = 0
        if isFirst { _ = write(told.write, &byte, 1) }
    }

    // MARK: las

    /// Another connection takes the place of the one before.
    private func greet() {
        let socket = las_local_accept(listening)
        if socket < 0 { return }
        var ends: [Int32] = [-1, -1]
        guard las_take_over(socket, &ends) == 0 else {
            close(socket)
            return
        }
        line?.end()
        connections += 1
        lastHeard = Clock.monotonic
        let number = connections
        do {
            line = try LeaseConnection(
                socket: socket, input: ends[0], output: ends[1], folder: folder, number: number,
                shares: { [self] in try shares(called: $0) }
            ) { [self] frame in
                say(frame.map { .frame(number, $0) } ?? .gone(number))
            }
        } catch {
            line = nil
            return
        }
        tellStanding()
        // Who comes may be another las than the one before.
        for number in running.keys { running[number]?.told = [0, 0] }
    }

    /// What tasks that run have printed since the last time.
    private func tellPrinted() {
        lastTold = Clock.monotonic
        for (number, there) in running.sorted(by: { $0.key < $1.key }) where !there.isRevoked {
            guard let place = Self.place(ofLogs: there.lease) else { continue }
            for (stream, ending) in ["out", "err"].enumerated() {
                var offset = there.told[stream]
                let log = "\(folder.logs)/\(place).\(ending)"
                guard let size = File.status(log)?.size, size > offset, offset < PrintedPiece.mostOfLog,
                    let descriptor = try? File.open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
                else { continue }
                defer { close(descriptor) }
                while offset < min(size, PrintedPiece.mostOfLog) {
                    var bytes = [UInt8](repeating: 0, count: PrintedPiece.most)
                    let count = pread(descriptor, &bytes, bytes.count, off_t(offset))
                    if count <= 0 { break }
                    line?.send(
                        PrintedPiece(
                            id: there.lease.id, isErrors: stream == 1, offset: offset, bytes: Array(bytes[..<count])
                        ).frame)
                    offset += Int64(count)
                }
                running[number]?.told[stream] = offset
            }
        }
    }

    /// The run's workspaces, which are made when las speaks of them for the first time.
    private func shares(called host: String) throws -> RunShares {
        try shares.change { shares in
            if let shares { return shares }
            guard let images else { throw ExecutionFailure("this host has no workspaces of the run") }
            let made = try RunShares(
                try Piece.plan(of: images).plan, run: folder, metro: images.metro, host: host, watches: true)
            shares = made
            return made
        }
    }

    private func tellStanding() {
        let open = queue.map(\.id) + running.values.map(\.lease.id)
        let held = held.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { Standing.Held(made: $0.key, digest: $0.value) }
        let ended = ended.map(\.note.id)
        let count = max(open.count, held.count, ended.count)
        var first = 0
        repeat {
            let end = first + Standing.most
            line?.send(
                Frame(
                    .standing,
                    json: Standing(
                        open: Array(open.dropFirst(first).prefix(Standing.most)),
                        ended: Array(ended.dropFirst(first).prefix(Standing.most)),
                        held: Array(held.dropFirst(first).prefix(Standing.most)), isLast: end >= count)))
            first = end
        } while first < count
    }

    private func take(_ message: Told) {
        switch message {
        case .settles(let number):
            if let task = running[number]?.task { giveRoom(of: task) }
        case .past(let number, let past): end(number, past)
        case .gone(let number):
            guard number == connections else { return }
            line?.end()
            line = nil
            lastHeard = Clock.monotonic
        case .frame(let number, let frame):
            guard number == connections else { return }
            take(frame)
        }
    }

    private func take(_ frame: LeaseFrame) {
        switch frame {
        case .lease(let lease):
            if let ending = ended.first(where: { $0.note.id == lease.id }) {
                line?.sendShares()
                line?.send(ending)
                return
            }
            if let refusal = refusal(of: lease.task) {
                line?.send(Frame(.refusal, json: Refusal(refusal)))
                return
            }
            if running.values.contains(where: { $0.lease.id == lease.id && !$0.isRevoked }) {
                line?.send(Frame(.leaseBegan, json: LeaseBegan(id: lease.id)))
            } else if !queue.contains(where: { $0.id == lease.id }) {
                queue.append(lease)
            }
        case .made(let path, let digest): held[path] = digest
        case .taken(let id): ended.removeAll { $0.note.id == id }
        case .revoke(let id):
            queue.removeAll { $0.id == id }
            ended.removeAll { $0.note.id == id }
            for (number, lease) in running where lease.lease.id == id {
                running[number]?.isRevoked = true
                cancel(lease)
            }
        case .alive: line?.send(Frame(.alive, json: Done()))
        case .shared: break
        case .dismiss: isDismissed = true
        }
    }

    // MARK: Tasks

    /// Why it is not run here, whatever becomes of the run.
    private func refusal(of task: PlannedTask) -> ExecutionFailure? {
        if let signed, !signed.hasTask(task) {
            return ExecutionFailure(
                "this host starts only what is signed, and \(Shown.text(task.id.name)) is none of the signed metro's tasks",
                exitCode: .integrity)
        }
        return secrets.missing(for: task).map {
            ExecutionFailure("the secret \(Shown.text($0)) was not given to this host", exitCode: .usage)
        }
    }

    private func startQueued() throws {
        while let place = queue.firstIndex(where: { free.holds($0.task.uses) && hasWorkspaces(of: $0.task) }) {
            if images?.engine == .container, running.values.contains(where: \.task.hasRoom) { return }
            try start(queue.remove(at: place))
        }
    }

    /// What las has told of its workspaces is here, whole.
    private func hasWorkspaces(of task: PlannedTask) -> Bool {
        task.workspaces.allSatisfy(\.isShared) || line?.isInStep ?? false
    }

    /// What it did in its workspaces is known before its end is told.
    private func inWorkspaces(of task: PlannedTask, _ perform: () -> RunningTask.Past) -> RunningTask.Past {
        if task.workspaces.isEmpty { return perform() }
        do {
            if task.workspaces.contains(where: \.isShared), let images {
                // One that all machines see was made by the one that leads the run, and is to be seen here.
                try RunWorkspaces(folder).fill(try Piece.plan(of: images).plan, from: images.metro)
            }
        } catch { return Self.failed("\((error as? any Failure)?.description ?? "\(error)")") }
        let past = perform()
        do {
            try shares.change { $0 }?.look(after: task)
            return past
        } catch {
            return Self.failed(
                "its workspace can't be looked at: \((error as? any Failure)?.description ?? "\(error)")", past)
        }
    }

    private static func failed(_ reason: String, _ past: RunningTask.Past? = nil) -> RunningTask.Past {
        RunningTask.Past(
            outcome: .failed(.init(reason: reason)), seconds: past?.seconds ?? 0, usage: past?.usage ?? SandboxUsage(),
            printed: past?.printed ?? "", wasCancelled: past?.wasCancelled ?? false)
    }

    private func start(_ lease: Lease) throws {
        guard let around else { return }
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 0) != 0 { throw ExecutionFailure.system("can't make a pipe") }
        let number = nextNumber
        nextNumber += 1
        let own = RunningTask.Surroundings(
            run: around.run, sandbox: around.sandbox, cancelling: ends[0], store: around.store, isFresh: true,
            folders: around.folders, cells: around.cells, groups: groups(for: lease.task))
        let gpus = Array(freeGPUs.prefix(lease.task.uses.gpus))
        freeGPUs.removeFirst(gpus.count)
        let task = RunningTask(lease.task, number: number, attempt: lease.attempt, key: nil, gpus: gpus, in: own)
        running[number] = Running(lease: lease, task: task, cancelling: (ends[0], ends[1]))
        free.take(lease.task.uses)
        line?.send(Frame(.leaseBegan, json: LeaseBegan(id: lease.id)))
        do throws(OwnThread.Refused) {
            try crew.perform { [self] in
                say(.past(number, inWorkspaces(of: lease.task) { task.perform { say(.settles(number)) } }))
            }
        } catch { throw ExecutionFailure(error) }
    }

    private func giveRoom(of task: RunningTask) {
        guard task.hasRoom else { return }
        task.hasRoom = false
        free.give(task.task.uses)
        freeGPUs = (freeGPUs + task.gpus).sorted()
    }

    /// Made when the first task wants memory; where none can be made each process is held to it.
    private func groups(for task: PlannedTask) -> ControlGroups? {
        if task.uses.memory == nil { return nil }
        if groups == nil { groups = .some(try? ControlGroups()) }
        return groups ?? nil
    }

    private func cancel(_ running: Running) {
        var byte: UInt8 = 0
        _ = write(running.cancelling.write, &byte, 1)
    }

    private func end(_ number: UInt64, _ past: RunningTask.Past) {
        guard let done = running.removeValue(forKey: number) else { return }
        close(done.cancelling.read)
        close(done.cancelling.write)
        let task = done.lease.task
        giveRoom(of: done.task)
        var note = LeaseEnded(id: done.lease.id, outcome: .failed)
        var files: [RunEvent.File] = []
        switch past.outcome {
        case .done(let outputs, let turn):
            (note.outcome, note.unmet, files) = (.done, turn?.unmet, outputs.files)
            held[task.made] = outputs.digest
        case .checked(let objection): (note.outcome, note.objection) = (.checked, objection)
        case .failed(let failed):
            note.reason = failed.reason
            note.isFinal = failed.mayRetry ? nil : true
            switch failed.end {
            case .exited(let code): note.exitCode = Int(code)
            case .signaled(let signal): note.signal = Int(signal)
            case nil: break
            }
        }
        if done.isRevoked { return }
        (note.seconds, note.cpuSeconds) = (past.seconds, past.usage.user + past.usage.system)
        note.peakMemory = past.usage.peakMemory > past.usage.floorMemory ?? OwnMemory.peak ? past.usage.peakMemory : nil
        note.printed = past.printed.isEmpty ? nil : past.printed
        let ending = Ending(note: note, made: task.made, files: files, logs: logs(of: done.lease))
        ended.append(ending)
        line?.sendShares()
        line?.send(ending)
    }

    private static func place(ofLogs lease: Lease) -> String? {
        guard let name = RelativePath(lease.task.id.name) else { return nil }
        return lease.attempt == 1 ? name.string : "attempt \(lease.attempt)/\(name)"
    }

    /// What it printed, as files below the run's `logs`.
    private func logs(of lease: Lease) -> [RunEvent.File] {
        guard let place = Self.place(ofLogs: lease) else { return [] }
        return ["\(place).err", "\(place).out"].compactMap { path in
            let file = "\(folder.logs)/\(path)"
            guard let status = File.status(file), status.kind == .file, let digest = try? FileDigest.digest(of: file)
            else { return nil }
            return RunEvent.File(path: path, size: status.size, digest: digest)
        }
    }
}
