internal import CLinux
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Parts
internal import Threads

/// A run over several hosts: its folder and its journal are here, and a process of this machine leases its tasks to the hosts. It goes on
/// when the terminal is closed.
enum Dispatch {
    /// What the process is started by; nobody types it.
    static let word = "lease-tasks"

    /// What is kept of the run beside how it was started: `hosts.json`.
    struct Record: Hashable, Sendable, Codable {
        var hosts: [String]
        var parts: [Part]
        var bundle: SentBundle?
        /// Seconds without a sign of a host, after which its tasks go to others.
        var silence: Double
    }

    static func record(of run: RunID, in lash: LASH) throws -> Record? {
        let path = RunFolder(run, in: lash).hosts
        guard File.exists(path) else { return nil }
        return try JSONText.decode(Record.self, from: try File.read(path, atMost: 64 << 20))
    }

    /// Makes the run's folder.
    static func prepare(_ following: Following, over hosts: [String]) throws -> RunID {
        let (context, material) = (following.context, following.material)
        let store = PartStore(context.lash)
        var images: [Part.Kind: [(String, ImageLocation)]] = [:]
        for part in material.parts {
            images[part.kind, default: []].append(
                (
                    part.name,
                    ImageLocation(path: try store.whole(part), offset: 0, size: part.size, digest: part.digest)
                ))
        }
        guard let metro = images[.metro]?.first?.1 else { throw UsageFailure("a run needs the image of a metro") }
        let run = RunID(for: material.metro)
        let folder = RunFolder(run, in: context.lash)
        try folder.make(
            for: RunStart(
                run: run, metro: metro,
                environments: Dictionary(images[.environment] ?? [], uniquingKeysWith: { first, _ in first }),
                cpus: following.cpus, engine: try following.engine.map(Engine.asked), isFresh: following.isFresh,
                failsFast: following.failsFast, results: following.results,
                isStranger: material.bundle != nil && !PackedHere(context.lash).has(metro.digest)))
        let record = Record(hosts: hosts, parts: material.parts, bundle: material.bundle, silence: following.silence)
        try File.write(JSONText.encode(record, indented: true), to: folder.hosts)
        return run
    }

    /// Starts the process that leases the tasks; it holds the journal from its first moment on.
    static func launch(_ run: RunID, _ context: Context) throws {
        let folder = RunFolder(run, in: context.lash)
        let journal = try File.open(folder.journal, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(journal) }
        guard flock(journal, LOCK_EX | LOCK_NB) == 0 else {
            throw UsageFailure("the run is going on already", fix: "las attach \(run)")
        }
        let log = try File.open(folder.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(log) }
        let none = try File.open("/dev/null", O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(none) }
        let arguments = ["las", word, context.lash.root, run.name]
        let variables = context.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let descriptors = [none, log, log, journal]
        let pid = withCStrings(arguments) { arguments in
            withCStrings(variables) { variables in
                las_start_session(context.program, arguments, variables, descriptors, Int32(descriptors.count))
            }
        }
        if pid < 0 {
            throw UsageFailure("can't start the process that leads the run: \(String(cString: strerror(errno)))")
        }
        // Whoever wants it cancelled at once finds it; it looks at signals when it is ready to.
        try File.write("\(pid)\n", to: folder.pid, syncing: false)
    }

    /// The process itself. Its descriptor 3 is the journal.
    static func perform(_ words: [String], _ given: Context) async -> Int32 {
        guard words.count == 2, words[0].begins(with: "/"), let run = RunID(words[1]) else {
            return ExitCode.usage.rawValue
        }
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        let context = given.with(Invocation(arguments: [], options: ["--lash": [words[0]]]))
        do { return try await perform(run, context).rawValue } catch {
            let failure = (error as? any Failure) ?? UsageFailure("\(error)")
            context.terminal.fail(failure)
            return failure.exitCode.rawValue
        }
    }

    private static func perform(_ run: RunID, _ context: Context) async throws -> ExitCode {
        let folder = RunFolder(run, in: context.lash)
        let start = try folder.readStart()
        guard let record = try record(of: run, in: context.lash) else {
            throw UsageFailure("\(run) is no run over several hosts")
        }
        let list = try HostList.read(context.lash)
        let hosts = try record.hosts.map { try list.host(named: $0) }
        let rooms = HostRooms(lash: context.lash)
        let board = LeaseBoard(
            hosts.map {
                LeaseBoard.Member(
                    name: $0.name, labels: Set($0.labels),
                    room: $0.isLocal ? HostRooms.ofThisMachine : rooms.room(of: $0.name))
            }, run: folder, silence: record.silence)
        let connector = try context.connector(asking: Asking { _ in nil })
        let keeping = Task {
            await withTaskGroup(of: Void.self) { group in
                for (number, host) in hosts.enumerated() {
                    let keeper = HostKeeper(
                        host: host, number: number, board: board, start: start, record: record, connector: connector)
                    group.addTask { await keeper.keep() }
                }
            }
        }
        let watching = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(record.silence / 20))
                board.loseSilent()
            }
        }
        let lash = context.lash
        let (code, kept) = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<(ExitCode, Kept), any Error>) in
            do throws(OwnThread.Refused) {
                try OwnThread {
                    continuation.resume(
                        with: Result {
                            let journal = try Journal(adopting: 3, path: folder.journal)
                            let ended = Piece(start, folder: folder, in: lash, journal: journal, board: board).perform {
                                // Who waits for the end may take the results now; hosts are told while they do.
                                if $0.kind == .runEnded { board.dismiss() }
                            }
                            return (ended.exitCode, Kept(journal: journal))
                        })
                }.detach()
            } catch { continuation.resume(throwing: error) }
        }
        watching.cancel()
        board.dismiss()
        // A host that does not answer any more finds out by itself, when las does not come again.
        let giveUp = Task {
            for _ in 0..<100 where board.isAnyHere { try? await Task.sleep(for: .seconds(0.1)) }
            keeping.cancel()
        }
        await keeping.value
        giveUp.cancel()
        withExtendedLifetime(kept) {}
        return code
    }

    /// Held until the hosts have put away what was theirs.
    private final class Kept: @unchecked Sendable {
        let journal: Journal
        init(journal: Journal) { self.journal = journal }
    }
}

/// Lends a list of C strings that ends with NULL.
private func withCStrings<Result>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
    let copies = texts.map { strdup($0) } + [nil]
    defer { copies.forEach { free($0) } }
    return body(copies)
}
