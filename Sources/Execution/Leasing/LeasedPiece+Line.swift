internal import CLinux
internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Plan
internal import Threads

/// What it says to las, and hears of it.
extension LeasedPiece {
    /// Another connection takes the place of the one before.
    func greet() {
        let socket = las_local_accept(listening)
        if socket < 0 { return }
        var ends: [Int32] = [-1, -1]
        guard las_take_over(socket, &ends) == 0 else {
            close(socket)
            return
        }
        line?.end()
        connections += 1
        lastHeard = Clock.monotonic
        let number = connections
        do {
            line = try LeaseConnection(
                socket: socket, input: ends[0], output: ends[1], folder: folder, number: number,
                shares: { [self] in try shares(called: $0) }
            ) { [self] frame in
                say(frame.map { .frame(number, $0) } ?? .gone(number))
            }
        } catch {
            line = nil
            return
        }
        tellStanding()
        // Who comes may be another las than the one before.
        for number in running.keys { running[number]?.told = [0, 0] }
    }

    /// What tasks that run have printed since the last time.
    func tellPrinted() {
        lastTold = Clock.monotonic
        for (number, there) in running.sorted(by: { $0.key < $1.key }) where !there.isRevoked {
            guard let place = Self.place(ofLogs: there.lease) else { continue }
            for (stream, ending) in ["out", "err"].enumerated() {
                var offset = there.told[stream]
                let log = "\(folder.logs)/\(place).\(ending)"
                guard let size = File.status(log)?.size, size > offset, offset < PrintedPiece.mostOfLog,
                    let descriptor = try? File.open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, action: "read")
                else { continue }
                defer { close(descriptor) }
                while offset < min(size, PrintedPiece.mostOfLog) {
                    var bytes = [UInt8](repeating: 0, count: PrintedPiece.most)
                    let count = pread(descriptor, &bytes, bytes.count, off_t(offset))
                    if count <= 0 { break }
                    line?.send(
                        PrintedPiece(
                            id: there.lease.id, isErrors: stream == 1, offset: offset, bytes: Array(bytes[..<count])
                        ).frame)
                    offset += Int64(count)
                }
                running[number]?.told[stream] = offset
            }
        }
    }

    /// The run's workspaces, which are made when las speaks of them for the first time.
    func shares(called host: String) throws -> RunShares {
        try shares.change { shares in
            if let shares { return shares }
            guard let images else { throw ExecutionFailure("this host has no workspaces of the run") }
            let made = try RunShares(
                try Piece.plan(of: images).plan, run: folder, metro: images.metro, host: host, watches: true)
            shares = made
            return made
        }
    }

    func tellStanding() {
        let open = queue.map(\.id) + running.values.map(\.lease.id)
        let held = held.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { Standing.Held(made: $0.key, digest: $0.value) }
        let ended = ended.map(\.note.id)
        let count = max(open.count, held.count, ended.count)
        var first = 0
        repeat {
            let end = first + Standing.most
            line?.send(
                Frame(
                    .standing,
                    json: Standing(
                        open: Array(open.dropFirst(first).prefix(Standing.most)),
                        ended: Array(ended.dropFirst(first).prefix(Standing.most)),
                        held: Array(held.dropFirst(first).prefix(Standing.most)), isLast: end >= count)))
            first = end
        } while first < count
    }

    func take(_ message: Told) {
        switch message {
        case .settles(let number):
            if let task = running[number]?.task { giveRoom(of: task) }
        case .past(let number, let past): end(number, past)
        case .gone(let number):
            guard number == connections else { return }
            line?.end()
            line = nil
            lastHeard = Clock.monotonic
        case .frame(let number, let frame):
            guard number == connections else { return }
            take(frame)
        }
    }

    func take(_ frame: LeaseFrame) {
        switch frame {
        case .lease(let lease):
            if let ending = ended.first(where: { $0.note.id == lease.id }) {
                line?.sendShares()
                line?.send(ending)
                return
            }
            if let refusal = refusal(of: lease.task) {
                line?.send(Frame(.refusal, json: Refusal(refusal)))
                return
            }
            if running.values.contains(where: { $0.lease.id == lease.id && !$0.isRevoked }) {
                line?.send(Frame(.leaseBegan, json: LeaseBegan(id: lease.id)))
            } else if !queue.contains(where: { $0.id == lease.id }) {
                do { try shares.change { $0 }?.need(lease.task, lease.id, canShow: { canShow }) } catch {
                    line?.send(
                        Frame(
                            .refusal,
                            json: (error as? any Failure).map { Refusal($0) }
                                ?? Refusal(summary: "\(error)", exitCode: .resources)))
                    return
                }
                queue.append(lease)
            }
        case .made(let path, let digest): held[path] = digest
        case .taken(let id): ended.removeAll { $0.note.id == id }
        case .revoke(let id):
            for lease in queue where lease.id == id { release(lease) }
            queue.removeAll { $0.id == id }
            ended.removeAll { $0.note.id == id }
            for (number, lease) in running where lease.lease.id == id {
                running[number]?.isRevoked = true
                cancel(lease)
            }
        case .reclaim(let id):
            guard let place = queue.firstIndex(where: { $0.id == id }) else { break }
            release(queue.remove(at: place))
            line?.send(Frame(.returned, json: LeaseNote(id: id)))
        case .alive: line?.send(Frame(.alive, json: Done()))
        case .shared: break
        case .dismiss: isDismissed = true
        }
    }
}
