internal import CLinux
package import Files
internal import Glibc
internal import Threads

/// A workspace on a machine with its connections to others: what one of them tells the others hear, and what programs do in the
/// folder all of them.
///
/// May be used by any thread.
package final class Share: @unchecked Sendable {
    let state: Monitor<State>
    let folder: String
    /// What is known and not here.
    let absent: AbsentFiles
    /// Whether the folder is watched, or only who asks from outside that it is looked at.
    let watches: Bool
    /// Whether hosts have only what their tasks need.
    let isPartial: Bool
    /// Whether what has come gets its place only when nothing more comes: see `place`.
    let placesLater: Bool
    private let watching: (watcher: Int32, end: (read: Int32, write: Int32))?
    private var watch: OwnThread?
    private var placer: OwnThread?
    private var noter: OwnThread?

    struct Peer {
        let peer: SharePeer
        /// What the other side is called, where this one writes down what it has.
        let host: String?
        let wake: @Sendable () -> Void
        /// What it has is otherwise than was written down of it last.
        var isNoteOld = false
    }

    struct State {
        let replica: Replica
        var peers: [Int: Peer] = [:]
        var next = 0
        /// Told already.
        var collisions: Set<RelativePath> = []
        /// Something was heard of a name with several versions.
        var mayCollide = false
        var hasEnded = false

        /// nil where it is not watched.
        var watch: FolderWatch?
        /// Where something has happened, or a file has to be looked at again.
        var unseen: Set<RelativePath> = []
        /// What has happened is not known: all has to be looked at.
        var isLost = false
        /// Bytes that may lie here of what nothing here needs; nil for any number.
        var limit: Int64?
        /// Who holds what, on the machine that leads the run; nil where it does not matter.
        var keepers: Keepers?

        /// Messages that came, and after how many of them what they brought could not be put to its place.
        var heard: UInt64 = 0
        var unplacedSince: UInt64?
        /// Tells a place outside that something may be otherwise.
        var wakeOutside: (@Sendable () -> Void)?
    }

    /// What has to be looked at once more, although nothing happens to it.
    enum Again {
        case nothing
        /// What was just written.
        case young
        /// What is still being written.
        case unsettled
    }

    /// How long it waits for more after something has happened in the folder, in milliseconds: until what was written then is no longer
    /// young.
    private static let pause = Int32(Replica.clockStep / 1_000_000 + 2)
    /// How long until it looks again at a file that is being written.
    private static let patience: Int32 = 300

    /// - Parameters:
    ///   - folder: see `Replica`.
    ///   - first: what lies in the folder at first is the same on every machine.
    ///   - watches: whether programs change the folder on this machine, which is to be told while they run. Where they don't, it is the
    ///     machine that leads the run, and what people change there is looked at when they ask for it.
    ///   - isPartial: machines where programs change the folder have only what is needed there.
    ///   - limit: so many bytes may lie on such a machine, and more only where its programs need that much.
    ///   - copies: so many machines are to have each file, the one that leads the run among them.
    ///   - placesLater: other machines hear of what has come before it has its place here.
    package init(
        _ folder: String, host: String, rule: CollisionRule, first: Bool = false, watches: Bool = false,
        isPartial: Bool = false, limit: Int64? = nil, copies: Int = 1, placesLater: Bool = false
    ) throws {
        (self.folder, self.watches, self.isPartial, self.placesLater) = (folder, watches, isPartial, placesLater)
        let replica = try Replica(folder, host: host, rule: rule)
        absent = replica.absentFiles
        if isPartial, watches { replica.becomePartial() }
        if first { try replica.begin() }
        if watches { replica.awaitsKept = copies > 1 }
        state = Monitor(
            State(
                replica: replica, limit: isPartial && watches ? limit : nil,
                keepers: copies > 1 && !watches ? Keepers(copies: copies) : nil))
        var ends: [Int32] = [-1, -1]
        let watcher = las_watcher_new()
        if watcher >= 0, las_pipe(&ends, 1) == 0 {
            if !watches {
                try Folder.make(WorkspaceChange.asked(folder))
                _ = las_watcher_add(watcher, WorkspaceChange.asked(folder))
            }
            watching = (watcher, (ends[0], ends[1]))
            if watches { state.change { $0.watch = FolderWatch(watcher) } }
            watch = try? OwnThread { [weak self, watching] in
                var again = Again.nothing
                while let descriptors = watching, let event = Share.waits(descriptors, again), let self,
                    let next = self.isWatched(event)
                {
                    again = next
                }
            }
        } else {
            // Without it what tasks did is told when they have ended.
            watching = nil
        }
        try look(settled: true)
        // What is known of times before and does not lie here.
        if isPartial, watches { try state.change { _ = try $0.replica.apply() } }
        if placesLater { placer = try OwnThread { [state] in while Share.placesWhenQuiet(state) {} } }
        if !watches { noter = try OwnThread { [state] in while Share.notes(state, in: folder) {} } }
    }

    deinit {
        state.change { $0.hasEnded = true }
        guard let watching else { return }
        close(watching.watcher)
        close(watching.end.read)
        close(watching.end.write)
    }

    /// Nothing is told any more. Call it before it is let go.
    package func end() {
        if placesLater { try? place() }
        state.change { $0.hasEnded = true }
        placer?.join()
        noter?.join()
        (placer, noter) = (nil, nil)
        // What hosts have goes with the run's end.
        if !watches { state.change { [folder] _ in Holding.removeAll(in: folder) } }
        guard let watching, let watch else { return }
        var byte: UInt8 = 0
        _ = write(watching.end.write, &byte, 1)
        watch.join()
        self.watch = nil
    }

    // MARK: The folder

    /// Looks what programs did in the folder, and tells the others.
    ///
    /// - Parameter settled: none of them writes any more.
    /// - Returns: whether some file is still being written.
    @discardableResult
    package func look(settled: Bool) throws -> Bool {
        if case .nothing = try look(settled: settled, isWhole: true) { return false }
        return true
    }

    /// - Parameter isWhole: else only where something has happened.
    @discardableResult
    func look(settled: Bool, isWhole: Bool) throws -> Again {
        let (wakes, again) = try state.change { state in
            if let heard = state.watch?.take() { state.unseen.formUnion(heard) } else { state.isLost = true }
            let isWhole = isWhole || state.isLost
            // Until this has come to its end, nothing has been seen.
            if isWhole { state.isLost = true }
            let scan = try state.replica.scan(settled: settled, only: isWhole ? nil : state.unseen) { place, folder in
                state.watch?.add(place, as: folder)
            }
            state.isLost = false
            state.unseen = scan.unsettled.union(scan.young)
            // It is seen once only: the others hear of it whatever becomes of what follows.
            for (_, peer) in state.peers { peer.peer.tell(scan.changed, isNews: true) }
            var needs: [Replica.Need] = []
            if !scan.changed.isEmpty || !state.replica.unplaced.isEmpty { needs = try state.replica.apply() }
            // Whoever has them.
            if !needs.isEmpty { for (_, peer) in state.peers { peer.peer.ask(for: needs) } }
            try Self.makeRoom(&state)
            let again: Again = !scan.young.isEmpty ? .young : !scan.unsettled.isEmpty ? .unsettled : .nothing
            let keeping = Self.choose(scan.changed, &state)
            return (keeping + Self.tell(scan.changed, isAsking: !needs.isEmpty, &state, but: nil), again)
        }
        wakes.forEach { $0() }
        return again
    }

    /// - Returns: whether something has happened, or else time has passed; nil when it is to end.
    private static func waits(
        _ descriptors: (watcher: Int32, end: (read: Int32, write: Int32)), _ again: Again
    ) -> Bool? {
        var waits = [
            pollfd(fd: descriptors.watcher, events: Int16(POLLIN), revents: 0),
            pollfd(fd: descriptors.end.read, events: Int16(POLLIN), revents: 0),
        ]
        let patience: Int32 =
            switch again {
            case .nothing: -1
            case .young: pause
            case .unsettled: patience
            }
        while true {
            let count = poll(&waits, 2, patience)
            if count < 0, errno == EINTR { continue }
            return waits[1].revents == 0 ? count > 0 : nil
        }
    }

    /// - Parameter event: something has happened, and more may follow.
    /// - Returns: nil when it is to end.
    private func isWatched(_ event: Bool) -> Again? {
        guard let watching else { return nil }
        if !watches {
            _ = las_watcher_drain(watching.watcher)
            let asked = WorkspaceChange.asked(folder)
            guard let names = try? Folder.names(in: asked), !names.isEmpty else { return .nothing }
            if (try? look(settled: true)) != nil { for name in names { File.remove("\(asked)/\(name)") } }
            return .nothing
        }
        var end = pollfd(fd: watching.end.read, events: Int16(POLLIN), revents: 0)
        if event, poll(&end, 1, Self.pause) > 0 { return nil }
        // What can't be read now is looked at when something else happens, and when the task has ended, which tells why.
        return (try? look(settled: false, isWhole: false)) ?? .nothing
    }

    // MARK: What it holds

    package var map: SharedMap { state.change { $0.replica.map } }

    /// What becomes of a file that two machines write at once.
    package var rule: CollisionRule { state.change { $0.replica.map.rule } }

    /// Files that are kept beside others and were not told yet, sorted.
    ///
    /// - Parameter isQuick: only where something was heard since then of a name with several versions.
    package func newCollisions(isQuick: Bool = false) -> [RelativePath] {
        state.change { state in
            if isQuick, !state.mayCollide { return [] }
            state.mayCollide = false
            let all = Set(state.replica.map.view.filter(\.value.isCollision).keys)
            defer { state.collisions = all }
            return all.subtracting(state.collisions).sorted()
        }
    }
}
