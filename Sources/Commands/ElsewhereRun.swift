internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Synchronization

/// A run whose process is on another machine. What is known of it here lies in a run's folder as if it were here: how it was started, its
/// plan, and its journal as far as that was heard of; so it is found by its name, also from another terminal. The host's journal is the
/// truth.
struct ElsewhereRun {
    /// What is kept beside how it was started: `elsewhere.json`.
    private struct Record: Hashable, Sendable, Codable {
        var host: String
    }

    let run: RunID
    let host: Host
    private let context: Context
    private var folder: RunFolder { RunFolder(run, in: context.lash) }

    /// nil for a run of this machine.
    /// - Throws: where the host is no longer in the host list.
    static func of(_ run: RunID, _ context: Context) throws -> ElsewhereRun? {
        let path = RunFolder(run, in: context.lash).elsewhere
        guard File.exists(path) else { return nil }
        let record = try JSONText.decode(Record.self, from: try File.read(path, atMost: 1 << 20))
        return ElsewhereRun(
            run: run, host: try HostList.read(context.lash).host(named: record.host), context: context)
    }

    /// Whether it may go on: nobody has heard of its end.
    static func mayGoOn(_ run: RunID, _ context: Context) -> Bool {
        let folder = RunFolder(run, in: context.lash)
        return File.exists(folder.elsewhere) && !Journal.hasEnded(folder.journal)
    }

    /// Writes down that a run has begun there. Where the host has the same LASH, its own folder tells all.
    static func begin(_ run: RunID, on host: Host, _ following: Following) throws {
        let (context, material) = (following.context, following.material)
        let folder = RunFolder(run, in: context.lash)
        if host.isLocal || folder.exists { return }
        var start = try Dispatch.start(following, run)
        start.cluster = following.cluster
        try folder.make(for: start)
        if let plan = material.readPlan(context.lash) { try File.write(JSONText.encode(plan), to: folder.plan) }
        try File.write(JSONText.encode(Record(host: host.name)), to: folder.elsewhere)
    }

    // MARK: What is heard of it

    /// Writes down what is heard of the run while somebody follows it; who looks from another terminal sees that it goes on.
    final class Heard: Sendable {
        private let folder: RunFolder
        private let journal = Mutex<Journal?>(nil)

        /// - Returns: nil where another las follows it already.
        init?(_ folder: RunFolder) {
            if !File.exists(folder.elsewhere) || Journal.isHeld(folder.journal) { return nil }
            self.folder = folder
        }

        /// The first one begins it anew: all are told from the beginning.
        func add(_ event: RunEvent) throws {
            try journal.withLock { kept in
                let journal = try kept ?? begin()
                journal.append(event.kind) { new in
                    let sequence = new.sequence
                    new = event
                    new.sequence = sequence
                }
                try journal.commit(syncing: false)
                kept = journal
            }
        }

        /// It is seen when it takes the name of the one before.
        private func begin() throws -> Journal {
            let new = folder.journal + ".new-\(getpid())"
            File.remove(new)
            let journal = try Journal(new)
            try File.rename(new, to: folder.journal)
            return journal
        }
    }

    /// Asks the host, and writes down what it says.
    /// - Returns: whether it goes on.
    private func look(_ session: HostSession) async throws -> Bool {
        guard let heard = Heard(folder) else { return true }
        do { return try await session.look(at: run) { try heard.add($0) } } catch is Refusal {
            // Its process has ended without ending it, or it is not there any more.
            return false
        }
    }

    /// A run as it is now: of one that may go on elsewhere its host is asked.
    static func summary(of run: RunID, _ context: Context) async -> RunSummary {
        await summaries(of: [run], context)[0]
    }

    /// The same of several, whose hosts are asked at the same time.
    static func summaries(of runs: [RunID], _ context: Context) async -> [RunSummary] {
        await withTaskGroup(of: (Int, RunSummary).self) { group in
            for (number, run) in runs.enumerated() { group.addTask { (number, await asked(run, context)) } }
            var summaries: [RunSummary?] = Array(repeating: nil, count: runs.count)
            for await (number, summary) in group { summaries[number] = summary }
            return summaries.compactMap { $0 }
        }
    }

    private static func asked(_ run: RunID, _ context: Context) async -> RunSummary {
        let folder = RunFolder(run, in: context.lash)
        guard File.exists(folder.elsewhere) else { return RunSummary(run, in: context.lash) }
        let elsewhere = try? of(run, context)
        func summary(_ goesOn: Bool?) -> RunSummary {
            var summary = RunSummary(run, in: context.lash, isGoingOn: goesOn)
            summary.host = elsewhere?.host.name
            return summary
        }
        // Somebody here follows it, or its end is known.
        if Journal.isHeld(folder.journal) || !mayGoOn(run, context) { return summary(nil) }
        do {
            guard let elsewhere else { throw UsageFailure("its host is not in the host list") }
            return summary(
                try await context.connector(asking: Asking { _ in nil }).withSession(to: elsewhere.host) {
                    try await elsewhere.look($0)
                })
        } catch {
            var summary = summary(nil)
            summary.becomeUnknown()
            return summary
        }
    }

    // MARK: What is done with it

    /// - Parameter wish: `pause`, `continue`; nil for its end.
    func ask(_ wish: String?) async throws {
        try await context.connector().withSession(to: host) { try await $0.cancel(run, wish: wish) }
    }

    /// Brings what its tasks have printed, and hands it on when it is here; with `follows` again every second, to the run's end.
    func logs(follows: Bool, _ each: () throws -> Void) async throws {
        try await context.connector().withSession(to: host) { session in
            while true {
                let goesOn = try await look(session)
                try await session.fetchLogs(of: run, into: folder.logs)
                try each()
                if !follows || !goesOn { return }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// All that it has left there goes.
    /// - Throws: where it goes on, or the host can't be reached.
    func clean() async throws {
        try await context.connector().withSession(to: host) { session in
            do { try await session.clean(run) } catch let refusal as Refusal {
                // It is gone there already.
                if !refusal.summary.hasPrefix("there is no run") { throw refusal }
            }
        }
    }
}
