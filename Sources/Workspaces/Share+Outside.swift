internal import Digests
internal import Files

/// A place outside, which runs nothing of las, takes part in a workspace: the machine that leads the run speaks for it.
extension Share {
    /// A place that runs nothing of las takes part from now on, called so: it hears of everything.
    ///
    /// - Parameter wake: told, on any thread, that it may have to hear of something.
    /// - Returns: the number of the next version written there.
    func joinOutside(_ host: String, wake: @escaping @Sendable () -> Void) -> UInt64 {
        state.change { state in
            state.replica.outside = Set(state.replica.map.view.keys)
            state.wakeOutside = wake
            return state.replica.map.lastNumber(of: host) + 1
        }
    }

    func leaveOutside(_ host: String) {
        state.change { state in
            state.replica.outside = nil
            state.wakeOutside = nil
            if !state.hasEnded { Holding.remove(host, in: folder) }
        }
    }

    /// Where something else may have to lie there than when this was asked last.
    func takeOutside() -> Set<RelativePath> {
        state.change { state in
            defer { if state.replica.outside != nil { state.replica.outside = [] } }
            return state.replica.outside ?? []
        }
    }

    func shown(at path: RelativePath) -> SharedMap.Shown? { state.change { $0.replica.map.shown(at: path) } }
    func mode(at path: RelativePath, _ before: Replica.Lying?) -> UInt32 {
        state.change { $0.replica.mode(at: path, before) }
    }

    /// Opens a file with these bytes; the caller closes it.
    func open(_ digest: Digest) throws -> Int32? { try state.change { try $0.replica.open(digest) } }

    /// What was found there counts, and all others hear of it; see `Replica.enter`.
    func enter(
        _ found: [Replica.Found], by host: String, isFirst: Bool, next: UInt64, lies: (RelativePath) -> Replica.Lying?
    ) throws -> (lying: [RelativePath: Replica.Lying?], next: UInt64) {
        let (wakes, lying, next) = try state.change { state in
            var next = next
            let (changed, lying) = try state.replica.enter(
                found, by: host, isFirst: isFirst, next: &next, lies: lies)
            if changed.contains(where: { state.replica.map.entries[$0]?.versions.count ?? 0 > 1 }) {
                state.mayCollide = true
            }
            // It is known now, whatever becomes of what follows.
            for (_, peer) in state.peers { peer.peer.tell(changed, isNews: true) }
            let needs = try state.replica.apply()
            if !needs.isEmpty { for (_, peer) in state.peers { peer.peer.ask(for: needs) } }
            try state.replica.clearIncoming()
            let keeping = Self.choose(changed, &state)
            return (keeping + Self.tell(changed, isAsking: !needs.isEmpty, &state, but: nil), lying, next)
        }
        wakes.forEach { $0() }
        return (lying, next)
    }

    /// Writes down what lies there, for who asks where a file lies.
    ///
    /// - Parameter lacks: names of which it does not have the newest.
    func noteOutside(_ host: String, lacks: Set<RelativePath>) {
        state.change { state in
            if state.hasEnded { return }
            var seen = VersionVector()
            for entry in state.replica.map.entries.values { seen.join(entry.seen) }
            try? Holding(host: host, seen: seen, lacks: lacks.union(state.replica.outside ?? [])).write(in: folder)
        }
    }
}
