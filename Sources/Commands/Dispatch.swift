internal import CLinux
internal import Execution
internal import FTP
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import Hosts
internal import JSON
internal import Parts
internal import Plan
internal import Threads

/// A run over several hosts: its folder and its journal are here, and a process of this machine leases its tasks to the hosts. It goes on
/// when the terminal is closed.
enum Dispatch {
    /// What the process is started by; nobody types it.
    static let word = "lease-tasks"
    /// Where secrets are handed to it, in its descriptor 4.
    private static let secretsWord = "--secrets"

    /// What is kept of the run beside how it was started: `hosts.json`.
    struct Record: Hashable, Sendable, Codable {
        var hosts: [String]
        var parts: [Part]
        var bundle: SentBundle?
        /// Seconds without a sign of a host, after which its tasks go to others.
        var silence: Double
        /// How many bytes a second may be sent, to all hosts together; nil for all that goes.
        var limit: Int64?
        /// What Slurm was asked for, where it gives the hosts.
        var slurm: SlurmRequest?
        /// The nodes that it gave.
        var nodes: SlurmAllocation?

        /// The hosts as they are reached.
        func found(in list: HostList) throws -> [Host] {
            let nodes = try self.nodes.map { $0.hosts(through: try list.host(named: slurm?.login ?? "")) } ?? []
            return try hosts.map { name in try nodes.first { $0.name == name } ?? list.host(named: name) }
        }
    }

    static func keep(_ record: Record, of run: RunID, in lash: LASH) throws {
        try File.write(JSONText.encode(record, indented: true), to: RunFolder(run, in: lash).hosts)
    }

    static func record(of run: RunID, in lash: LASH) throws -> Record? {
        let path = RunFolder(run, in: lash).hosts
        guard File.exists(path) else { return nil }
        return try JSONText.decode(Record.self, from: try File.read(path, atMost: 64 << 20))
    }

    /// How a run is started whose folder is here, and whose tasks are done elsewhere.
    static func start(_ following: Following, _ run: RunID) throws -> RunStart {
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
        return RunStart(
            run: run, metro: metro,
            environments: Dictionary(images[.environment] ?? [], uniquingKeysWith: { first, _ in first }),
            cpus: following.cpus, engine: try following.engine.map(Engine.asked), isFresh: following.isFresh,
            failsFast: following.failsFast, results: following.results,
            isStranger: material.bundle != nil && !PackedHere(context.lash).has(metro.digest))
    }

    /// Makes the run's folder.
    static func prepare(
        _ following: Following, over hosts: [String], slurm: SlurmRequest? = nil, nodes: SlurmAllocation? = nil
    ) throws -> RunID {
        let (context, material) = (following.context, following.material)
        let run = RunID(for: material.metro)
        let folder = RunFolder(run, in: context.lash)
        try folder.make(for: try start(following, run))
        let record = Record(
            hosts: hosts, parts: material.parts, bundle: material.bundle, silence: following.silence,
            limit: following.limit, slurm: slurm, nodes: nodes)
        try keep(record, of: run, in: context.lash)
        return run
    }

    /// Has hosts take part; the process that leads the run sees it within a second.
    /// - Returns: those that did not take part before.
    static func join(_ run: RunID, _ hosts: [String], _ context: Context) throws -> [String] {
        guard var record = try record(of: run, in: context.lash) else {
            throw UsageFailure(
                "\(run) is no run over several hosts", fix: "las deploy METRO --host NAME --host NAME begins one")
        }
        let new = hosts.filter { !record.hosts.contains($0) }
        record.hosts += new
        if !new.isEmpty { try keep(record, of: run, in: context.lash) }
        return new
    }

    /// Starts the process that leases the tasks; it holds the journal from its first moment on.
    /// - Parameter secrets: what its stations may know: handed on in memory.
    static func launch(_ run: RunID, secrets: [String: String] = [:], _ context: Context) throws {
        let folder = RunFolder(run, in: context.lash)
        let journal = try File.open(folder.journal, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(journal) }
        guard Journal.lock(journal) else {
            throw UsageFailure("the run is going on already", fix: "las attach \(run)")
        }
        let log = try File.open(folder.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(log) }
        let none = try File.open("/dev/null", O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(none) }
        let passed = try secrets.isEmpty ? nil : PassedSecrets.write(secrets)
        defer { if let passed { close(passed) } }
        let arguments = ["las", word, context.lash.root, run.name] + (passed == nil ? [] : [secretsWord])
        let variables = context.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let descriptors = [none, log, log, journal] + (passed.map { [$0] } ?? [])
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
        let hasSecrets = words.count == 3 && words[2] == secretsWord
        guard words.count == 2 || hasSecrets, words[0].begins(with: "/"), let run = RunID(words[1]) else {
            return ExitCode.usage.rawValue
        }
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        let context = given.with(Invocation(arguments: [], options: ["--lash": [words[0]]]))
        do {
            let secrets = hasSecrets ? try PassedSecrets.take(4) : [:]
            return try await perform(run, secrets, context).rawValue
        } catch {
            let failure = (error as? any Failure) ?? UsageFailure("\(error)")
            context.terminal.fail(failure)
            return failure.exitCode.rawValue
        }
    }

