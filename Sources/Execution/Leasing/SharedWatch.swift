internal import CLinux
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Threads
internal import Workspaces

/// What programs of this machine write in a folder that all machines of a run see. The kernel tells of those that run on it: of what others
/// write on a network's file system it tells nothing.
///
/// May be used by any thread.
final class SharedWatch: @unchecked Sendable {
    private struct State {
        var watch: FolderWatch
        var folders: Set<RelativePath> = []
        /// When something has happened to a file last, in seconds of the clock that only goes on.
        var written: [RelativePath: Double] = [:]
        /// Not everything was told.
        var isLost = false
    }

    /// What the folder lies on, as this machine has mounted it: two machines with the same are one, to the kernel.
    let fileSystem: String
    private let folder: String
    private let state: Monitor<State>
    private let watcher: Int32
    private let end: (read: Int32, write: Int32)
    private var thread: OwnThread?
    private static let mostFolders = 20_000

    /// - Returns: nil where nothing can be watched.
    init?(_ folder: String) {
        guard let real = File.real(folder), let boot = Boot.here else { return nil }
        var info = stat()
        guard stat(real, &info) == 0 else { return nil }
        var ends: [Int32] = [-1, -1]
        let watcher = las_watcher_new()
        guard watcher >= 0, las_pipe(&ends, 1) == 0 else {
            if watcher >= 0 { close(watcher) }
            return nil
        }
        (self.folder, self.watcher, end) = (real, watcher, (ends[0], ends[1]))
        fileSystem = "\(boot)-\(info.st_dev)"
        state = Monitor(State(watch: FolderWatch(watcher)))
        state.change { look(into: nil, isNew: false, &$0) }
        thread = try? OwnThread { [weak self, watcher, end] in
            var waits = [
                pollfd(fd: watcher, events: Int16(POLLIN), revents: 0),
                pollfd(fd: end.read, events: Int16(POLLIN), revents: 0),
            ]
            while true {
                let count = poll(&waits, 2, -1)
                if count < 0, errno == EINTR { continue }
                guard count > 0, waits[1].revents == 0, let self else { return }
                self.state.change { self.take(&$0) }
            }
        }
        if thread == nil { state.change { $0.isLost = true } }
    }

    deinit {
        close(watcher)
        close(end.read)
        close(end.write)
    }

    /// Nothing is told any more. Call it before it is let go.
    func stop() {
        var byte: UInt8 = 0
        _ = write(end.write, &byte, 1)
        thread?.join()
        thread = nil
    }

    /// The files that programs of this machine have written since then and that are there still, sorted; nil where that is not known.
    func written(since: Double) -> [RelativePath]? {
        state.change { state in
            take(&state)
            if state.isLost { return nil }
            return state.written.filter { $0.value >= since && status($0.key)?.kind == .file }.map(\.key).sorted()
        }
    }

    private func status(_ path: RelativePath) -> File.Status? { File.status("\(folder)/\(path)") }

    private func take(_ state: inout State) {
        guard let paths = state.watch.take() else {
            state.isLost = true
            return
        }
        let now = Clock.monotonic
        for path in paths.sorted() {
            switch status(path)?.kind {
            case .folder:
                // What lies in a folder that was made here just now, or was moved, was made or moved here, too.
                if state.folders.insert(path).inserted { look(into: path, isNew: true, &state) }
            case .file: state.written[path] = now
            case .link, .other, nil:
                state.written[path] = nil
                let inside = state.folders.remove(path) == nil ? [] : state.folders.filter { Self.is($0, below: path) }
                state.folders.subtract(inside)
            }
        }
    }

    private static func `is`(_ path: RelativePath, below folder: RelativePath) -> Bool {
        path.string.begins(with: folder.string + "/")
    }

    private func look(into path: RelativePath?, isNew: Bool, _ state: inout State) {
        if state.folders.count > Self.mostFolders { state.isLost = true }
        if state.isLost { return }
        let place = path.map { "\(folder)/\($0)" } ?? folder
        // Watched first: what happens while it is read is told.
        state.watch.add(place, as: path)
        // One that is gone already holds nothing.
        for name in (try? Folder.names(in: place)) ?? [] {
            guard let inside = RelativePath(path.map { "\($0)/\(name)" } ?? name) else { continue }
            switch status(inside)?.kind {
            case .folder:
                if state.folders.insert(inside).inserted { look(into: inside, isNew: isNew, &state) }
            case .file: if isNew { state.written[inside] = Clock.monotonic }
            case .link, .other, nil: break
            }
        }
    }
}

extension LeasedPiece {
    /// Watches what programs of this machine write in the workspaces of a task that lie in a folder which all machines see.
    func watches(of task: PlannedTask) -> [(name: String, watch: SharedWatch)] {
        let names = task.workspaces.filter { $0.isShared && !$0.isReadOnly }.map(\.name)
        if names.isEmpty { return [] }
        return sharedWatches.change { watches in
            names.compactMap { name in
                if watches[name] == nil {
                    watches[name] = .some(RunWorkspaces(folder).files(of: name).flatMap { SharedWatch($0) })
                }
                return watches[name].flatMap { $0 }.map { (name, $0) }
            }
        }
    }

    /// What was written since a task began, as its end tells it: so much of it as fits into a frame.
    static func written(
        _ watches: [(name: String, watch: SharedWatch)], since begun: Double
    ) -> [WrittenFiles] {
        var room = WrittenFiles.mostBytes
        return watches.compactMap { name, watch in
            guard let paths = watch.written(since: begun), !paths.isEmpty else { return nil }
            let told = paths.prefix { path in
                room -= path.string.utf8.count + 8
                return room > 0
            }
            return WrittenFiles(workspace: name, fileSystem: watch.fileSystem, paths: Array(told))
        }
    }
}
