internal import HostProtocol
internal import Threads
internal import Workspaces

/// What a connection between the head and a host says of the run's workspaces. Each message is in a frame of its own, behind the name of
/// the workspace and what the host is called. May be used by any thread.
final class ShareLine: Sendable {
    private struct State {
        var peers: [String: Int] = [:]
        /// The workspace of which something was said last.
        var last = ""
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

    /// The next frame to send; nil where there is none now. Workspaces that have much to say take turns.
    func next() throws -> Frame? {
        let (peers, host, last) = state.change { ($0.peers, $0.host, $0.last) }
        let inOrder = peers.sorted { ($0.key <= last ? 1 : 0, $0.key) < ($1.key <= last ? 1 : 0, $1.key) }
        for (name, number) in inOrder {
            guard let message = try shares(host).share(name).next(number) else { continue }
            state.change { $0.last = name }
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
