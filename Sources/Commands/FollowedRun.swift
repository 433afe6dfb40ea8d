internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Synchronization
internal import Terminal

/// A run that goes on, on one host: followed to its end, its results brought back.
struct FollowedRun {
    let context: Context
    /// Where results go.
    let results: String
    /// Prints each event as a line of JSON.
    let printsEvents: Bool
    /// The first event that is told; those before it are only counted.
    var first = 1
    /// Draws the run on its metro's map; nil where nobody asked for that.
    var map: RunMap?

    private var display: RunDisplay { RunDisplay(context.terminal, hasBar: map == nil, first: first) }

    /// Looks on, up to the run's end or an interrupt, which leaves it going on.
    func watch(_ run: RunID, _ session: HostSession) async throws -> ExitCode {
        let display = Mutex(self.display)
        let heard = ElsewhereRun.Heard(RunFolder(run, in: context.lash))
        let ended = try await session.follow(run) { event in
            try heard?.add(event)
            display.withLock { $0.show(event) }
            map?.show(event)
            if printsEvents { context.terminal.print(String(decoding: JSONText.encode(event), as: UTF8.self)) }
        }
        display.withLock { $0.end() }
        map?.end()
        if let text = ended.text { context.terminal.say("the run has ended: " + text) }
        let folder = RunFolder(run, in: context.lash)
        if File.exists(folder.hosts) || File.exists(folder.elsewhere) {
            context.terminal.say("“las fetch \(run)” brings its results")
        }
        return exitCode(ended)
    }

    /// - Returns: exit code 0 or 1, by how the run ended.
    func follow(_ run: RunID, on host: Host, _ session: HostSession) async throws -> ExitCode {
        let terminal = context.terminal
        let display = Mutex(self.display)
        let heard = ElsewhereRun.Heard(RunFolder(run, in: context.lash))
        let ended = try await Interrupts.during {
            try await session.follow(run) { event in
                try heard?.add(event)
                display.withLock { $0.show(event) }
                map?.show(event)
                if printsEvents, event.sequence >= first {
                    terminal.print(String(decoding: JSONText.encode(event), as: UTF8.self))
                }
            }
        } onInterrupt: {
            terminal.say("stopping the run; interrupt again to leave at once")
            session.requestCancel(of: run)
        }
        display.withLock { $0.end() }
        map?.end()
        let succeeded = ended.succeeded ?? false
        let fetched = try await fetch(run, nil, session)
        if succeeded {
            try await session.clean(run, keepsRecord: true)
            if !host.isLocal { try Self.leaveRecord(of: run, context) }
        } else {
            if let text = ended.text {
                terminal.fail(RunFailure(summary: "the run has ended: " + text, exitCode: exitCode(ended)))
            }
            let lash = host.isLocal ? context.lash.root : "\(host.name):\(host.lash ?? "~/.las")"
            terminal.say("what its tasks printed is kept in \(lash)/runs/\(run)/logs")
            terminal.say(
                "“las resume \(run)\(host.isLocal ? "" : " --host \(host.name)")” goes on with what is not done; "
                    + "after a change of the metro run it again: what is done is not run twice")
        }
        tell(fetched)
        return exitCode(ended)
    }

    /// Of a run elsewhere, when it is over and its results are here.
    static func leaveRecord(of run: RunID, _ context: Context) throws {
        guard File.exists(RunFolder(run, in: context.lash).elsewhere) else { return }
        let list = RunList(context.lash)
        try list.leaveRecord(of: run)
        list.prune()
    }

    func tell(_ fetched: [FetchedFile]) {
        let terminal = context.terminal
        if !fetched.isEmpty {
            let size = fetched.reduce(0) { $0 + $1.size }
            let files = Amounts.count(fetched.count { !$0.isFolder }, "file")
            terminal.say("results: \(Shown.whole(results)) (\(files), \(Amounts.bytes(size)))")
        }
    }

    private func exitCode(_ ended: RunEvent) -> ExitCode {
        if ended.succeeded ?? false { return .done }
        let told = ended.exitCode.flatMap { ExitCode(rawValue: Int32(truncatingIfNeeded: $0)) } ?? .stationsFailed
        return told == .done ? .stationsFailed : told
    }

    /// Why a run ended that no station's failure explains: too few cpus, images that can't be reached, a cancel.
    private struct RunFailure: Failure {
        let summary: String
        let exitCode: ExitCode
    }

    func fetch(_ run: RunID, _ station: String? = nil, _ session: HostSession) async throws -> [FetchedFile] {
        let stage = Stage(context.terminal, "bringing the results back")
        let done = Mutex(Int64(0))
        do {
            let fetched = try await session.fetch(run, station, into: results) { count in
                stage.update(
                    done: done.withLock {
                        $0 += count
                        return $0
                    }, of: 0)
            }
            stage.end()
            return fetched
        } catch {
            stage.abandon()
            throw error
        }
    }
}
