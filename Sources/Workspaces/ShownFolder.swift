internal import CLinux
internal import Files
internal import Glibc
internal import Threads

/// A workspace's folder as a program sees it that has files fetched when it opens them: all that is known lies there. Shown by FUSE.
///
/// What is not here is fetched when somebody opens it, or does anything else with it than to look at its name, size, rights and time. Only
/// who waits for it is held up. All else goes to the folder itself, at once: there is nothing in between that would have to be
/// written back.
package final class ShownFolder: @unchecked Sendable {
    let share: Share
    let absent: AbsentFiles
    /// /dev/fuse, mounted.
    let device: Int32
    /// The folder that is shown.
    let root: Int32
    let place: String
    let name: String
    /// Seconds without anything from the machine that has the file, after which who waits for one is told that it can't be read.
    let patience: Double
    /// Told of what could not be fetched, by any thread.
    let tell: @Sendable (String) -> Void

    let nodes = Monitor(ShownNodes())
    /// Whatever changes which name leads where has it for itself.
    let names = NamesLock()
    let waiting: Monitor<[Waiting]> = Monitor([])
    private let stopping: (read: Int32, write: Int32)
    private let waking: (read: Int32, write: Int32)
    private var threads: [OwnThread] = []
    private var listener = 0
    private var isStopped = false

    /// A request that is answered later.
    final class Waiting: @unchecked Sendable {
        let request: [UInt8]
        /// What it waits for.
        var paths: [RelativePath] = []
        var isAsked = false
        let begun = Clock.monotonic
        init(_ request: [UInt8]) { self.request = request }
    }

    private static let readers = 3

    /// Whether this process can show folders, found out by doing it. It has to have mounts of its own.
    package static func canShow(in folder: String) -> Bool {
        let place = "\(folder)/shown"
        guard (try? Folder.make(place)) != nil else { return false }
        defer { rmdir(place) }
        var (device, stage) = (Int32(-1), Int32(0))
        if las_mount_fuse_writable(place, &device, &stage) != 0 { return false }
        las_unmount(place)
        close(device)
        return true
    }

    /// Shows it.
    ///
    /// - Parameters:
    ///   - share: knows what is to lie there.
    ///   - folder: where its files lie.
    ///   - name: what it is called where something is told of it.
    ///   - place: an empty folder, in mounts of this process's own.
    package init(
        _ share: Share, _ folder: String, named name: String, at place: String, patience: Double = 300,
        tell: @escaping @Sendable (String) -> Void
    ) throws {
        (self.share, self.name, self.place, self.patience, self.tell) = (share, name, place, patience, tell)
        absent = share.absent
        root = try File.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, action: "open the folder")
        var (stopEnds, wakeEnds): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        let hasPipes = las_pipe(&stopEnds, 1) == 0 && las_pipe(&wakeEnds, 1) == 0
        (stopping, waking) = ((stopEnds[0], stopEnds[1]), (wakeEnds[0], wakeEnds[1]))
        var (device, stage) = (Int32(-1), Int32(0))
        let isMounted = hasPipes && las_mount_fuse_writable(place, &device, &stage) == 0
        let code = errno
        self.device = device
        // Where it can't be, what was opened for it is closed when this object goes.
        if !isMounted { throw FileFailure("show", place, code: code) }
        // One ring is enough, and who rings may hold what the one who hears it waits for.
        for end in [stopEnds[1], wakeEnds[1]] { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
        _ = fcntl(device, F_SETFL, fcntl(device, F_GETFL) | O_NONBLOCK)
        listener = absent.listen { [waking] in Self.ring(waking.write) }
        do {
            for _ in 0..<Self.readers { threads.append(try OwnThread { [self] in read() }) }
            threads.append(try OwnThread { [self] in wait() })
        } catch {
            stop()
            throw error
        }
    }

    deinit {
        for descriptor in [stopping.read, stopping.write, waking.read, waking.write, root] { close(descriptor) }
    }

    /// It is shown no more. Whoever still waits for something there, or has it open, gets an error, and nothing of it is open here
    /// afterwards.
    package func stop() {
        if isStopped { return }
        isStopped = true
        las_unmount(place)
        Self.ring(stopping.write)
        for thread in threads { thread.join() }
        threads = []
        absent.forget(listener)
        // Ends it for whoever still sees it.
        close(device)
        nodes.change { $0 = ShownNodes() }
        let fetched = waiting.change { waiting in
            defer { waiting = [] }
            return waiting.filter(\.isAsked).flatMap(\.paths)
        }
        share.letGo(fetched + opened.change { $0 })
        rmdir(place)
    }

    /// What was fetched because somebody opened it: it stays as long as this is shown.
    let opened = Monitor<[RelativePath]>([])

    static func ring(_ descriptor: Int32) {
        var byte: UInt8 = 0
        _ = write(descriptor, &byte, 1)
    }

    // MARK: Threads

    private func read() {
        let session = ShownSession(self)
        var waits = [
            pollfd(fd: device, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopping.read, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            if poll(&waits, 2, -1) < 0, errno != EINTR { return }
            if waits[1].revents != 0 { return }
            if waits[0].revents == 0 { continue }
            while true {
                switch session.answerNext() {
                case .more: continue
                case .none: break
                case .gone: return
                }
                break
            }
        }
    }

    func later(_ waiting: Waiting) {
        self.waiting.change { $0.append(waiting) }
        Self.ring(waking.write)
    }

    /// How long it takes at most until somebody who is killed need not wait any more, in milliseconds.
    private static let tick: Int32 = 200

    /// One thread for all that wait: asks for what they wait for, and answers them when it has come.
    private func wait() {
        let session = ShownSession(self)
        var waits = [
            pollfd(fd: waking.read, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopping.read, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            let isIdle = waiting.change(\.isEmpty)
            if poll(&waits, 2, isIdle ? -1 : Self.tick) < 0, errno != EINTR { return }
            if waits[1].revents != 0 { return }
            if waits[0].revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 256)
                while Glibc.read(waking.read, &bytes, bytes.count) == bytes.count {}
            }
            let all = waiting.change { waiting in
                defer { waiting = [] }
                return waiting
            }
            var left: [Waiting] = []
            for one in all where !session.answer(one) { left.append(one) }
            waiting.change { $0 = left + $0 }
        }
    }

    /// Why somebody who waits has to be told that it can't be; nil where it may still come.
    func trouble(of waiting: Waiting) -> String? {
        let now = Clock.monotonic
        if now - max(absent.heard, waiting.begun) < patience { return nil }
        let file = waiting.paths.first(where: { absent[$0] != nil }) ?? waiting.paths.first
        let long = Int(patience)
        return
            "\(name)/\(file?.string ?? "?") is not on this machine, and could not be fetched from the one that leads the run: "
            + (share.isConnected
                ? "nothing of the workspace has come from there for \(long) seconds"
                : "there has been no connection to it for \(long) seconds")
    }
}
