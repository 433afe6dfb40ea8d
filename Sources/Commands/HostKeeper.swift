internal import Execution
internal import Failures
internal import HostProtocol
internal import Hosts
internal import Parts
internal import Plan

/// The connection to one host of a run: made, kept, and made again when it is gone, as long as the run goes on.
struct HostKeeper: Sendable {
    let host: Host
    /// Among those of the board.
    let number: Int
    let board: LeaseBoard
    let start: RunStart
    let record: Dispatch.Record
    /// nil where it can't be read here.
    let plan: Plan?
    let connector: HostConnector
    /// What the stations may know that it gets tasks of.
    let secrets: [String: String]

    func keep() async {
        var (connections, pause) = (0, 0.1)
        while !board.isEnding, !Task.isCancelled {
            connections += 1
            let reached = Reached()
            do {
                try await connector.withSession(to: host) { session in
                    try await work(session, connection: connections, reached)
                }
                return board.parted(number)
            } catch {
                let failure = (error as? any Failure) ?? UsageFailure("\(error)")
                let reason = failure.summary + (failure.cause.map { ": \($0)" } ?? "")
                board.parted(number)
                // Neither another key nor what is not what it says is a matter of trying again.
                if failure.exitCode == .integrity || failure.exitCode == .usage {
                    return board.dropped(number, because: reason)
                }
                board.trouble(number, reason)
            }
            pause = await reached.isReached ? 0.1 : min(2 * pause, record.silence / 4)
            try? await Task.sleep(for: .seconds(pause))
        }
    }

    /// Whether the run was reached on the host.
    private actor Reached {
        private(set) var isReached = false
        func set() { isReached = true }
    }

    private func work(_ session: HostSession, connection: Int, _ reached: Reached) async throws {
        guard let facts = await session.hello.host else { throw UsageFailure("the host does not say what it has") }
        let parts = record.parts.needed(by: host, facts, cpus: start.cpus, of: plan)
        _ = try await session.ship(parts, from: PartStore(connector.lash))
        let line = LeaseLine(
            board, host: number, facts, cpus: start.cpus, number: 1_000_000 * number + connection,
            wake: { session.wake() })
        let silence = record.silence
        let ticking = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(silence / 12))
                session.wake()
            }
        }
        defer {
            ticking.cancel()
            line.abandon()
        }
        await reached.set()
        try await session.work(
            Start(
                run: start.run.leased(to: host.name), parts: parts, cpus: start.cpus, tethered: false,
                engine: start.engine?.rawValue, bundle: record.bundle, secrets: secrets), line)
    }
}
