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
    let absent: AbsentFiles
    /// Whether the folder is watched, or only who asks from outside that it is looked at.
    private let watches: Bool
    /// Whether hosts have only what their tasks need.
    private let isPartial: Bool
    /// Whether what has come gets its place only when nothing more comes: see `place`.
    private let placesLater: Bool
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

    // MARK: Connections

    /// A connection begins; the other side is told everything.
    ///
    /// - Parameters:
    ///   - host: what the other side is called, where what it has is to be written down here.
    ///   - isOther: it is another machine than this one.
    ///   - wake: told, on any thread, that there is something to send.
    /// - Returns: what it is called here.
    package func join(
        _ host: String? = nil, isOther: Bool = true, wake: @escaping @Sendable () -> Void
    ) -> Int {
        let (number, wakes) = state.change { [watches, isPartial, placesLater] state in
            state.next += 1
            let peer = SharePeer(
                state.replica, answers: true, sendsShort: watches || !isPartial, placesLater: placesLater)
            state.peers[state.next] = Peer(peer: peer, host: watches ? nil : host, wake: wake)
            var wakes: [@Sendable () -> Void] = []
            if state.keepers != nil { peer.keepThere([]) }
            if isOther, let host, let keepers = state.keepers {
                peer.keepThere(keepers.names(of: host))
                if state.keepers?.join(host) ?? false {
                    wakes = Self.choose(keepers.lacking(of: state.replica.map.entries.keys), &state)
                }
            }
            return (state.next, wakes)
        }
        wakes.forEach { $0() }
        return number
    }

    /// A host is gone for good, as far as one can tell, until it joins again: others hold what it held.
    package func lose(_ host: String) {
        let wakes = state.change { state in
            if !state.hasEnded, !watches { Holding.remove(host, in: folder) }
            return Self.choose(state.keepers?.lose(host) ?? [], &state)
        }
        wakes.forEach { $0() }
    }

    /// These are otherwise now: whether enough machines hold them is looked at.
    static func choose(
        _ names: some Collection<RelativePath>, _ state: inout State
    ) -> [@Sendable () -> Void] {
        if names.isEmpty || state.keepers == nil { return [] }
        var told: [Int: @Sendable () -> Void] = [:]
        let peers = state.peers.filter { $0.value.host != nil }.sorted { $0.key < $1.key }
        for name in names {
            let changes = state.keepers?.choose(name, state.replica.map.entries[name]) { host in
                peers.contains { $0.value.host == host && !$0.value.peer.absent.contains(name) }
            }
            for change in changes ?? [] {
                for (number, peer) in peers where peer.host == change.host {
                    peer.peer.keepThere(name, change.isKept)
                    told[number] = peer.wake
                }
            }
        }
        return told.sorted { $0.key < $1.key }.map(\.value)
    }

    package func leave(_ number: Int) {
        // What it brought goes with it otherwise.
        if placesLater { try? place() }
        state.change { state in
            if let peer = state.peers[number], !state.hasEnded { try? peer.holding?.write(in: folder) }
            state.peers[number]?.peer.end()
            state.peers[number] = nil
        }
    }

    /// The next message to send; nil where there is none now, or the connection has ended.
    package func next(_ number: Int) throws -> [UInt8]? { try state.change { try $0.peers[number]?.peer.next() } }

    /// Takes what came. There may be something to send after that.
    package func hear(_ number: Int, _ bytes: [UInt8]) throws {
        absent.hears()
        let (wakes, isMuch) = try state.change { state in
            guard let known = state.peers[number] else { return ([] as [@Sendable () -> Void], false) }
            state.heard += 1
            let (peer, held, places) = (known.peer, known.peer.held, known.peer.placesHeard)
            let changed = try peer.hear(bytes)
            if changed.contains(where: { state.replica.map.entries[$0]?.versions.count ?? 0 > 1 }) {
                state.mayCollide = true
            }
            let isHeld = peer.held != held && peer.lacksNothing || peer.placesHeard != places
            if isHeld, known.host != nil { state.peers[number]?.isNoteOld = true }
            try Self.makeRoom(&state)
            let keeping = Self.choose(changed, &state)
            let isMuch = state.replica.broughtBytes >= Self.mostUnplaced || state.unplacedSince != nil
            return (keeping + Self.tell(changed, &state, but: number), isMuch)
        }
        wakes.forEach { $0() }
        if placesLater, isMuch { try place() }
    }

    /// Whether all that the other side has told counts here.
    package func isInStep(_ number: Int) throws -> Bool {
        if placesLater { try place() }
        return state.change { $0.peers[number]?.peer.isInStep ?? true }
    }

    static func tell(
        _ names: Set<RelativePath>, isAsking: Bool = false, _ state: inout State, but number: Int?
    ) -> [@Sendable () -> Void] {
        let places = state.replica.takeAbsentChanges()
        if names.isEmpty, places.isEmpty, !isAsking { return [] }
        let outside = state.replica.outside?.isEmpty == false ? state.wakeOutside.map { [$0] } ?? [] : []
        return outside
            + state.peers.sorted { $0.key < $1.key }.compactMap { key, peer in
                peer.peer.tellPlaces(places)
                if key != number { peer.peer.tell(names, isNews: true) } else if places.isEmpty { return nil }
                return peer.wake
            }
    }

    // MARK: What is needed here

    /// A program's files have to be here, where not all are. Those that are not are asked for: `isInStep` tells when they have come.
    ///
    /// - Parameters:
    ///   - id: who needs them. What is known of it already is not asked again.
    ///   - isNeeded: whether a path is one of them.
    package func need(_ id: String, _ isNeeded: @escaping @Sendable (RelativePath) -> Bool) throws {
        let wakes = try state.change { state -> [@Sendable () -> Void] in
            if !state.replica.need(id, isNeeded) { return [] }
            // Before they come.
            try Self.makeRoom(&state, for: state.replica.sizeComing)
            let needs = try state.replica.apply()
            for (_, peer) in state.peers { peer.peer.ask(for: needs) }
            return Self.tell([], isAsking: !needs.isEmpty, &state, but: nil)
        }
        wakes.forEach { $0() }
    }

    /// It needs nothing any more.
    package func release(_ id: String) throws {
        let wakes = try state.change { state -> [@Sendable () -> Void] in
            if !state.replica.release(id) { return [] }
            try Self.makeRoom(&state)
            return Self.tell([], &state, but: nil)
        }
        wakes.forEach { $0() }
    }

    /// What the machine that leads the run is known to have may go.
    static func makeRoom(_ state: inout State, for coming: Int64 = 0) throws {
        guard let limit = state.limit, state.replica.lyingBytes + coming > limit else { return }
        let held = state.peers.values.map { ($0.peer.held, $0.peer.lacked) }
        try state.replica.makeRoom(within: max(0, limit - coming)) { name, dot in
            held.contains { held, lacked in held?.covers(dot) ?? false && !lacked.contains(name) }
        }
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

extension Replica {
    /// The machine that has written what lies in a workspace at first.
    static let first = "@first"

    /// What lies in the folder is what lies there at first on every machine, where nothing is known yet.
    func begin() throws {
        if !map.entries.isEmpty { return }
        var scan = try scan(settled: true)
        // What is left out now would be this machine's own. A child of this process that has yet to become its program holds open what
        // was written here just now.
        for _ in 0..<500 where !scan.unsettled.isEmpty {
            usleep(10_000)
            let again = try self.scan(settled: true, only: scan.unsettled)
            scan.changed.formUnion(again.changed)
            scan.unsettled = again.unsettled
        }
        var own: [(name: RelativePath, entry: Entry)] = []
        for (number, name) in scan.changed.sorted().enumerated() {
            guard let state = lying[name] else { continue }
            var entry = Entry()
            let dot = Dot(Self.first, UInt64(number + 1))
            entry.write(state.content, as: dot, modified: 0, replacing: nil, map.rule)
            own.append((name, entry))
        }
        map = SharedMap(map.rule)
        nextNumber = 1
        for (name, entry) in own {
            map.merge(name, entry)
            guard let state = lying[name], let dot = entry.versions.first?.dot else { continue }
            lies(Lying(name: name, dot: dot, content: state.content, stamp: state.stamp), at: name)
        }
        try journal.rewrite(map, lying)
    }
}
