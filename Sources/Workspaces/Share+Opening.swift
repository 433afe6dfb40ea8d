internal import Files

/// Files that are fetched when a program opens them, and such as one replaces or removes that are not here.
extension Share {
    /// A program waits for these: they are asked for, and stay until `letGo`.
    func fetch(_ paths: [RelativePath]) throws {
        let wakes = try state.change { state -> [@Sendable () -> Void] in
            var size: Int64 = 0
            for path in paths { size += state.replica.opens(path) }
            try Self.makeRoom(&state, for: size)
            let needs = try state.replica.apply()
            for (_, peer) in state.peers { peer.peer.ask(for: needs) }
            return Self.tell([], isAsking: !needs.isEmpty, &state, but: nil)
        }
        wakes.forEach { $0() }
    }

    /// Nobody waits for these any more, or has them open.
    func letGo(_ paths: [RelativePath]) {
        let wakes = state.change { state -> [@Sendable () -> Void] in
            for path in paths { state.replica.closes(path) }
            try? Self.makeRoom(&state)
            return Self.tell([], &state, but: nil)
        }
        wakes.forEach { $0() }
    }

    /// A program puts something else in the place of a file that is not here, whose version counts as seen by it.
    ///
    /// - Parameter body: does it; an error number where it can't be done. Nobody looks at the folder meanwhile.
    func replace(_ path: RelativePath, _ body: () -> Int32) throws -> Int32 {
        let (result, wakes) = try state.change { state -> (Int32, [@Sendable () -> Void]) in
            let result = body()
            if result == 0 { try state.replica.counts(asSeen: path) }
            return (result, Self.tell([], &state, but: nil))
        }
        wakes.forEach { $0() }
        return result
    }

    /// A program removes a file that is not here.
    func remove(_ path: RelativePath) throws {
        try state.change { state in
            try state.replica.counts(asSeen: path)
            state.unseen.insert(path)
        }
        try look(settled: false, isWhole: false)
    }

    /// Whether there is a connection to another machine.
    var isConnected: Bool { state.change { !$0.peers.isEmpty } }
}
