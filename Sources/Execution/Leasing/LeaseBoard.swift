internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
package import Plan
internal import Sandbox
internal import Threads
internal import Workspaces

/// The hosts of a run, and which of them has which task: asked by the scheduler, whose thread decides what is to run, and told by
/// the lines to the hosts what becomes of it. From any thread.
///
/// A task counts as done when what it made lies here, whole. So a host that is lost takes nothing with it but what it was about to do.
package final class LeaseBoard: @unchecked Sendable {
    /// A host as the run knows it before it is reached.
    package struct Member: Sendable {
        package let name: String
        package let labels: Set<String>
        /// What it had when las spoke with it last.
        package let room: Room?
        /// Whether it is the machine that leads the run.
        var isHead: Bool { name == "local" }

        package init(name: String, labels: Set<String>, room: Room?) {
            (self.name, self.labels, self.room) = (name, labels, room)
        }
    }

    /// What the scheduler is told of a task.
    enum Told {
        case began(host: String)
        case moved(from: String, hadBegun: Bool, reason: String)
        case ended(RunningTask.Past)
    }

    /// What a person is told of.
    struct Note: Sendable {
        let text: String
        /// What it tells of, where that is two versions of a file.
        var collision: RunShares.Collision?
    }

    /// A task on its way.
    struct Order {
        let id: Digest
        let task: PlannedTask
        let attempt: Int
        /// Its number in the scheduler.
        let number: UInt64
        /// Keeps what it made for other runs.
        let keep: @Sendable (_ entries: [MadeEntry], _ seconds: Double, _ unmet: String?, _ objection: String?) -> Void
        /// Folders of tasks below `made` that it takes.
        let reads: [String]
        var hasBegun = false
    }

    /// What a line is to send.
    enum Errand: Equatable {
        case lease(Digest)
        case revoke(Digest)
        /// It is wanted back, if it has not begun: only the host knows that.
        case reclaim(Digest)
        case taken(Digest)
        case dismiss
    }

    struct HostState {
        let member: Member
        var capacity: Capacity?
        var isHere = false
        /// What it sends is not believed any more, or it can't run any of this.
        var isDropped = false
        /// It gets nothing further: its keeper wants it for something else.
        var isDrained = false
        /// When it was last here, or the run began.
        var since = Clock.monotonic
        /// Its leases were given to others.
        var isLost = false
        var trouble: String?
        var leases: [Digest: Order] = [:]
        /// Those of them that it was asked to give back.
        var reclaimed: Set<Digest> = []
        var used = Capacity(cpus: 0, memory: 0, gpus: 0)
        var holds: [String: Digest] = [:]
        /// Leases that it told of when it came, which wait, run or have ended there, and whose end is not here yet.
        var known: Set<Digest> = []
        var errands: [Errand] = []
        var wake: (@Sendable () -> Void)?
        var doneCount = 0
    }

    struct State {
        var hosts: [HostState]
        /// Leases that no host has.
        var unplaced: [Order] = []
        var made: [String: (digest: Digest, entries: [MadeEntry])] = [:]
        /// Folders that hold those of tasks, with these.
        var below: [String: [String]] = [:]
        var told: [(number: UInt64, told: Told)] = []
        var notes: [Note] = []
        /// Leases of this run that have ended, whoever ended them.
        var endedLeases: Set<Digest> = []
        /// Those whose end is just coming.
        var claimed: Set<Digest> = []
        var isEnding = false
        /// The workspaces that each host has tasks of.
        var uses: [Int: Set<String>] = [:]
        var shares: RunShares?
        /// When leases began, as far as was heard.
        var begun: [Digest: Double] = [:]
        /// Who wrote what in folders that all machines see.
        var writers = SharedWriters()
        /// A byte is written here when something is told.
        var bell: Int32 = -1

        func ring() {
            var byte: UInt8 = 0
            if bell >= 0 { _ = write(bell, &byte, 1) }
        }
    }

    let run: RunFolder
    /// Seconds without a sign of a host, after which its leases go to others.
    package let silence: Double
    /// Whether tasks say what the words of their commands stand for: hosts that run only what is signed hold them against the plan.
    let tellsWords: Bool
    let state: Monitor<State>

    /// How servers are spoken to that hold files of workspaces; nil where they are not.
    let reachesServer: ReachesServer?

    package init(
        _ members: [Member], run: RunFolder, silence: Double, tellsWords: Bool = false,
        reachesServer: ReachesServer? = nil
    ) {
        (self.run, self.silence, self.tellsWords) = (run, silence, tellsWords)
        self.reachesServer = reachesServer
        state = Monitor(State(hosts: members.map { HostState(member: $0) }))
    }

    package var names: [String] { state.change { $0.hosts.map(\.member.name) } }

    /// Why no host could ever run some station.
    func check(_ plan: Plan) throws(ExecutionFailure) {
        let labels = Set(state.change { $0.hosts.flatMap(\.member.labels) })
        if let station = plan.stations.first(where: { $0.label.map { !labels.contains($0) } ?? false }) {
            let label = Shown.text(station.label ?? "")
            throw ExecutionFailure(
                "the station \(station.id) is for hosts with the label “\(label)”, and none of the hosts has it",
                fix: "las host label NAME \(label), or name other hosts", exitCode: .usage)
        }
        let rooms = state.change { $0.hosts.map(\.member.room) }
        if let (station, shortage) = plan.tooLarge(for: rooms, "the largest of the hosts has").first {
            throw ExecutionFailure(
                "the station \(station) \(shortage)", fix: "change its “uses”, or add a larger host")
        }
    }

    // MARK: Workspaces

    /// The run's workspaces begin.
    func begin(_ shares: RunShares) {
        state.change { state in
            state.shares = shares
            let others = state.hosts.count { !$0.member.isHead }
            for (name, copies) in shares.copied {
                if others < copies - 1 {
                    state.note(
                        "each file of the workspace “\(name)” is to lie on \(copies) machines (“copies”), and the run has \(others + 1): it lies on \(others == 0 ? "that one" : "all of them")"
                    )
                }
            }
            if !shares.copied.isEmpty { for host in state.hosts { host.wake?() } }
        }
    }

    /// Workspaces of which hosts may have to hold files, whoever has tasks of them; nil while nobody knows.
    var copied: [String]? { state.change { $0.shares?.copied.map(\.name) } }

    func isHead(_ host: Int) -> Bool { state.change { $0.hosts[host].member.isHead } }

    func shares() throws(ExecutionFailure) -> RunShares {
        guard let shares = state.change(\.shares) else {
            throw ExecutionFailure("the run has no workspaces", exitCode: .integrity)
        }
        return shares
    }

    /// What the head is called in them: as none of the hosts.
    var shareName: String { "head" }

    /// What a host is called in them; no two are called the same.
    func shareName(of host: Int) -> String {
        let names = names
        func name(_ number: Int) -> String {
            let bytes = names[number].utf8.map { byte in
                byte < 0x80 && (byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
                    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") ? byte : UInt8(ascii: "-")
            }
            return String(decoding: bytes.prefix(40), as: UTF8.self)
        }
        let own = name(host)
        let isTaken =
            own == shareName || own == Outpost.host || names.indices.contains { $0 != host && name($0) == own }
        return isTaken || own.isEmpty ? "\(own)@\(host + 1)" : own
    }

    /// Those that a host has tasks of.
    func uses(of host: Int) -> [String] { state.change { ($0.uses[host] ?? []).sorted() } }
    func uses(_ names: [String], on host: Int) { state.change { $0.uses[host, default: []].formUnion(names) } }

    /// Tells of files that two machines wrote at once.
    ///
    /// - Parameter isQuick: see `RunShares.newCollisions`.
    func tellCollisions(isQuick: Bool = false) {
        guard let shares = state.change(\.shares) else { return }
        for found in shares.newCollisions(isQuick: isQuick) {
            let text =
                "two machines wrote one file of the workspace “\(found.workspace)” at once; one of them is kept as \(Shown.text(found.file.string, atMost: 300))"
            state.change { $0.note(text, found) }
        }
    }

    /// Tells a person something.
    func tell(_ text: String) { state.change { $0.note(text) } }

    // MARK: The scheduler's side

    /// - Parameter bell: a pipe that gets a byte when there is something to take.
    func begin(bell: Int32) { state.change { $0.bell = bell } }

    /// What has happened since the last time.
    func take() -> (told: [(number: UInt64, told: Told)], notes: [Note]) {
        state.change { state in
            defer { (state.told, state.notes) = ([], []) }
            return (state.told, state.notes)
        }
    }

    /// Whether a host would begin this one soon.
    func takes(_ task: PlannedTask) -> Bool { state.change { $0.place(for: task, reads: []) != nil } }

    /// Whether no host takes anything now.
    var isFull: Bool { state.change { state in !state.hosts.contains { $0.takes(Resources(cpus: 1), ahead: true) } } }

    /// Whether a host may come that has room for it, or is here.
    func hopes(for task: PlannedTask) -> Bool {
        let now = Clock.monotonic
        return state.change { state in
            state.hosts.contains { host in
                !host.isDropped && host.fits(task) && (host.isHere || now - host.since < 10 * silence)
            }
        }
    }

    /// Whether nobody is here, and nobody has been for a long time.
    var isHopeless: Bool {
        let now = Clock.monotonic
        return state.change { state in
            state.hosts.allSatisfy { $0.isDropped || !$0.isHere && now - $0.since >= 10 * silence }
        }
    }

    static let noHost = "no host can be reached any more"
    static let noRoom = "what is left was not run: no host that has room for it can be reached"

    /// When `hopes` may change by itself.
    var nextLook: Double { Clock.monotonic + silence }

    /// What lies below the run's `made` by now.
    func add(_ made: String, _ entries: [MadeEntry]) {
        let digest = MadeEntry.digest(of: entries)
        state.change { $0.add(made, digest, entries) }
    }

    func lease(
        _ task: PlannedTask, number: UInt64, attempt: Int,
        keep: @escaping @Sendable ([MadeEntry], Double, String?, String?) -> Void
    ) {
        state.change { state in
            let reads = state.folders(of: task)
            var text = JSONText.encode(task)
            text += Array("\n\(attempt)\n".utf8)
            for read in reads { text += Array("\(read) \(state.made[read]?.digest.hex ?? "")\n".utf8) }
            let order = Order(
                id: Digest(of: text), task: task, attempt: attempt, number: number, keep: keep, reads: reads)
            state.endedLeases.remove(order.id)
            state.unplaced.append(order)
            state.place()
        }
    }

    /// Where a host has nothing to do and another one has tasks waiting: it gets one of them, once that one has given it back. A
    /// task that was just taken away might have begun, and what it had done in workspaces would be done twice.
    func balance() {
        state.change { state in
            for host in state.hosts.indices where state.hosts[host].isHere && state.hosts[host].leases.isEmpty {
                let idle = state.hosts.count { $0.isHere && !$0.isDrained && $0.leases.isEmpty }
                if state.hosts.reduce(0, { $0 + $1.reclaimed.count }) >= idle { return }
                let others = state.hosts.indices.filter { $0 != host && state.hosts[$0].isHere }
                let waiting = others.flatMap { other in
                    state.hosts[other].leases.values.filter {
                        !$0.hasBegun && !state.hosts[other].reclaimed.contains($0.id) && state.hosts[host].fits($0.task)
                    }.map { (other, $0) }
                }
                // The one that would come last there.
                guard let (other, order) = waiting.max(by: { $0.1.number < $1.1.number }),
                    state.hosts[other].leases.count > 1, state.hosts[host].takes(order.task.uses, ahead: false)
                else { continue }
                state.reclaim(order.id, from: other)
            }
        }
    }

    /// Everything ends, by a person's wish or since something failed; nothing is waited for.
    func cancelAll() {
        state.change { state in
            let past = RunningTask.Past(
                outcome: .failed(.init(reason: Scheduler.cancelled, mayRetry: false)), seconds: 0,
                usage: SandboxUsage(),
                printed: "", wasCancelled: true)
            for order in state.unplaced { state.say(order.number, .ended(past)) }
            state.unplaced = []
            for host in state.hosts.indices {
                for order in state.hosts[host].leases.values.sorted(by: { $0.number < $1.number }) {
                    state.say(order.number, .ended(past))
                    state.send(.revoke(order.id), to: host)
                }
                state.hosts[host].leases = [:]
                state.hosts[host].reclaimed = []
                state.hosts[host].used = Capacity(cpus: 0, memory: 0, gpus: 0)
            }
        }
    }

    /// One more host takes part.
    /// - Returns: its number.
    package func join(_ member: Member) -> Int {
        state.change { state in
            state.hosts.append(HostState(member: member))
            state.note("\(member.name) takes part from now on")
            return state.hosts.count - 1
        }
    }

    /// A host gets no further tasks, what waits there goes to others when it has given that back, and what runs there ends; or it
    /// gets some again.
    package func drain(_ host: Int, _ isDrained: Bool) {
        state.change { state in
            guard state.hosts[host].isDrained != isDrained else { return }
            state.hosts[host].isDrained = isDrained
            let name = state.hosts[host].member.name
            state.note(isDrained ? "\(name) is drained, and gets no further tasks" : "\(name) gets tasks again")
            if isDrained { state.reclaimWaiting(of: host) }
            state.place()
            state.ring()
        }
    }

    /// Nothing is wanted of any host any more.
    package func dismiss() {
        state.change(\.shares)?.end()
        state.change { state in
            state.isEnding = true
            for host in state.hosts.indices { state.send(.dismiss, to: host) }
        }
    }

    package var isAnyHere: Bool { state.change { $0.hosts.contains(where: \.isHere) } }
    package var isEnding: Bool { state.change { $0.isEnding } }
}
