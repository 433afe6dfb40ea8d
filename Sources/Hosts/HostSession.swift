internal import Failures
package import HostProtocol
internal import Synchronization

/// A connection to the runtime on a host: las's side of the host protocol.
///
/// Everything that waits for the host runs on the session's own thread.
package actor HostSession {
    package nonisolated let host: Host
    /// How the host was reached.
    package private(set) var way = Way.pipe
    /// What the runtime said of itself and its host.
    package private(set) var hello: Hello

    nonisolated let waiter: Waiter
    private nonisolated let thread = SessionThread()
    /// A run that someone wants cancelled while it is followed.
    private nonisolated let cancelling = Mutex<RunID?>(nil)
    var channel: (any Channel)?
    /// Starts further programs.
    private(set) var transport: (any Transport)?
    private var reader = FrameReader()
    /// Starts further channels; nil for `local`.
    private(set) var bootstrap: Bootstrap?
    /// Another connection for many bytes, where there may be one.
    var carrier: (() throws(HostFailure) -> any Transport)?
    /// What the bytes of parts go over, in turn, where there are any.
    var lines: [any Channel] = []
    var turn = 0
    private(set) var limit: RateLimit?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ host: Host) throws(HostFailure) {
        self.host = host
        waiter = try Waiter()
        hello = Hello(version: 0, program: "", host: nil)
    }

    deinit { thread.stop() }

    nonisolated func abandon() { waiter.abandon() }
    nonisolated func retire() { thread.stop() }

    /// Something that waits, on this session's thread.
    func perform<Result: Sendable>(_ body: (Waiter) throws -> Result) throws -> Result { try body(waiter) }

    func open(_ connector: HostConnector, note: @Sendable (ConnectionNote) -> Void) throws {
        limit = connector.limit
        var transport: any Transport = LocalShell(environment: connector.environment, waiter: waiter)
        if let address = host.address {
            let reached = try connector.reach(host, address, waiter: waiter)
            (transport, way) = (reached.transport, reached.way)
            if host.node == nil { carrier = reached.carrier }
            if let reason = reached.reason { note(.byOpenSSH(reason: reason)) }
        }
        if let node = host.node { transport = SlurmSteps(node, through: transport, waiter: waiter) }
        self.transport = transport
        if !host.isLocal {
            let bootstrap = Bootstrap(
                runtime: connector.runtime, lash: host.lash, transport: transport, waiter: waiter,
                limit: connector.limit, examines: connector.examines)
            self.bootstrap = bootstrap
            var sent: Int64 = 0
            let (channel, begun) = try bootstrap.start { count in
                sent += count
                note(.runtime(sent: sent, total: connector.runtime.size))
            }
            self.channel = channel
            reader.feed(begun)
        } else {
            channel = try ProcessChannel(
                connector.runtime.path,
                ["serve", "--own", "--lash", connector.lash.root] + (connector.examines ? ["--examine"] : []),
                environment: connector.environment,
                waiter: waiter)
        }
        try greet(as: connector.program)
    }

    /// For tests: a session over a channel that is there already.
    func open(_ channel: sending any Channel, as program: String) throws {
        self.channel = channel
        try greet(as: program)
    }

    private func greet(as program: String) throws {
        try waiter.within(60, "the runtime on the host does not answer") {
            try send(Frame(.hello, json: Hello(version: Frame.version, program: program, host: nil)))
            hello = try next("the runtime's greeting").expect(.hello, Hello.self, awaited: "the runtime's greeting")
        }
        try hello.checkVersion()
        hello.program = Shown.whole(hello.program)
        hello.host?.clean()
    }

    func close() {
        _ = channel?.close()
        dropLines()
        (channel, bootstrap, transport, carrier) = (nil, nil, nil, nil)
        thread.stop()
    }

    // MARK: Frames

    func openChannel() throws -> any Channel {
        guard let channel else { throw HostFailure(.cut, "this session has ended") }
        return channel
    }

    func send(_ frame: Frame) throws {
        let channel = try openChannel()
        try sending { try channel.write(frame.bytes) }
    }

    /// - Parameter body: writes to the channel.
    func sending(_ body: () throws -> Void) throws {
        do { try body() } catch let error as HostFailure {
            guard error.kind == .cut else { throw error }
            // The runtime may have said why it goes away.
            if let refusal = try? refusalAtEnd() { throw refusal }
            throw ended(while: "was sending")
        }
    }

    /// Waits for the next frame, whatever wakes the thread in between.
    func next(_ awaited: String) throws -> Frame {
        while true { if let frame = try nextOrWoken(awaited) { return frame } }
    }

    /// - Returns: nil when someone woke the thread before a frame was there.
    func nextOrWoken(_ awaited: String) throws -> Frame? {
        guard let channel else { throw HostFailure(.cut, "this session has ended") }
        while true {
            if let frame = try reader.take() { return frame }
            guard let bytes = try channel.read(waiting: true) else { return nil }
            if bytes.isEmpty { throw ended(while: "waited for \(awaited)") }
            reader.feed(bytes)
        }
    }

    /// A frame that is there already.
    func nextWithoutWaiting() throws -> Frame? {
        if let frame = try reader.take() { return frame }
        guard let bytes = try channel?.read(waiting: false), !bytes.isEmpty else { return nil }
        reader.feed(bytes)
        return try reader.take()
    }

    /// Sends a request and waits for its answer.
    func ask<Answer: Decodable>(
        _ request: Frame, _ kind: Frame.Kind, _ type: Answer.Type, awaited: String
    ) throws -> Answer {
        try send(request)
        return try next(awaited).expectClean(kind, type, awaited: awaited)
    }

    private func refusalAtEnd() throws -> Refusal? {
        while true {
            while let frame = try reader.take() {
                if frame.kind == .refusal { return try frame.decode(Refusal.self).cleaned }
            }
            guard let bytes = try channel?.read(waiting: true) else { continue }
            if bytes.isEmpty { return nil }
            reader.feed(bytes)
        }
    }

    private func ended(while what: String) -> HostFailure {
        guard let channel else { return HostFailure(.cut, "this session has ended") }
        let status = channel.close()
        let errors = channel.errors.text
        self.channel = nil
        guard let status, status != 0 else {
            return HostFailure(
                .cut, "the connection to the host ended while las \(what)", cause: errors,
                fix: "try again: what has arrived whole stays there")
        }
        if status > 128 {
            return HostFailure(.cut, "the runtime on the host was killed by signal \(status - 128)", cause: errors)
        }
        return Conversation.failure(status: status, errors: errors, transport: transport)
    }

    // MARK: Cancelling

    /// Has a run cancelled while `follow` waits for its events. May be called at any time, from anywhere; the events tell
    /// how the run ends.
    package nonisolated func requestCancel(of run: RunID) {
        cancelling.withLock { $0 = run }
        waiter.wake()
    }

    nonisolated func takeCancelRequest() -> RunID? {
        cancelling.withLock { run in
            defer { run = nil }
            return run
        }
    }
}

extension Frame {
    /// `expect`, with a refusal's words made safe to show.
    func expectClean<T: Decodable>(_ kind: Kind, _ type: T.Type, awaited: String) throws -> T {
        do { return try expect(kind, type, awaited: awaited) } catch let refusal as Refusal { throw refusal.cleaned }
    }
}

extension Refusal {
    var cleaned: Refusal {
        func clean(_ text: String?) -> String? { text.map { String(Shown.whole($0).prefix(2000)) } }
        return Refusal(summary: clean(summary) ?? "", cause: clean(cause), fix: clean(fix), exitCode: exitCode)
    }
}

extension HostFacts {
    mutating func clean() {
        name = Shown.whole(name)
        architecture = Shown.whole(architecture)
        kernel = Shown.whole(kernel)
        engine = engine.map { Shown.whole($0) }
        reason = reason.map { Shown.whole($0) }
        notes = notes.map { Shown.whole($0) }
    }
}
