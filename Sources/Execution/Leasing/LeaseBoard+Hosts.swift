internal import Digests
internal import Files
internal import HostProtocol
internal import Plan
internal import Threads

/// Which host gets what.
extension LeaseBoard.HostState {
    /// Whether it could ever run the task.
    func fits(_ task: PlannedTask) -> Bool {
        if let label = task.label, !member.labels.contains(label) { return false }
        if let capacity { return capacity.holds(task.uses) }
        return member.room.map { Capacity(cpus: $0.cpus, memory: $0.memory, gpus: $0.gpus).holds(task.uses) } ?? true
    }

    /// Whether there is room for one more.
    /// - Parameter ahead: also beside those that run: as much again waits there, so that the next one begins without a way
    ///   to here and back.
    func takes(_ uses: Resources, ahead: Bool) -> Bool {
        guard isHere, !isDropped, !isDrained, let capacity, capacity.holds(uses) else { return false }
        let times = ahead ? 2 : 1
        return used.cpus + uses.cpus <= times * capacity.cpus
            && used.memory + (uses.memory ?? 0) <= Int64(times) * capacity.memory
            && used.gpus + uses.gpus <= times * capacity.gpus
    }
}

extension LeaseBoard.State {
    /// The fittest host: with room now before with room soon, then where most of what it takes lies, then with most room.
    func place(for task: PlannedTask, _ id: Digest? = nil, reads: [String]) -> Int? {
        var best: (host: Int, order: (Int, Int64, Double))?
        if let id,
            let done = hosts.firstIndex(where: { $0.isHere && !$0.isDropped && !$0.isDrained && $0.known.contains(id) })
        {
            return done
        }
        for (number, host) in hosts.enumerated() where host.fits(task) && host.takes(task.uses, ahead: true) {
            let held = reads.reduce(Int64(0)) { sum, read in
                guard let made = made[read], host.holds[read] == made.digest else { return sum }
                return made.entries.reduce(sum) { $0 + ($1.size ?? 0) }
            }
            let capacity = Double(max(1, host.capacity?.cpus ?? 1))
            let order = (
                host.takes(task.uses, ahead: false) ? 1 : 0, held,
                (capacity - Double(host.used.cpus)) / capacity + capacity / 1e6
            )
            if best == nil || order > best!.order { best = (number, order) }
        }
        return best?.host
    }

