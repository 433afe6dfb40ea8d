internal import Execution
internal import Failures
internal import Files
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Parts
internal import Plan

/// What the hosts that las knows have for tasks: this machine, and those it has spoken with before.
struct HostRooms {
    let lash: LASH

    /// This machine's, and for each host of the list what it had when las last spoke with it; nil where it never did.
    func all() throws -> [Room?] {
        [HostRooms.ofThisMachine] + (try HostList.read(lash).hosts).map { room(of: $0.name) }
    }

    static var ofThisMachine: Room {
        let capacity = Capacity.ofHost()
        return Room(cpus: capacity.cpus, memory: capacity.memory, gpus: capacity.gpus)
    }

    func room(of host: String) -> Room? {
        guard let text = try? File.read(path(of: host), atMost: 1 << 20),
            let facts = try? JSONText.decode(HostFacts.self, from: text)
        else { return nil }
        return Room(facts)
    }

    /// Keeps what a host says it has. That it can't be kept is no reason not to go on; nor is it waited for that the disk has it,
    /// since it is told anew every time.
    func keep(_ facts: HostFacts?, of host: Host) {
        guard let facts, !host.isLocal else { return }
        try? Folder.make(lash.facts)
        try? File.put(Array(JSONText.encode(facts, indented: true)), at: path(of: host.name))
    }

    func forget(_ host: String) { try? Folder.remove(path(of: host)) }

    /// Names of hosts are fit for files.
    private func path(of host: String) -> String { "\(lash.facts)/\(host).json" }
}

extension Room {
    /// - Parameter cpus: how many of its processors may be used; nil for all.
    init(_ facts: HostFacts, cpus: Int? = nil) {
        self.init(
            cpus: max(1, min(facts.cpus, cpus ?? facts.cpus)), memory: facts.memory,
            gpus: facts.gpus ?? facts.offers?.gpus ?? 0)
    }
}

extension Plan {
    /// What no host that las knows has room for.
    func notesOfRoom(_ context: Context) throws -> [String] {
        let rooms = try HostRooms(lash: context.lash).all()
        let place =
            rooms.count == 1 ? "this machine, the only host that las knows, has" : "the largest host that las knows has"
        let tooLarge = self.tooLarge(for: rooms, place)
        let told = tooLarge.prefix(20).map { "the station \($0.station) \($0.shortage)" }
        return told
            + (tooLarge.count > told.count ? ["\(tooLarge.count - told.count) more stations are too large"] : [])
    }
}

extension [Part] {
    /// Those that a host needs which gets some of a run's tasks: the metro, and the environments of the stations that it has the labels
    /// and the room for.
    ///
    /// - Parameters:
    ///   - cpus: how many of its processors may be used; nil for all.
    ///   - plan: the run's; nil where it is not known, and all may be needed.
    func needed(by host: Host, _ facts: HostFacts?, cpus: Int?, of plan: Plan?) -> [Part] {
        guard let plan else { return self }
        let environments = plan.environments(for: Set(host.labels), facts.map { Room($0, cpus: cpus) })
        return filter { part in part.kind != .environment || environments.contains(EnvironmentID(part.name)) }
    }
}

/// A host that could never run one of the stations.
struct RoomFailure: Failure {
    let summary: String
    let fix: String?
    let exitCode = ExitCode.resources
}
