import Files

@testable import Workspaces

/// Machines with folders of their own, and one in their middle that each has a connection to.
final class Hub {
    final class Machine {
        fileprivate(set) var replica: Replica
        /// Whether it has only what is needed there.
        let isPartial: Bool
        /// nil while it is cut off.
        var ends: (here: SharePeer, there: SharePeer)?

        init(_ replica: Replica, isPartial: Bool) { (self.replica, self.isPartial) = (replica, isPartial) }

        var files: String { replica.folder.path }
    }

    let middle: Replica
    private(set) var machines: [Machine] = []
    /// Bytes of all that was said, and of the longest message.
    private(set) var said = 0
    /// Of it lists of what files are made of.
    private(set) var listed = 0

    /// - Parameter partial: those that have only what is needed there.
    init(
        _ names: [String], partial: Set<String> = [], in scratch: String, _ rule: CollisionRule = .keepBoth
    ) throws {
        middle = try Replica("\(scratch)/head", host: "head", rule: rule)
        for name in names {
            let replica = try Replica("\(scratch)/\(name)", host: name, rule: rule)
            if partial.contains(name) { replica.becomePartial() }
            machines.append(Machine(replica, isPartial: partial.contains(name)))
            connect(machines.count - 1)
        }
    }

    func connect(_ number: Int) {
        let machine = machines[number]
        if machine.ends != nil { return }
        machine.ends = (
            SharePeer(middle, answers: true, sendsShort: !machine.isPartial), SharePeer(machine.replica, answers: true)
        )
    }

    /// Its process ends, and comes again on what lies there.
    func restart(_ number: Int) throws {
        cut(number)
        let old = machines[number].replica
        let replica = try Replica(File.parent(of: old.folder.path), host: old.host, rule: old.map.rule)
        if machines[number].isPartial { replica.becomePartial() }
        _ = try replica.scan(settled: true)
        _ = try replica.apply()
        machines[number].replica = replica
    }

    // MARK: What is needed

    func need(_ number: Int, _ id: String, _ isNeeded: @escaping @Sendable (RelativePath) -> Bool) throws {
        let machine = machines[number]
        _ = machine.replica.need(id, isNeeded)
        let needs = try machine.replica.apply()
        machine.ends?.there.ask(for: needs)
        tellPlaces(number)
    }

    func makeRoom(_ number: Int, within limit: Int64) throws {
        let machine = machines[number]
        let peer = machine.ends?.there
        let (held, lacked) = (peer?.held, peer?.lacked ?? [])
        try machine.replica.makeRoom(within: limit) { name, dot in
            held?.covers(dot) ?? false && !lacked.contains(name)
        }
        tellPlaces(number)
    }

    /// Until its files are old enough for their times to tell whether they are written again.
    func age(_ number: Int) throws {
        while !machines[number].replica.fresh.isEmpty { try look(number) }
    }

    private func tellPlaces(_ number: Int) {
        machines[number].ends?.there.tellPlaces(machines[number].replica.takeAbsentChanges())
    }

    func cut(_ number: Int) {
        machines[number].ends?.here.end()
        machines[number].ends?.there.end()
        machines[number].ends = nil
    }

    /// What a machine's programs did becomes known to it.
    func look(_ number: Int) throws {
        let machine = machines[number]
        let changed = try machine.replica.scan(settled: true).changed
        let needs = try machine.replica.apply()
        machine.ends?.there.ask(for: needs)
        machine.ends?.there.tell(changed, isNews: true)
        tellPlaces(number)
    }

    /// One message from one to the other.
    /// - Returns: false where there was none.
    func pass(_ number: Int, fromMiddle: Bool) throws -> Bool {
        guard let ends = machines[number].ends else { return false }
        guard let message = try (fromMiddle ? ends.here : ends.there).next() else { return false }
        said += message.count + 5
        if message.first == 3 { listed += message.count }
        let changed = try (fromMiddle ? ends.there : ends.here).hear(message)
        tellPlaces(number)
        if !fromMiddle {
            for (other, machine) in machines.enumerated() where other != number {
                machine.ends?.here.tell(changed, isNews: true)
            }
        }
        return true
    }

    /// Until nobody has anything to say.
    func pass() throws {
        var isMore = true
        while isMore {
            isMore = false
            for number in machines.indices {
                for fromMiddle in [false, true] { while try pass(number, fromMiddle: fromMiddle) { isMore = true } }
            }
        }
    }

    /// All look and tell until nothing changes any more.
    func settle() throws {
        for number in machines.indices { connect(number) }
        for _ in 1...3 {
            for number in machines.indices { try look(number) }
            try pass()
        }
    }
}
