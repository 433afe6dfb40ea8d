package import HostProtocol

extension HostSession {
    /// Comes to the host's share of a run, which begins where there is none, and lends the connection to a talk until that is over:
    /// this session can nothing else afterwards.
    /// - Throws: where the connection ends, or the talk throws.
    package func work(_ start: Start, _ talk: any FrameTalk) throws {
        try send(Frame(.work, json: start))
        while !talk.isOver {
            if let frame = try nextWithoutWaiting() {
                try take(frame, talk)
            } else if let frame = try talk.outgoing() {
                try waiter.within(talk.silence, "the host takes nothing more") { try send(frame) }
            } else if let frame = try nextOrWoken("news of the run") {
                try take(frame, talk)
            } else {
                try talk.look()
            }
        }
    }

    private func take(_ frame: Frame, _ talk: any FrameTalk) throws {
        if frame.kind == .refusal { throw try frame.decode(Refusal.self).cleaned }
        try talk.take(frame)
    }

    /// Has the thread look whether there is something to do. From any thread.
    package nonisolated func wake() { waiter.wake() }
}