    private static func perform(
        _ run: RunID, _ secrets: [String: String], _ context: Context
    ) async throws -> ExitCode {
        let folder = RunFolder(run, in: context.lash)
        let start = try folder.readStart()
        guard let record = try record(of: run, in: context.lash) else {
            throw UsageFailure("\(run) is no run over several hosts")
        }
        let list = try HostList.read(context.lash)
        let hosts = try record.found(in: list)
        let rooms = HostRooms(lash: context.lash)
        let board = LeaseBoard(
            hosts.map { member($0, rooms) }, run: folder, silence: record.silence,
            tellsWords: !(record.bundle?.signed.isEmpty ?? true),
            reachesServer: { server in
                let password = server.secret.flatMap { secrets[$0] }
                if let name = server.secret, password?.isEmpty ?? true {
                    throw UsageFailure(
                        "the password of \(Shown.text(server.address, atMost: 200)), the secret \(name), was not given",
                        fix: "las secret set \(name)")
                }
                return try FTPFolder(server, password: password)
            })
        var connector = try context.connector(asking: Asking { _ in nil })
        connector.limit = record.limit.map { RateLimit($0) }
        let plan = RunMaterial(metro: "", plan: nil, parts: record.parts).readPlan(context.lash)
        let (coming, arrivals) = AsyncStream.makeStream(of: (Int, Host).self)
        for (number, host) in hosts.enumerated() {
            board.drain(number, host.isDrained)
            arrivals.yield((number, host))
        }
        let keeping = Task { [connector] in
            await withTaskGroup(of: Void.self) { group in
                for await (number, host) in coming {
                    let keeper = HostKeeper(
                        host: host, number: number, board: board, start: start, record: record, plan: plan,
                        connector: connector, secrets: Self.secrets(secrets, of: plan?.stations ?? [], for: host))
                    group.addTask { await keeper.keep() }
                }
            }
        }
        let watching = Task {
            var (names, looked) = (record.hosts, HostFiles(folder, context.lash))
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(min(1, record.silence / 20)))
                board.loseSilent()
                let now = HostFiles(folder, context.lash)
                guard now != looked, let list = try? HostList.read(context.lash),
                    let told = try? Self.record(of: run, in: context.lash)
                else { continue }
                looked = now
                for name in told.hosts where !names.contains(name) {
                    guard let host = try? list.host(named: name) else { continue }
                    names.append(name)
                    arrivals.yield((board.join(Self.member(host, rooms)), host))
                }
                for (number, name) in names.enumerated() {
                    if let host = list[name] { board.drain(number, host.isDrained) }
                }
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
                            let ended = Piece(
                                start, folder: folder, in: lash, journal: journal, board: board, secret: { secrets[$0] }
                            ).perform {
                                // Who waits for the end may take the results now; hosts are told while they do.
                                if $0.kind == .runEnded { board.dismiss() }
                            }
                            return (ended.exitCode, Kept(journal: journal))
                        })
                }.detach()
            } catch { continuation.resume(throwing: error) }
        }
        watching.cancel()
        await watching.value
        arrivals.finish()
        board.dismiss()
        // A host that does not answer any more finds out by itself, when las does not come again.
        let giveUp = Task {
            for _ in 0..<100 where board.isAnyHere { try? await Task.sleep(for: .seconds(0.1)) }
            keeping.cancel()
        }
        await keeping.value
        giveUp.cancel()
        await SlurmNodes.release(record, list, connector)
        withExtendedLifetime(kept) {}
        return code
    }

    /// Whether the files have changed that say which hosts there are.
    private struct HostFiles: Equatable {
        let record: File.Status?
        let list: File.Status?

        init(_ folder: RunFolder, _ lash: LASH) {
            (record, list) = (File.status(folder.hosts), File.status(lash.hosts))
        }
    }

    private static func member(_ host: Host, _ rooms: HostRooms) -> LeaseBoard.Member {
        LeaseBoard.Member(
            name: host.name, labels: Set(host.labels),
            room: host.isLocal ? HostRooms.ofThisMachine : rooms.room(of: host.name))
    }

    /// A host gets what stations name that it may get tasks of.
    private static func secrets(
        _ secrets: [String: String], of stations: [PlannedStation], for host: Host
    ) -> [String: String] {
        let names = stations.filter { $0.label.map(host.labels.contains) ?? true }.flatMap(\.secrets)
        return secrets.filter { names.contains($0.key) }
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