    /// The folders of tasks that a task takes, sorted.
    func folders(of task: PlannedTask) -> [String] {
        var found: Set<String> = []
        for read in task.reads + [task.turnBefore].compactMap(\.self) {
            if made[read] != nil { found.insert(read) }
            found.formUnion(below[read] ?? [])
        }
        return found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    mutating func add(_ folder: String, _ digest: Digest, _ entries: [MadeEntry]) {
        if made.updateValue((digest, entries), forKey: folder) != nil { return }
        var above = File.parent(of: folder)
        while RelativePath(above) != nil {
            below[above, default: []].append(folder)
            above = File.parent(of: above)
        }
    }

    /// Gives leases that no host has to those that have room.
    mutating func place() {
        var left: [LeaseBoard.Order] = []
        for order in unplaced {
            if let host = place(for: order.task, order.id, reads: order.reads) {
                give(order, to: host)
            } else {
                left.append(order)
            }
        }
        unplaced = left
    }

    mutating func give(_ order: LeaseBoard.Order, to host: Int) {
        var order = order
        order.hasBegun = false
        hosts[host].leases[order.id] = order
        hosts[host].used.give(order.task.uses)
        send(.lease(order.id), to: host)
    }

    @discardableResult
    mutating func remove(_ id: Digest, from host: Int) -> LeaseBoard.Order? {
        guard let order = hosts[host].leases.removeValue(forKey: id) else { return nil }
        hosts[host].reclaimed.remove(id)
        hosts[host].used.take(order.task.uses)
        return order
    }

    mutating func send(_ errand: LeaseBoard.Errand, to host: Int) {
        guard hosts[host].isHere else { return }
        hosts[host].errands.append(errand)
        hosts[host].wake?()
    }

    /// Asks for a lease that has not begun, as far as is known here.
    mutating func reclaim(_ id: Digest, from host: Int) {
        if let place = hosts[host].errands.firstIndex(of: .lease(id)) {
            // It was not even sent.
            hosts[host].errands.remove(at: place)
            return giveBack(id, from: host)
        }
        // Who is not here is asked when it comes.
        if hosts[host].isHere, hosts[host].reclaimed.insert(id).inserted { send(.reclaim(id), to: host) }
    }

    mutating func reclaimWaiting(of host: Int) {
        let waiting = hosts[host].leases.values.filter { !$0.hasBegun }.sorted { $0.number < $1.number }
        for order in waiting { reclaim(order.id, from: host) }
    }

    /// It has not begun there, and never will.
    mutating func giveBack(_ id: Digest, from host: Int) {
        guard let order = remove(id, from: host) else { return }
        if hosts[host].isDrained {
            let name = hosts[host].member.name
            say(order.number, .moved(from: name, hadBegun: false, reason: "\(name) is drained"))
        }
        unplaced.insert(order, at: 0)
        place()
        ring()
    }

    mutating func say(_ number: UInt64, _ what: LeaseBoard.Told) {
        told.append((number, what))
        ring()
    }

    mutating func note(_ text: String, _ collision: RunShares.Collision? = nil) {
        notes.append(LeaseBoard.Note(text: text, collision: collision))
        ring()
    }

    /// Takes all leases of a host away, for others.
    mutating func move(from host: Int, because reason: String) {
        let orders = hosts[host].leases.values.sorted { $0.number < $1.number }
        hosts[host].leases = [:]
        hosts[host].reclaimed = []
        hosts[host].used = Capacity(cpus: 0, memory: 0, gpus: 0)
        for order in orders {
            say(
                order.number,
                .moved(from: hosts[host].member.name, hadBegun: order.hasBegun, reason: reason))
        }
        unplaced = orders + unplaced
        place()
    }
}

/// What a line to a host tells, by its number among the hosts.
extension LeaseBoard {
    /// The host is here, and has told how it stands.
    /// - Parameter open: the leases that it has.
    func arrived(
        _ host: Int, _ capacity: Capacity, open: Set<Digest>, ended: Set<Digest>, holds: [String: Digest],
        wake: @escaping @Sendable () -> Void
    ) {
        state.change { state in
            let wasAway = state.hosts[host].isLost
            state.hosts[host].capacity = capacity
            state.hosts[host].isHere = true
            state.hosts[host].isLost = false
            state.hosts[host].holds = holds
            state.hosts[host].known = open.union(ended)
            state.hosts[host].wake = wake
            state.hosts[host].errands = []
            state.hosts[host].reclaimed = []
            if wasAway { state.note("\(state.hosts[host].member.name) is here again") }
            if state.isEnding { return state.send(.dismiss, to: host) }
            // What it has that is no longer its, and what it should have and has not.
            for id in open.sorted(by: { $0.hex < $1.hex }) where state.hosts[host].leases[id] == nil {
                if let place = state.unplaced.firstIndex(where: { $0.id == id }) {
                    let order = state.unplaced.remove(at: place)
                    state.hosts[host].leases[id] = order
                    state.hosts[host].used.give(order.task.uses)
                } else if state.isElsewhere(id) || state.endedLeases.contains(id) {
                    state.send(.revoke(id), to: host)
                }
            }
            for id in state.hosts[host].leases.keys.sorted(by: { $0.hex < $1.hex }) where !open.contains(id) {
                if state.hosts[host].isDrained {
                    state.giveBack(id, from: host)
                } else {
                    state.send(.lease(id), to: host)
                }
            }
            if state.hosts[host].isDrained { state.reclaimWaiting(of: host) }
            state.place()
            state.ring()
        }
    }

    /// The connection is gone; it may come again.
    package func parted(_ host: Int) { parted(host, since: Clock.monotonic) }

    /// - Parameter since: when something was heard of it for the last time.
    func parted(_ host: Int, since: Double) {
        state.change { state in
            guard state.hosts[host].isHere else { return }
            state.hosts[host].isHere = false
            state.hosts[host].since = since
            state.hosts[host].wake = nil
            state.hosts[host].errands = []
            state.ring()
        }
    }

    /// Gives the leases of those to others that have been away for too long.
    package func loseSilent() {
        let now = Clock.monotonic
        let lost = state.change { state in
            var lost: [Int] = []
            for host in state.hosts.indices {
                let there = state.hosts[host]
                if there.isLost || there.isHere || there.isDropped || now - there.since < silence { continue }
                state.hosts[host].isLost = true
                let name = there.member.name
                state.note(
                    "\(name) is lost\(there.trouble.map { ": \($0)" } ?? ""); it is used again when it can be reached")
                state.move(from: host, because: "\(name) is lost")
                lost.append(host)
            }
            return lost
        }
        for host in lost { losesCopies(host) }
    }

