internal import CLinux
package import Failures
package import Files
internal import Glibc
package import HostProtocol
internal import JSON
internal import Plan
internal import Threads

/// What one host runs of a metro: from its images to its results, told by its journal.
package struct Piece {
    private let start: RunStart
    private let folder: RunFolder
    private let lash: LASH
    private let journal: Journal
    private let secret: (String) -> String?
    private let board: LeaseBoard?

    /// - Parameters:
    ///   - folder: made, with its start.json.
    ///   - journal: opened and held by this process.
    ///   - board: the hosts that do its tasks; nil where this machine does.
    ///   - secret: what a name stands for that a station gives as its secret's; nil where it was not given.
    package init(
        _ start: RunStart, folder: RunFolder, in lash: LASH, journal: Journal, board: LeaseBoard? = nil,
        secret: @escaping (_ name: String) -> String? = { _ in nil }
    ) {
        self.secret = secret
        (self.start, self.folder, self.lash, self.journal, self.board) = (start, folder, lash, journal, board)
    }

    /// Where this machine does the tasks, it must have all labels that stations ask for.
    private func checkLabels(of plan: Plan) throws(ExecutionFailure) {
        let labels = start.labels ?? []
        guard board == nil,
            let station = plan.stations.first(where: { $0.label.map { !labels.contains($0) } ?? false })
        else { return }
        let label = Shown.text(station.label ?? "")
        throw ExecutionFailure(
            "the station \(station.id) is for hosts with the label “\(label)”, and this one does not have it",
            fix: "las deploy METRO --label \(label), or take “at” out of the metro", exitCode: .usage)
    }

    private static let unsandboxed =
        "the sandbox is off: tasks are not kept apart from each other, this machine's network and what the run made; nothing is taken from earlier runs, or kept for later ones"

    /// How a run ended.
    package struct Ended: Sendable {
        package let succeeded: Bool
        package let exitCode: ExitCode
    }

    /// Runs it to its end, which is the journal's `runEnded` in every case, then lets go of all that it used.
    ///
    /// Call it in the process's first thread before there is another: as root it gets mounts of its own.
    /// - Parameters:
    ///   - tether: a descriptor whose end cancels the run.
    ///   - follow: told of each event after it was recorded.
    package func perform(tether: Int32? = nil, follow: @escaping (RunEvent) -> Void = { _ in }) -> Ended {
        do {
            return try begin(tether: tether, follow: follow)
        } catch {
            let failure = error as? any Failure
            let event = journal.append(.runEnded) {
                $0.succeeded = false
                $0.text = failure?.description ?? "\(error)"
                $0.exitCode = Int((failure?.exitCode ?? .resources).rawValue)
                $0.files = []
            }
            // The disk may be what failed.
            try? journal.commit()
            follow(event)
            return Ended(succeeded: false, exitCode: failure?.exitCode ?? .resources)
        }
    }

    private func begin(tether: Int32?, follow: @escaping (RunEvent) -> Void) throws -> Ended {
        let signals = las_signals(RunControl.signals, Int32(RunControl.signals.count))
        if signals < 0 { throw ExecutionFailure.system("can't wait for signals") }
        defer { close(signals) }
        let recorded = Recorded(journal.recorded)
        if let end = recorded.end, end.succeeded ?? false {
            throw ExecutionFailure("the run has ended well: there is nothing to resume", exitCode: .usage)
        }
        // One that was just made has nothing to be cleared.
        if recorded.wasBegun || folder.wasUsed { try folder.clear(in: lash) }
        try File.write("\(getpid())\n", to: folder.pid, syncing: false)
        let images =
            try board.map { try Ladder.reachMetro(start, $0, in: lash) }
            ?? Ladder.reach(start, folder: folder, in: lash)
        defer { withExtendedLifetime(images) {} }
        let beginning = Beginning(start, folder: folder, in: lash, reaching: board == nil ? images : nil)
        defer { beginning.end() }
        let (plan, text) = try Self.plan(of: images)
        let capacity = Capacity.ofHost(cpus: start.cpus)
        // Those that run, and twice as many whose outputs are looked at.
        let crew = Crew(atMost: 3 * capacity.cpus + 1)
        defer { crew.end() }
        if board == nil { TaskSandbox.prepare(crew, images, plan) }
        try File.write(text, to: folder.plan, syncing: false)
        if let board { try board.check(plan) } else { try capacity.check(plan) }
        try checkLabels(of: plan)
        let secrets = try GivenSecrets(for: plan.stations, secret)
        if images.engine == .proot, let station = plan.stations.first(where: \.isWritable) {
            throw ExecutionFailure(
                "the station \(station.id) may change its environment (“writable: yes”), and by PRoot it can't",
                fix: "run it where user namespaces are allowed; “las-runtime doctor” tells what is missing")
        }
        let reached = board == nil ? Set(images.environments.keys) : Set(start.environments.keys)
        for environment in plan.environments where !reached.contains(environment.id.name) {
            throw ExecutionFailure("the environment “\(environment.id)” is not among the parts", exitCode: .integrity)
        }
        var outposts: RunOutposts?
        defer { outposts?.end() }
        if let board, !plan.workspaces.isEmpty {
            let shares = try RunShares(plan, run: folder, metro: images.metro, host: board.shareName, watches: false)
            outposts = try RunOutposts(plan, shares, board, run: folder, signals: signals)
            board.begin(shares)
        } else {
            try RunWorkspaces(folder).fillAlone(plan, from: images.metro)
        }
        let boot = Boot.here
        let isUnsandboxed = start.isUnsandboxed ?? false
        var events = [
            journal.append(recorded.wasBegun ? .runResumed : .runStarted) {
                $0.text = plan.metro
                $0.engine = board == nil ? images.engine.rawValue : "hosts"
                $0.reason = images.reason
                $0.sandbox = isUnsandboxed ? "off" : nil
                $0.boot = boot
                $0.count = recorded.wasBegun ? recorded.done.count : nil
            }
        ]
        if journal.cut > 0 {
            events.append(
                journal.append(.note) {
                    $0.text =
                        "the journal was cut off in the middle of a line; what the last \(journal.cut) bytes told of runs again"
                })
        }
        var groups: ControlGroups?
        var notes = images.notes + plan.notes
        if isUnsandboxed { notes.append(Self.unsandboxed) }
        if board == nil, plan.stations.contains(where: { $0.uses.memory != nil }) {
            do throws(ExecutionFailure) { groups = try ControlGroups() } catch {
                notes.append(
                    "each process of a task is held to the memory that the task may use, and not all of them together: \(error.words)"
                )
            }
        }
        if images.engine == .container, plan.stations.contains(where: \.isWritable) {
            notes.append("what stations with “writable: yes” change in this container stays in it, and others see it")
        }
        for note in notes { events.append(journal.append(.note) { $0.text = note }) }
        // Nothing builds on this yet: what follows is synced with it.
        try journal.commit(syncing: false)
        events.forEach(follow)
        if board != nil { beginning.mayUseDisk() }
        let reuse = Reuse(start, images, plan, in: lash)
        reuse.store.prune(onlyWhereFull: true)
        let scheduler = try Scheduler(
            plan, run: folder, journal: journal, images: images, reuse: reuse,
            resuming: Resuming(recorded, boot: boot), failsFast: start.failsFast ?? false,
            keepsMade: start.keepsMade ?? false, capacity: capacity, groups: groups, secrets: secrets,
            crew: crew, folders: beginning.folders, first: beginning.first, isUnsandboxed: isUnsandboxed,
            signals: signals, tether: tether, board: board, launched: beginning.mayUseDisk, follow: follow)
        let succeeded = try scheduler.perform()
        let results = try RunResults(folder).gather(scheduler.results, leftOut: scheduler.leftOut) {
            scheduler.madeFile($0)
        }
        var trouble: (any Error)?
        do { try outposts?.finish(isOver: !succeeded) } catch { trouble = error }
        reuse.remember(scheduler.pasts, of: plan.metro, in: start.run)
        // Who hears of the end may resume the run at once: nothing but the way out follows it.
        beginning.end()
        let code = trouble.map { ($0 as? any Failure)?.exitCode ?? .resources } ?? .done
        let ended = journal.append(.runEnded) {
            $0.succeeded = succeeded && trouble == nil
            $0.exitCode = Int((succeeded ? code : .stationsFailed).rawValue)
            $0.files = results
            if succeeded, let trouble { $0.text = (trouble as? any Failure)?.description ?? "\(trouble)" }
            if scheduler.wasCancelled { $0.text = Scheduler.cancelled }
        }
        try journal.commit()
        try? Folder.remove(folder.tasks)
        follow(ended)
        reuse.store.prune()
        return Ended(succeeded: succeeded && trouble == nil, exitCode: succeeded ? code : .stationsFailed)
    }

    /// The metro's plan, and its text.
    static func plan(of images: ReachedImages) throws -> (plan: Plan, text: [UInt8]) {
        let text = try File.read(images.metro + "/plan.json", atMost: 256 << 20)
        return (try plan(text), text)
    }

    static func plan(_ bytes: [UInt8]) throws(ExecutionFailure) -> Plan {
        struct Version: Decodable { let version: Int }
        do throws(JSONFailure) {
            let value = try JSONText.parse(bytes)
            let version = try value.decode(Version.self).version
            if version != Plan.currentVersion {
                throw JSONFailure("its version is \(version), and this runtime reads \(Plan.currentVersion)")
            }
            return try value.decode(Plan.self)
        } catch {
            throw ExecutionFailure(
                "the metro's plan can't be read", cause: error.description, fix: "pack it with this las",
                exitCode: .integrity)
        }
    }
}
