internal import Digests
internal import Failures
internal import Files
internal import Glibc
package import HostProtocol
internal import JSON
internal import Plan
internal import Sandbox
internal import Threads

/// The connection to one host of a run: sends what the board has for it, and puts what it sends to its place. The host is not
/// trusted: what it tells of must have been leased, and what it sends must be what it says.
package final class LeaseLine: FrameTalk, @unchecked Sendable {
    private let board: LeaseBoard
    private let host: Int
    private let capacity: Capacity
    private let wake: @Sendable () -> Void
    /// What is being sent: folders, then the lease that needs them.
    private var sending: [OutgoingMade] = []
    private var frames: [Frame] = []
    private var standing = (open: Set<Digest>(), ended: Set<Digest>(), held: [String: Digest]())
    private var isGreeted = false
    private var incoming: IncomingMade?
    private var made: IncomingMade?
    private var logs: IncomingMade?
    private var count = 0
    private let number: Int
    private var heard = Clock.monotonic
    private var asked = Clock.monotonic
    private var isDismissed = false
    /// What is said of workspaces; nil until the host has a task of one.
    private var shares: ShareLine?
    private var isTellingFirst = true
    /// Whether it hears of the workspaces that it may have to hold files of, without having a task of them.
    private var hasCopied = false
    /// What came behind the end of a task whose workspaces have not come whole.
    private var waiting: [Frame] = []
    package private(set) var isOver = false

    /// - Parameters:
    ///   - host: its number among those of the board.
    ///   - facts: what it has.
    ///   - cpus: how many of its processors may be used.
    ///   - number: another one for each connection of the run.
    ///   - wake: has `outgoing` called, from any thread.
    package init(
        _ board: LeaseBoard, host: Int, _ facts: HostFacts, cpus: Int?, number: Int,
        wake: @escaping @Sendable () -> Void
    ) {
        (self.board, self.host, self.number, self.wake) = (board, host, number, wake)
        capacity = Capacity(
            cpus: max(1, min(facts.cpus, cpus ?? facts.cpus)), memory: facts.memory,
            gpus: facts.gpus ?? facts.offers?.gpus ?? 0)
    }

    deinit { abandon() }

    /// What was being sent or taken when the connection ended.
    package func abandon() {
        shares?.leave()
        (shares, waiting) = (nil, [])
        for index in sending.indices { sending[index].end() }
        sending = []
        incoming?.abandon()
        made?.abandon()
        logs?.abandon()
        (incoming, made, logs) = (nil, nil, nil)
    }

    package var silence: Double { board.silence }

    // MARK: Sending

    package func outgoing() throws -> Frame? {
        guard isGreeted else { return nil }
        while true {
            if let frame = try sharing() { return frame }
            if !sending.isEmpty {
                if let frame = try sending[0].frame() { return frame }
                sending.removeFirst()
                continue
            }
            if !frames.isEmpty { return frames.removeFirst() }
            guard let errand = board.nextErrand(of: host) else { return nil }
            switch errand {
            case .lease(let id):
                guard let (lease, folders) = board.leaving(id, to: host) else { continue }
                // What is known of its workspaces by now goes first.
                let told = lease.task.workspaces.filter { !$0.isShared }
                if !told.isEmpty { try share(told.map(\.name)) }
                sending = folders.map { folder in
                    OutgoingMade(
                        .made, path: folder.made, files: folder.entries.map(\.file),
                        root: "\(board.run.made)/\(folder.made)")
                }
                let bytes = JSONText.encode(lease)
                for first in stride(from: 0, to: bytes.count, by: Frame.dataChunk) {
                    frames.append(
                        Frame(kind: .lease, payload: Array(bytes[first..<min(first + Frame.dataChunk, bytes.count)])))
                }
                frames.append(Frame(kind: .lease, payload: []))
            case .revoke(let id): return Frame(.revoke, json: LeaseNote(id: id))
            case .reclaim(let id): return Frame(.reclaim, json: LeaseNote(id: id))
            case .taken(let id): return Frame(.taken, json: LeaseNote(id: id))
            case .dismiss:
                isDismissed = true
                return Frame(.dismiss, json: Done())
            }
        }
    }

    private func share(_ names: [String]) throws {
        board.uses(names, on: host)
        let line =
            shares
            ?? ShareLine(host: board.shareName(of: host), isOther: !board.isHead(host), wake: wake) { [board] _ in
                try board.shares()
            }
        line.isCaughtUp()
        shares = line
        try line.join(names)
    }

    /// What is to be said of workspaces.
    private func sharing() throws -> Frame? {
        if !hasCopied, let copied = board.copied {
            hasCopied = true
            if !copied.isEmpty, !board.isHead(host) { try share(copied) }
        }
        if isTellingFirst, shares == nil {
            let uses = board.uses(of: host)
            if !uses.isEmpty { try share(uses) }
        }
        guard let shares else { return nil }
        if let frame = try shares.next() { return frame }
        if !isTellingFirst { return nil }
        isTellingFirst = false
        return shares.caughtUp()
    }

    package func look() throws {
        let now = Clock.monotonic
        if now - heard > board.silence {
            board.parted(host, since: heard)
            throw ExecutionFailure("nothing was heard of it for \(Int(board.silence)) s", exitCode: .unreachable)
        }
        if isGreeted, now - asked > board.silence / 6 {
            asked = now
            frames.append(Frame(.alive, json: Done()))
        }
    }

    // MARK: Taking

    package func take(_ frame: Frame) throws {
        heard = Clock.monotonic
        if frame.kind == .share {
            // A host speaks of what it was given only.
            guard let shares else { throw ProtocolFailure.unexpected(kind: .share, awaited: "news of leases") }
            try shares.take(frame)
            board.tellCollisions(isQuick: true)
            while !waiting.isEmpty, try shares.isInStep() {
                let frame = waiting.removeFirst()
                try news(frame)
            }
            return wake()
        }
        let isEarly = try frame.kind == .leaseEnded && shares?.isInStep() == false
        if frame.kind != .alive, isEarly || !waiting.isEmpty { return waiting.append(frame) }
        try news(frame)
    }

    private func news(_ frame: Frame) throws {
        switch frame.kind {
        case .standing where !isGreeted:
            let part = try frame.decode(Standing.self)
            standing.open.formUnion(part.open)
            standing.ended.formUnion(part.ended)
            for held in part.held { standing.held[held.made] = held.digest }
            guard part.isLast else { return }
            isGreeted = true
            board.arrived(
                host, capacity, open: standing.open, ended: standing.ended, holds: standing.held, wake: wake)
        case .alive: break
        case .done where isDismissed: isOver = true
        case .leaseBegan:
            let id = try frame.decode(LeaseBegan.self).id
            // Who follows its logs finds them when it hears of the task.
            if let order = board.order(id, on: host) { makeLogs(of: order) }
            board.began(id, on: host)
        case .returned: board.returned(try frame.decode(LeaseNote.self).id, by: host)
        case .printed: try take(try PrintedPiece(frame))
        case .made: try begin(try frame.decode(MadeHeader.self))
        case .data:
            guard incoming != nil else { throw IncomingMade.refused("a file that it had not announced") }
            try incoming?.append(frame.payload)
            keepWhole()
        case .leaseEnded: try end(try frame.decode(LeaseEnded.self))
        case .refusal: throw try frame.decode(Refusal.self)
        default: throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "news of leases")
        }
    }

    private func begin(_ header: MadeHeader) throws {
        if incoming != nil {
            try incoming?.add(header)
        } else {
            guard header.kind == .made ? made == nil : logs == nil else {
                throw IncomingMade.refused("what a task made, twice")
            }
            count += 1
            incoming = try IncomingMade(header, staging: "\(board.run.tasks)/from-\(number)-\(count)")
        }
        keepWhole()
    }

    private func keepWhole() {
        guard let whole = incoming, whole.isWhole else { return }
        if whole.kind == .made { made = whole } else { logs = whole }
        incoming = nil
    }

    private func end(_ ended: LeaseEnded) throws {
        defer {
            made?.abandon()
            logs?.abandon()
            (made, logs) = (nil, nil)
        }
        guard incoming == nil else { throw IncomingMade.refused("the end of a task before all that it made") }
        // Late: another host has done it, or the run has ended.
        guard let order = board.claim(ended.id) else { return board.forget(ended.id, on: host) }
        do { try take(ended, of: order) } catch {
            board.unclaim(order.id)
            throw error
        }
    }

    private func take(_ ended: LeaseEnded, of order: LeaseBoard.Order) throws {
        let task = order.task
        let outcome: RunningTask.Outcome
        var outputs: Outputs?
        switch ended.outcome {
        case .done:
            guard task.checks == nil, let made, made.path == task.made else {
                throw IncomingMade.refused("that \(task.id) is done, and not what it made")
            }
            let checked = try made.checked()
            try made.publish(as: "\(board.run.made)/\(task.made)")
            self.made = nil
            outputs = checked
            outcome = .done(
                checked, task.until.isEmpty ? nil : .init(unmet: ended.unmet.map { Shown.text($0, atMost: 500) }))
        case .checked:
            guard task.checks != nil else { throw IncomingMade.refused("the answer to another question") }
            outcome = .checked(objection: ended.objection.map { Shown.text($0, atMost: 500) })
        case .failed:
            let end: SandboxEnd? =
                ended.exitCode.map { .exited(Int32(clamping: $0)) }
                ?? ended.signal.map { .signaled(Int32(clamping: $0)) }
            outcome = .failed(
                .init(
                    reason: Shown.text(ended.reason ?? "no reason is given", atMost: 500), end: end,
                    mayRetry: ended.isFinal != true))
        }
        try takeLogs(of: order)
        var usage = SandboxUsage()
        usage.user = ended.cpuSeconds.isFinite ? max(0, ended.cpuSeconds) : 0
        usage.peakMemory = ended.peakMemory ?? 0
        let past = RunningTask.Past(
            outcome: outcome, seconds: ended.seconds.isFinite ? max(0, ended.seconds) : 0, usage: usage,
            printed: Shown.whole(String((ended.printed ?? "").suffix(4096)), keepingLines: true), wasCancelled: false,
            isFromHost: true)
        if let outputs {
            order.keep(outputs.entries, past.seconds, ended.unmet, nil)
        } else if case .checked(let objection) = outcome {
            order.keep([], past.seconds, nil, objection)
        }
        if !task.workspaces.isEmpty { board.tellCollisions() }
        for note in ended.notes?.prefix(4) ?? [] {
            board.tell("\(board.names[host]): \(Shown.text(note, atMost: 500))")
        }
        if let wrote = ended.wrote { board.wrote(wrote, by: order, on: host, seconds: past.seconds) }
        board.ended(order, on: host, past, made: outputs.map { ($0.digest, $0.entries) })
    }

    private func place(ofLogs order: LeaseBoard.Order) -> String {
        let name = order.task.id.name
        return order.attempt == 1 ? name : "attempt \(order.attempt)/\(name)"
    }

    /// Where a run on this machine has them. That one can't be made is no reason not to go on.
    private func makeLogs(of order: LeaseBoard.Order) {
        guard let place = RelativePath(place(ofLogs: order)) else { return }
        let path = "\(board.run.logs)/\(place)"
        try? Folder.make(File.parent(of: path))
        for ending in order.task.savesPrinted == nil ? ["err", "out"] : ["err"] {
            let descriptor = try? File.open(
                "\(path).\(ending)", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, action: "write")
            if let descriptor { close(descriptor) }
        }
    }

    /// What a task prints while it runs. What counts is what comes at its end.
    private func take(_ piece: PrintedPiece) throws {
        guard let order = board.order(piece.id, on: host), let place = RelativePath(place(ofLogs: order)) else {
            return
        }
        let path = "\(board.run.logs)/\(place).\(piece.isErrors ? "err" : "out")"
        let descriptor = try File.open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, action: "write")
        defer { close(descriptor) }
        // Another host may have printed more of it before it was lost.
        if piece.offset == 0 { ftruncate(descriptor, 0) }
        try piece.bytes.withUnsafeBytes { try File.writeAll($0, at: piece.offset, to: descriptor, path: path) }
    }

    /// Only its own, at the places where a run on this machine has them.
    private func takeLogs(of order: LeaseBoard.Order) throws {
        guard let logs else { return }
        let place = place(ofLogs: order)
        guard logs.files.allSatisfy({ [place + ".err", place + ".out"].contains($0.path) }) else {
            throw IncomingMade.refused("what another task than \(order.task.id) printed")
        }
        _ = try logs.checked()
        try logs.publishLogs(in: board.run.logs)
        self.logs = nil
    }
}
