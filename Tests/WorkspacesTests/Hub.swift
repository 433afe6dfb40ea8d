import Files
import Glibc

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
        _ = try replica.lookAtAll()
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
        // Nor does a program that another test starts just now still have open what this process has written.
        let files = machines[number].files
        for path in try Folder.names(in: files) {
            let file = open("\(files)/\(path)", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            if file < 0 { continue }
            defer { close(file) }
            // A lease on reading (F_SETLEASE) is given only where nobody writes.
            while fcntl(file, 1024, F_RDLCK) != 0, errno == EAGAIN { usleep(1000) }
            _ = fcntl(file, 1024, F_UNLCK)
        }
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
        let changed = try machine.replica.lookAtAll()
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

extension Replica {
    /// A look at all that programs did. A program that another test starts at that moment holds the files that this process writes open
    /// until it begins, as if it were writing them: they are looked at again.
    func lookAtAll() throws -> Set<RelativePath> {
        var changed: Set<RelativePath> = []
        while true {
            let scan = try scan(settled: true)
            changed.formUnion(scan.changed)
            if scan.unsettled.isEmpty { return changed }
            usleep(1000)
        }
    }
}
