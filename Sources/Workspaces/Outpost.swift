internal import CLinux
internal import Failures
internal import Files
internal import Glibc
internal import Threads

/// A folder on a server that knows nothing of las as one more machine of a workspace: the machine that leads the run speaks for it.
///
/// What las puts there comes under another name first. What others change there is found by looking, every few seconds, and counts as
/// written by who had seen what las last put there: so what a machine of the run wrote meanwhile is a collision, and nothing is lost.
package final class Outpost: @unchecked Sendable {
    /// What it is called in the workspace.
    package static let host = "ftp"
    /// Seconds between two looks; after one that took long, more.
    package static let usualInterval = 5.0
    /// Seconds for which a file has to be as it is before it is taken: somebody may be writing it.
    static let quiet = 2.0
    /// What las itself makes there has names that begin so, and is no file of the workspace.
    static let prefix = ".las-"

    let share: Share
    let remote: any RemoteFolder
    /// What is known of it lies there, and what comes from it.
    let folder: String
    /// What the run is called.
    let run: String
    /// Whether anything of the run is put there.
    let writes: Bool
    let events: Events
    let interval: Double

    /// Who hears of it.
    package struct Events: Sendable {
        let note: @Sendable (String) -> Void
        let entered: @Sendable () -> Void
        let isCancelled: @Sendable () -> Bool

        /// - Parameters:
        ///   - note: something that a person is told.
        ///   - entered: something was changed there, and counts.
        ///   - isCancelled: whether the run is to end, so that nothing is waited for.
        package init(
            note: @escaping @Sendable (String) -> Void, entered: @escaping @Sendable () -> Void,
            isCancelled: @escaping @Sendable () -> Bool
        ) {
            (self.note, self.entered, self.isCancelled) = (note, entered, isCancelled)
        }
    }

    // The rest is used by one thread at a time: who begins and ends it, and its own in between.
    let journal: ReplicaJournal
    /// What lies there, as far as las has seen it or put it there.
    var lying: [RelativePath: Replica.Lying] = [:]
    /// What may lie there, where the connection was cut when it was about to get its name.
    var doubtful: [RelativePath: Replica.Lying] = [:]
    var folders: Set<RelativePath> = []
    var next: UInt64 = 1
    var hasLooked = false
    /// What lies there has taken the place of what the metro brings: until all that lay there when the run began has come.
    var isFirst = true
    /// What may have to be put there.
    var waiting: Set<RelativePath> = []
    /// Paths that were found otherwise, and since when they are as they are; nil for gone.
    var unsettled: [RelativePath: (item: RemoteItem?, since: Double)] = [:]
    /// What others have changed has to be looked at before something is put there.
    var mustLook = false
    /// What was cut off on its way may lie there.
    var mustTidy = false
    /// What was put there since all was looked at, and whether that may have been another folder.
    var putSinceLook: Set<RelativePath> = []
    var wasElsewhere = false
    /// Names that can't be put there, and of which that was told.
    var unspeakable: Set<RelativePath> = []
    /// Files that the server would not take, why, how often it said so, and when it is asked again.
    var refused: [RelativePath: (trouble: RemoteTrouble, tries: Int, again: Double)] = [:]
    /// Files there that it does not give.
    var unread: Set<RelativePath> = []
    /// How far the server's clock, which gives files their times, is ahead of this one, in seconds; nil where nothing was put there.
    var clockAhead: Double?
    var uploads = 0
    /// Something was put there since it was written down what lies there.
    var hasPut = false

    private var isMarked = false
    private let wake: (read: Int32, write: Int32)
    private let isEnding = Monitor(false)
    private var thread: OwnThread?

    /// - Parameters:
    ///   - folder: of the workspace; see `Replica`.
    ///   - run: what the run is called: letters that a file's name may have.
    ///   - writes: whether anything of the run is put there.
    package init(
        _ share: Share, _ remote: any RemoteFolder, in folder: String, run: String, writes: Bool,
        interval: Double = usualInterval, _ events: Events
    ) throws {
        (self.share, self.remote, self.run, self.writes, self.events) = (share, remote, run, writes, events)
        self.interval = interval
        self.folder = folder + "/outside"
        try Folder.make(self.folder)
        for name in try Folder.names(in: self.folder) where name != "map" { File.remove("\(self.folder)/\(name)") }
        journal = try ReplicaJournal(self.folder + "/map")
        for line in try journal.read() {
            lying[line.name] = line.lying
            (hasLooked, isFirst) = (true, false)
        }
        try journal.shorten(SharedMap(.keepBoth), lying)
        var ends: [Int32] = [-1, -1]
        if las_pipe(&ends, 1) != 0 { throw FileFailure("make a pipe for", self.folder) }
        wake = (ends[0], ends[1])
    }

    deinit {
        close(wake.read)
        close(wake.write)
    }

    // MARK: Beginning and end

    /// Looks at all that lies there, and puts there what it lacks; goes on with that by itself until `finish`.
    ///
    /// - Throws: where that can't be done.
    package func begin() throws {
        let writing = wake.write
        next = share.joinOutside(Self.host) {
            var byte: UInt8 = 0
            _ = write(writing, &byte, 1)
        }
        next = max(next, (lying.values.filter { $0.dot.host == Self.host }.map(\.dot.number).max() ?? 0) + 1)
        var tries = 0
        while true {
            do {
                if !lying.isEmpty {
                    let items = try remote.list().items
                    if !lying.keys.contains(where: { items[$0] != nil }) { throw Self.otherFolder(.hopeless) }
                }
                if writes { try mark() }
                // A file that somebody is just writing is not waited for.
                let patience = Clock.monotonic + 5 * Self.quiet
                repeat {
                    try look()
                    if !awaitsRest || Clock.monotonic > patience { break }
                    usleep(UInt32(Self.quiet * 300_000))
                } while !events.isCancelled()
                if events.isCancelled() { break }
                isFirst = false
                try push()
                noteWhereAll()
                if let (path, refusal) = refused.min(by: { $0.key < $1.key }) { throw failure(refusal.trouble, path) }
                break
            } catch let trouble as RemoteTrouble {
                tries += 1
                if trouble.kind != .away || tries >= 4 || events.isCancelled() { throw failure(trouble) }
                usleep(UInt32(tries) * 500_000)
            }
        }
        thread = try OwnThread { [self] in work() }
    }

    /// Puts there what is not there yet, and ends.
    ///
    /// - Parameter patience: how many seconds it tries again without anything getting there.
    /// - Throws: where something is not there then.
    package func finish(patience: Double) throws {
        stop()
        defer { unmark() }
        // What people have changed here.
        try share.look(settled: true)
        refused = [:]
        var (deadline, left) = (Clock.monotonic + patience, Int.max)
        while true {
            do {
                if mustLook || mustTidy || waiting.contains(where: { unsettled[$0] != nil }) { try look() }
                try push()
                if waiting.isEmpty, !mustLook, !mustTidy { return }
                if waiting.count < left { (deadline, left) = (Clock.monotonic + patience, waiting.count) }
                if Clock.monotonic > deadline || events.isCancelled()
                    || !refused.isEmpty && refused.count == waiting.count
                {
                    let first = refused.min { $0.key < $1.key }
                    throw failure(
                        first?.value.trouble ?? RemoteTrouble(.away, "it changes there again and again"),
                        first?.key ?? waiting.min())
                }
                usleep(300_000)
            } catch let trouble as RemoteTrouble {
                if trouble.kind == .hopeless || Clock.monotonic > deadline || events.isCancelled() {
                    throw failure(trouble)
                }
                usleep(500_000)
            }
        }
    }

    /// Nothing is put there any more. Call it before it is let go.
    package func end() {
        stop()
        unmark()
        share.leaveOutside(Self.host)
    }

    private func stop() {
        isEnding.change { $0 = true }
        var byte: UInt8 = 0
        _ = write(wake.write, &byte, 1)
        thread?.join()
        thread = nil
    }

    private func failure(_ trouble: RemoteTrouble, _ path: RelativePath? = nil) -> WorkspaceFailure {
        WorkspaceFailure(
            path.map { "\(Shown.text($0.string, atMost: 200)) can't be put to \(remote.shown)" }
                ?? "the workspace can't use \(remote.shown)",
            cause: trouble.words, fix: trouble.fix, exitCode: trouble.kind == .away ? .unreachable : .resources)
    }

    // MARK: While it goes on

    private func work() {
        var (nextLook, pause, isTold) = (Clock.monotonic + interval, 0.0, false)
        var toldRefused: Set<RelativePath> = []
        var lastNoted = Clock.monotonic
        while !isEnding.change({ $0 }) {
            do {
                if Clock.monotonic >= nextLook {
                    let begun = Clock.monotonic
                    try look()
                    nextLook = Clock.monotonic + max(awaitsRest ? Self.quiet : interval, 10 * (Clock.monotonic - begun))
                }
                try push()
                if hasPut, Clock.monotonic > lastNoted + 2 {
                    lastNoted = Clock.monotonic
                    noteWhereAll()
                }
                for (path, refusal) in refused.sorted(by: { $0.key < $1.key }) where toldRefused.insert(path).inserted {
                    let others = refused.count > 1 ? " (and others)" : ""
                    events.note(
                        "\(Shown.text(path.string, atMost: 200))\(others) can't be put to \(remote.shown): \(refusal.trouble.words)"
                    )
                    toldRefused.formUnion(refused.keys)
                }
                if isTold { events.note("\(remote.shown) can be reached again") }
                (pause, isTold) = (0, false)
            } catch {
                // Once may be a connection that was idle for too long.
                if pause > 0, !isTold {
                    isTold = true
                    let words = (error as? RemoteTrouble)?.words ?? "\(error)"
                    events.note("\(remote.shown) can't be used just now, and is tried again: \(words)")
                }
                pause = min(30, pause * 2 + 0.5)
            }
            if mustLook, pause == 0 { nextLook = min(nextLook, Clock.monotonic + 0.3) }
            wait(until: pause > 0 ? Clock.monotonic + pause : nextLook, isPausing: pause > 0)
        }
    }

    /// Waits until something may be otherwise, or it is to end.
    private func wait(until: Double, isPausing: Bool) {
        while !isEnding.change({ $0 }) {
            let left = until - Clock.monotonic
            if left <= 0 { return }
            var descriptor = pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0)
            if poll(&descriptor, 1, Int32(left * 1000) + 1) <= 0 { continue }
            var bytes = [UInt8](repeating: 0, count: 256)
            while read(wake.read, &bytes, bytes.count) == bytes.count {}
            if !isPausing { return }
        }
    }

    // MARK: What las itself makes there

    private var marker: RelativePath? { RelativePath("\(Self.prefix)run-\(run)") }

    /// Says there that a run uses it: that shows that it may, and when the folder is another one, with a disk that is not mounted.
    private func mark() throws {
        guard let path = marker else { return }
        let staged = folder + "/mark"
        try File.write("A run of las uses this folder: \(run)\n", to: staged, syncing: false)
        let file = try File.open(staged, O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(file) }
        let size = File.status(staged)?.size ?? 0
        let upload = temporary()
        do throws(RemoteTrouble) {
            _ = try remote.put(file, size: size, as: upload, makesFolder: !hasLooked)
            try remote.rename(upload, to: path)
        } catch {
            if error.kind == .refused { try? remote.remove(upload, isFolder: false) }
            throw error
        }
        isMarked = true
        if let item = try remote.item(at: path) {
            clockAhead = Double(item.stamp.modified - Replica.now) / 1e9
        }
    }

    private func unmark() {
        guard isMarked, let path = marker else { return }
        isMarked = false
        try? remote.remove(path, isFolder: false)
    }

    /// Whether the folder is not the one that it was.
    func isOtherFolder(_ items: [RelativePath: RemoteItem]) -> Bool {
        if writes, let path = marker { return items[path] == nil }
        return !lying.isEmpty && items.isEmpty
    }

    static func otherFolder(_ kind: RemoteTrouble.Kind) -> RemoteTrouble {
        RemoteTrouble(
            kind, "the folder there is not the one that it was",
            cause: "what las had put there is gone, as where a disk is not mounted",
            fix: "see that the server has the folder, as it was")
    }

    /// Whether something there has to be looked at again soon.
    var awaitsRest: Bool {
        let now = Clock.monotonic
        return unsettled.values.contains { $0.since <= now }
    }

    private func noteWhereAll() {
        hasPut = false
        share.noteOutside(Self.host, lacks: waiting.union(unspeakable))
    }

    /// A name for what is on its way.
    func temporary() -> RelativePath {
        uploads += 1
        // The run's name is one of a file.
        return RelativePath("\(Self.prefix)upload-\(run)-\(uploads)") ?? marker!
    }

    /// Whether it is something of this run that was on its way.
    func isUpload(_ path: RelativePath) -> Bool { path.string.utf8.starts(with: "\(Self.prefix)upload-\(run)-".utf8) }

    static func isOwn(_ path: RelativePath) -> Bool {
        path.components.first.map { $0.utf8.starts(with: prefix.utf8) } ?? false
    }

    func lies(_ state: Replica.Lying?, at path: RelativePath) {
        lying[path] = state
        journal.add(.init(name: path, entry: nil, lying: state))
    }
}
