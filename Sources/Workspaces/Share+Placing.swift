internal import Glibc
internal import Threads

/// On the machine that leads the run many files may come that others wait for, and nobody waits for them here: so the others hear of them
/// first, with what is in memory, and here they get their places when nothing more comes for a moment, when much has come, when it matters
/// whether they lie there, or when who brought them goes.
///
/// They count here all that time: it is written down that they are known. Who brought them hears that they do only when they lie there, so
/// that they are asked for again where this process ends before.
extension Share {
    /// Of what has come and has no place so many bytes are kept in memory.
    static let mostUnplaced = 48 << 20
    /// How long nothing more comes, in microseconds, and how often that is waited for: nothing is heard or said while files get their
    /// places.
    private static let quiet: UInt32 = 20_000
    private static let mostWaits = 100

    /// Puts everything to its place that has come.
    func place() throws {
        let wakes = try state.change { try Self.place(&$0) }
        wakes.forEach { $0() }
    }

    private static func place(_ state: inout State) throws -> [@Sendable () -> Void] {
        let awaiting = state.peers.values.map(\.peer).filter(\.awaitsPlace)
        if awaiting.isEmpty { return [] }
        state.unplacedSince = state.heard
        let needs = try state.replica.apply()
        for peer in awaiting {
            peer.ask(for: needs)
            try peer.placed()
        }
        state.unplacedSince = nil
        return tell([], isAsking: true, &state, but: nil)
    }

    /// Waits until something has no place, and then until nothing more comes, and gives it its place.
    ///
    /// - Returns: false when it is to end.
    static func placesWhenQuiet(_ state: Monitor<State>) -> Bool {
        let first = state.await { state -> UInt64?? in
            if state.hasEnded { return .some(nil) }
            // Where it could not be done, whoever hears more tries again, and is told why.
            let isThere = state.peers.values.contains(where: \.peer.awaitsPlace) && state.unplacedSince == nil
            return isThere ? .some(state.heard) : nil
        }
        guard var heard = first else { return false }
        for _ in 0..<mostWaits {
            usleep(quiet)
            let now = state.change(\.heard)
            if now == heard { break }
            heard = now
        }
        if let wakes = try? state.change({ try Self.place(&$0) }) { wakes.forEach { $0() } }
        return true
    }
}
