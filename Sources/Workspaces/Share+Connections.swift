internal import Files
internal import Threads

/// What it says to other machines, and hears from them.
extension Share {
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
}
