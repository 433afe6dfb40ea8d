internal import Digests
internal import Failures
internal import Files
internal import HostProtocol
internal import Metro
internal import Plan
internal import Threads
internal import Workspaces

/// The workspaces of a run over several hosts, on one of its machines: the head has all that any of the hosts has, and each host what the
/// tasks use that it was given.
final class RunShares: Sendable {
    private let shares: [String: Share]

    /// - Parameters:
    ///   - metro: where the metro's image is reached.
    ///   - host: what this machine is called in them.
    ///   - watches: whether tasks run on this machine.
    init(_ plan: Plan, run: RunFolder, metro: String, host: String, watches: Bool) throws {
        let workspaces = RunWorkspaces(run)
        try workspaces.fill(plan, from: metro)
        var shares: [String: Share] = [:]
        for workspace in plan.workspaces where workspace.shared == nil {
            guard let files = workspaces.files(of: workspace.name) else { continue }
            shares[workspace.name] = try Share(
                File.parent(of: files), host: host, rule: workspace.rule, first: true, watches: watches,
                isPartial: workspace.isPartial, limit: workspace.limit, copies: workspace.copies,
                placesLater: !watches)
        }
        self.shares = shares
        copied = plan.workspaces.filter { $0.copies > 1 && $0.shared == nil }.map { ($0.name, $0.copies) }
    }

    /// Those of which each file is to lie on so many machines, the head among them, whoever has tasks of them.
    let copied: [(name: String, copies: Int)]

    /// A host is lost, or is not used any more: what it has does not count, and what it held others hold.
    func lose(_ host: String) { for share in shares.values { share.lose(host) } }

    func share(_ name: String) throws(ExecutionFailure) -> Share {
        guard let share = shares[name] else {
            throw ExecutionFailure("the run has no workspace “\(Shown.text(name))”", exitCode: .integrity)
        }
        return share
    }

    /// What a task did in its workspaces is known when this returns: nothing of it runs any more.
    func look(after task: PlannedTask) throws {
        for mount in task.workspaces where !mount.isReadOnly && !mount.isShared {
            try share(mount.name).look(settled: true)
        }
    }

    /// What a task needs of its workspaces is asked for, where that was not done yet; a connection's `isInStep` tells when it has come.
    ///
    /// - Parameter canShow: what it does not say can come when it is opened.
    func need(_ task: PlannedTask, _ id: Digest, canShow: () -> Bool) throws {
        for mount in task.workspaces where !mount.isShared {
            let needs = mount.isOpened ? canShow() ? mount.needs ?? [] : nil : mount.needs
            let globs = needs?.map { Glob($0) }
            try share(mount.name).need(id.hex) { path in globs.map { mount.needs($0, path) } ?? true }
        }
    }

    /// It needs nothing any more.
    func release(_ task: PlannedTask, _ id: Digest) {
        for mount in task.workspaces where !mount.isShared { try? share(mount.name).release(id.hex) }
    }

    /// Files that are kept beside others since this was asked last, with the workspaces that hold them.
    ///
    /// - Parameter isQuick: only where something was heard since then of a name with several versions.
    func newCollisions(isQuick: Bool = false) -> [Collision] {
        shares.sorted { $0.key < $1.key }.flatMap { name, share in
            share.newCollisions(isQuick: isQuick).map {
                Collision(workspace: name, file: $0, isStop: share.rule == .stop)
            }
        }
    }

    struct Collision: Sendable {
        let workspace: String
        /// The one that is kept beside.
        let file: RelativePath
        /// Whether the run is to end.
        let isStop: Bool
    }

    func end() { for share in shares.values { share.end() } }
}

/// What a connection between the head and a host says of the run's workspaces. Each message is in a frame of its own, behind the name of
/// the workspace and what the host is called. May be used by any thread.
final class ShareLine: Sendable {
    private struct State {
        var peers: [String: Int] = [:]
        var isCaughtUp = false
        var host: String
    }

    /// Makes them when the first message comes, which tells what the host is called.
    private let shares: @Sendable (_ host: String) throws -> RunShares
    private let wake: @Sendable () -> Void
    private let isOther: Bool
    private let state: Monitor<State>

    /// - Parameters:
    ///   - host: nil on the host, which is told.
    ///   - isOther: the host is another machine than this one.
    ///   - wake: told, on any thread, that there may be something to send.
    init(
        host: String?, isOther: Bool = true, wake: @escaping @Sendable () -> Void,
        _ shares: @escaping @Sendable (_ host: String) throws -> RunShares
    ) {
        (self.shares, self.wake, self.isOther) = (shares, wake, isOther)
        state = Monitor(State(host: host ?? ""))
    }

    /// Has the other side hear of these from now on.
    func join(_ names: [String]) throws {
        for name in names.sorted() where !state.change({ $0.peers[name] != nil }) {
            let number = try shares(state.change(\.host)).share(name).join(
                state.change(\.host), isOther: isOther, wake: wake)
            state.change { $0.peers[name] = number }
        }
    }

    func leave() {
        let (peers, host) = state.change { state in
            defer { state.peers = [:] }
            return (state.peers, state.host)
        }
        for (name, number) in peers { try? shares(host).share(name).leave(number) }
    }

    /// Whether all that the other side has told counts here, and it has told all that there was when the connection began.
    func isInStep() throws -> Bool {
        let (peers, host, isCaughtUp) = state.change { ($0.peers, $0.host, $0.isCaughtUp) }
        if !isCaughtUp { return false }
        return try peers.allSatisfy { name, number in try shares(host).share(name).isInStep(number) }
    }

    /// Of this side nothing has to be waited for at first.
    func isCaughtUp() { state.change { $0.isCaughtUp = true } }

    /// The next frame to send; nil where there is none now.
    func next() throws -> Frame? {
        let (peers, host) = state.change { ($0.peers, $0.host) }
        for (name, number) in peers.sorted(by: { $0.key < $1.key }) {
            guard let message = try shares(host).share(name).next(number) else { continue }
            return Self.frame(name, host, message)
        }
        return nil
    }

    /// Says that all was told that there was.
    func caughtUp() -> Frame { Self.frame("", state.change(\.host), []) }

    func take(_ frame: Frame) throws {
        var rest = frame.payload[...]
        func text() throws -> String {
            guard rest.count >= 2 else { throw Self.unreadable }
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            rest = rest.dropFirst(2)
            guard rest.count >= length, let text = String(validating: rest.prefix(length), as: UTF8.self) else {
                throw Self.unreadable
            }
            rest = rest.dropFirst(length)
            return text
        }
        let (name, host) = (try text(), try text())
        guard Dot.isHost(host) else { throw Self.unreadable }
        state.change { if $0.host.isEmpty { $0.host = host } }
        if name.isEmpty { return isCaughtUp() }
        try join([name])
        guard let number = state.change({ $0.peers[name] }) else { return }
        try shares(state.change(\.host)).share(name).hear(number, Array(rest))
    }

    private static var unreadable: ExecutionFailure {
        ExecutionFailure("a message about a workspace can't be understood", exitCode: .integrity)
    }

    private static func frame(_ name: String, _ host: String, _ message: [UInt8]) -> Frame {
        func text(_ text: String) -> [UInt8] {
            let bytes = Array(text.utf8)
            return [UInt8(bytes.count >> 8 & 0xFF), UInt8(bytes.count & 0xFF)] + bytes
        }
        return Frame(kind: .share, payload: text(name) + text(host) + message)
    }
}

extension PlannedWorkspace {
    var rule: CollisionRule { onCollision.flatMap(CollisionRule.init) ?? .keepBoth }
}
