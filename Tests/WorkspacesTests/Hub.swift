import Files

@testable import Workspaces

/// Machines with folders of their own, and one in their middle that each has a connection to.
final class Hub {
    final class Machine {
        let replica: Replica
        /// nil while it is cut off.
        var ends: (here: SharePeer, there: SharePeer)?

        init(_ replica: Replica) { self.replica = replica }

        var files: String { replica.folder.path }
    }

    let middle: Replica
    private(set) var machines: [Machine] = []
    /// Bytes of all that was said, and of the longest message.
    private(set) var said = 0
    /// Of it lists of what files are made of.
    private(set) var listed = 0

    init(_ names: [String], in scratch: String, _ rule: CollisionRule = .keepBoth) throws {
        middle = try Replica("\(scratch)/head", host: "head", rule: rule)
        for name in names {
            machines.append(Machine(try Replica("\(scratch)/\(name)", host: name, rule: rule)))
            connect(machines.count - 1)
        }
    }

    func connect(_ number: Int) {
        let machine = machines[number]
        if machine.ends == nil { machine.ends = (SharePeer(middle), SharePeer(machine.replica)) }
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
    }

    /// One message from one to the other.
    /// - Returns: false where there was none.
    func pass(_ number: Int, fromMiddle: Bool) throws -> Bool {
        guard let ends = machines[number].ends else { return false }
        guard let message = try (fromMiddle ? ends.here : ends.there).next() else { return false }
        said += message.count + 5
        if message.first == 3 { listed += message.count }
        let changed = try (fromMiddle ? ends.there : ends.here).hear(message)
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
