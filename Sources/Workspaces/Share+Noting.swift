internal import Glibc
internal import Threads

/// What each host has is written down by the machine that leads the run, for who asks where a file lies: a file for each host. What a host
/// says of ten thousand files comes in hundreds of messages, and all of it is written each time: so not at each of them, and by a thread
/// that nobody waits for.
extension Share {
    /// How long it gathers what comes, in seconds, and how many times what writing took.
    private static let gathering = 0.1
    private static let share = 20.0

    /// Waits until what a host has is otherwise, and writes it down.
    ///
    /// - Returns: false when it is to end.
    static func notes(_ state: Monitor<State>, in folder: String) -> Bool {
        let isOld = state.await { state -> Bool? in
            if state.hasEnded { return false }
            return state.peers.values.contains(where: \.isNoteOld) ? true : nil
        }
        if !isOld { return false }
        let begun = Clock.monotonic
        let held = state.change { state -> [(number: Int, holding: Holding)] in
            let old = state.peers.filter(\.value.isNoteOld).sorted { $0.key < $1.key }
            for (number, _) in old { state.peers[number]?.isNoteOld = false }
            return old.compactMap { number, peer in peer.holding.map { (number, $0) } }
        }
        for (number, holding) in held {
            let bytes = holding.bytes
            state.change { state in
                // Of who is gone meanwhile nobody knows what it has.
                if state.peers[number] == nil || state.hasEnded { return }
                try? Holding.write(bytes, of: holding.host, in: folder)
            }
        }
        let until = Clock.monotonic + max(gathering, share * (Clock.monotonic - begun))
        while Clock.monotonic < until {
            if state.change(\.hasEnded) { return false }
            usleep(20_000)
        }
        return true
    }
}

extension Share.Peer {
    /// What it has, as far as it has said.
    var holding: Holding? {
        guard let host, let held = peer.held else { return nil }
        return Holding(host: host, seen: held, lacks: peer.lacked, absent: peer.absent)
    }
}