    /// What it held of workspaces others hold.
    private func losesCopies(_ host: Int) { state.change(\.shares)?.lose(shareName(of: host)) }

    /// Why it can't be reached, or is not here any more.
    package func trouble(_ host: Int, _ reason: String) { state.change { $0.hosts[host].trouble = reason } }

    /// It gets nothing any more.
    package func dropped(_ host: Int, because reason: String) {
        state.change { state in
            state.hosts[host].isHere = false
            state.hosts[host].isDropped = true
            state.hosts[host].wake = nil
            state.note("\(state.hosts[host].member.name) is not used any more: \(reason)")
            state.move(from: host, because: "\(state.hosts[host].member.name) is not used any more")
        }
        losesCopies(host)
    }

    func nextErrand(of host: Int) -> Errand? {
        state.change { $0.hosts[host].errands.isEmpty ? nil : $0.hosts[host].errands.removeFirst() }
    }

    /// The lease, and the folders that the host lacks for it; nil where it was taken back.
    func leaving(_ id: Digest, to host: Int) -> (Lease, [(made: String, entries: [MadeEntry])])? {
        state.change { state in
            guard let order = state.hosts[host].leases[id] else { return nil }
            var missing: [(made: String, entries: [MadeEntry])] = []
            for read in order.reads {
                guard let made = state.made[read], state.hosts[host].holds[read] != made.digest else { continue }
                missing.append((read, made.entries))
                state.hosts[host].holds[read] = made.digest
            }
            return (Lease(id: id, attempt: order.attempt, task: order.task), missing)
        }
    }

    /// What a host has; nil where it is another one's, or nobody's.
    func order(_ id: Digest, on host: Int) -> Order? { state.change { $0.hosts[host].leases[id] } }

    func began(_ id: Digest, on host: Int) {
        state.change { state in
            guard let order = state.hosts[host].leases[id], !order.hasBegun else { return }
            state.hosts[host].leases[id]?.hasBegun = true
            state.begun[id] = Clock.monotonic
            state.hosts[host].reclaimed.remove(id)
            state.say(order.number, .began(host: state.hosts[host].member.name))
        }
    }

    /// A host has given back what it was asked for.
    func returned(_ id: Digest, by host: Int) {
        state.change { state in
            if state.hosts[host].reclaimed.contains(id) { state.giveBack(id, from: host) }
        }
    }

    /// - Returns: the order that a host tells the end of, for it alone; nil where another one has done it, or is just telling, or
    ///   nobody wants it any more.
    func claim(_ id: Digest) -> Order? {
        state.change { state in
            guard
                let order = state.hosts.compactMap({ $0.leases[id] }).first
                    ?? state.unplaced.first(where: { $0.id == id }),
                state.claimed.insert(id).inserted
            else { return nil }
            return order
        }
    }

    /// What was told was nothing.
    func unclaim(_ id: Digest) { state.change { _ = $0.claimed.remove(id) } }

    /// Its end is here, and what it made is in its place.
    func ended(_ order: Order, on host: Int, _ past: RunningTask.Past, made: (digest: Digest, entries: [MadeEntry])?) {
        state.change { state in
            for other in state.hosts.indices where state.remove(order.id, from: other) != nil {
                if other != host { state.send(.revoke(order.id), to: other) }
            }
            state.unplaced.removeAll { $0.id == order.id }
            for number in state.hosts.indices { state.hosts[number].known.remove(order.id) }
            state.endedLeases.insert(order.id)
            state.claimed.remove(order.id)
            if let made {
                state.hosts[host].holds[order.task.made] = made.digest
                state.add(order.task.made, made.digest, made.entries)
            }
            state.hosts[host].doneCount += 1
            if !order.hasBegun { state.say(order.number, .began(host: state.hosts[host].member.name)) }
            state.say(order.number, .ended(past))
            state.send(.taken(order.id), to: host)
            state.place()
        }
    }

    func forget(_ id: Digest, on host: Int) { state.change { $0.send(.taken(id), to: host) } }
}

extension LeaseBoard.State {
    func isElsewhere(_ id: Digest) -> Bool { hosts.contains { $0.leases[id] != nil } }
}
