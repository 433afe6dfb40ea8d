internal import Digests
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Threads

/// What comes from las over a connection on which tasks are leased, put together and checked.
enum LeaseFrame: Sendable {
    case lease(Lease)
    /// A folder that a task made on another machine lies in the run's `made` now.
    case made(String, Digest)
    case taken(Digest)
    case revoke(Digest)
    /// Given back if it has not begun.
    case reclaim(Digest)
    case alive
    case dismiss
    /// What las told of workspaces is here, whole.
    case shared
}

/// A connection from las, on the host: one thread that reads, and never waits for anything else, so that las can always send; and
/// one that writes.
final class LeaseConnection: @unchecked Sendable {
    private enum Item: Sendable {
        case frame(Frame)
        case ending(LeasedPiece.Ending)
        /// What there is to say of workspaces.
        case shares
    }

    private struct State: Sendable {
        var items: [Item] = []
        var next = 0
        var isSharing = false
        var isEnding = false
        var isWritten = false
    }

    private let socket: Int32
    private let input: Int32
    private let output: Int32
    private let channel: FrameChannel
    private let folder: RunFolder
    private let number: Int
    private let state = Monitor(State())
    private let tell: @Sendable (LeaseFrame?) -> Void
    private let line = Monitor<ShareLine?>(nil)

    /// - Parameters:
    ///   - socket: closed at the end, for who waits for that.
    ///   - number: which connection of the run it is.
    ///   - shares: the run's workspaces on this host, which is called so in them.
    ///   - tell: told what came; nil when the connection is of no use any more.
    init(
        socket: Int32, input: Int32, output: Int32, folder: RunFolder, number: Int,
        shares: @escaping @Sendable (_ host: String) throws -> RunShares,
        tell: @escaping @Sendable (LeaseFrame?) -> Void
    ) throws {
        (self.socket, self.input, self.output, self.folder, self.number) = (socket, input, output, folder, number)
        channel = FrameChannel(input: input, output: output)
        self.tell = tell
        let sharing = ShareLine(host: nil, wake: { [weak self] in self?.sendShares() }, shares)
        line.change { $0 = sharing }
        try OwnThread { [self] in read() }.detach()
        try OwnThread { [self] in write() }.detach()
    }

    func send(_ frame: Frame) { state.change { $0.items.append(.frame(frame)) } }
    func send(_ ending: LeasedPiece.Ending) { state.change { $0.items.append(.ending(ending)) } }

    /// Says what there is to say of workspaces, before all that is sent after this.
    func sendShares() {
        state.change { state in
            if !state.isSharing { state.items.append(.shares) }
            state.isSharing = true
        }
    }

    /// Whether what las has told of workspaces is here.
    var isInStep: Bool { (try? line.change { $0 }?.isInStep()) ?? false }

    /// Lets go of the connection. Its descriptors are closed when its threads have seen that it ends.
    func end() {
        line.change { $0 }?.leave()
        state.change { $0.isEnding = true }
        // Who waits for the connection's end lets it go, too.
        shutdown(socket, Int32(SHUT_RDWR))
    }

    /// Sends what is still to be sent, as far as the other side takes it within two seconds.
    func finish() {
        state.change { $0.isEnding = true }
        for _ in 0..<200 where !state.change({ $0.isWritten }) { usleep(10_000) }
        end()
    }

    deinit { for descriptor in [socket, input, output] { close(descriptor) } }

    // MARK: Reading

    private func read() {
        var incoming: IncomingMade?
        var lease: [UInt8] = []
        var count = 0
        do {
            while let frame = try channel.read() {
                switch frame.kind {
                case .lease:
                    lease += frame.payload
                    if !frame.payload.isEmpty { break }
                    tell(.lease(try Frame(kind: .lease, payload: lease).decode(Lease.self)))
                    lease = []
                case .made:
                    let header = try frame.decode(MadeHeader.self)
                    guard header.kind == .made else { throw IncomingMade.refused("what a task printed") }
                    if incoming == nil {
                        count += 1
                        incoming = try IncomingMade(header, staging: "\(folder.tasks)/incoming-\(number)-\(count)")
                    } else {
                        try incoming?.add(header)
                    }
                case .data:
                    guard incoming != nil else { throw IncomingMade.refused("a file that it had not announced") }
                    try incoming?.append(frame.payload)
                case .taken: tell(.taken(try frame.decode(LeaseNote.self).id))
                case .revoke: tell(.revoke(try frame.decode(LeaseNote.self).id))
                case .reclaim: tell(.reclaim(try frame.decode(LeaseNote.self).id))
                case .alive: tell(.alive)
                case .dismiss: tell(.dismiss)
                case .share:
                    try line.change { $0 }?.take(frame)
                    sendShares()
                    if isInStep { tell(.shared) }
                default: throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "a lease")
                }
                if let made = incoming, made.isWhole {
                    let outputs = try made.checked()
                    try made.publish(as: "\(folder.made)/\(made.path)")
                    incoming = nil
                    tell(.made(made.path, outputs.digest))
                }
            }
        } catch {
            let failure = error as? any Failure
            send(
                Frame(
                    .refusal, json: failure.map { Refusal($0) } ?? Refusal(summary: "\(error)", exitCode: .resources)))
        }
        incoming?.abandon()
        tell(nil)
        end()
    }

    // MARK: Writing

    private func write() {
        do {
            while let item = next() {
                switch item {
                case .frame(let frame): try channel.send(frame)
                case .ending(let ending): try send(all: ending)
                case .shares:
                    state.change { $0.isSharing = false }
                    while let frame = try line.change({ $0 })?.next() { try channel.send(frame) }
                }
            }
        } catch {
            tell(nil)
        }
        state.change { $0.isWritten = true }
        end()
    }

    private func next() -> Item? {
        state.await { state -> Item?? in
            if state.next < state.items.count {
                defer { state.next += 1 }
                let item = state.items[state.next]
                if state.next > 256 {
                    state.items.removeFirst(state.next)
                    state.next = 0
                }
                return item
            }
            return state.isEnding ? .some(nil) : nil
        }
    }

    private func send(all ending: LeasedPiece.Ending) throws {
        if ending.note.outcome == .done {
            try send(OutgoingMade(.made, path: ending.made, files: ending.files, root: "\(folder.made)/\(ending.made)"))
        }
        if !ending.logs.isEmpty {
            try send(OutgoingMade(.logs, path: "", files: ending.logs, root: folder.logs))
        }
        try channel.send(Frame(.leaseEnded, json: ending.note))
    }

    private func send(_ made: OutgoingMade) throws {
        var made = made
        defer { made.end() }
        while let frame = try made.frame() { try channel.send(frame) }
    }
}
