package import Files
internal import Threads

/// What has to be here, where not all is.
extension Share {
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
}
