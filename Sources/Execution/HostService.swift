internal import CLinux
internal import Digests
internal import Failures
package import Files
internal import Glibc
package import HostProtocol
internal import Parts
internal import Unpacking

/// A host's side of the host protocol: answers las, one request after another, until las closes its side.
///
/// What a request can't have is refused and the next one is waited for; what is no protocol at all ends it.
package final class HostService {
    let lash: LASH
    let parts: PartStore
    let channel: FrameChannel
    private let program: String
    let runtime: String
    let policy: Policy
    /// Keeps what was offered here from being cleared away until its run has begun.
    private var hold: StoreHold?
    /// What the bytes of parts come over, where there are further channels.
    let lines = DataLines()
    /// Whether the greeting tells what can be found out by trying only.
    private let examines: Bool
    /// Another process has the connection.
    private var hasHandedOver = false
    /// Process ids of the runs that were started from here.
    var started: [RunID: Int32] = [:]
    /// The last event before a run was resumed here: its end, where it had one.
    var resumedAt: [RunID: Int] = [:]
    /// The end of the tethered runs' pipe that is held here: it closes with this process, however that ends.
    var tether: (read: Int32, write: Int32)?

    /// What is let run here.
    package struct Policy: Sendable {
        let demandsSignature: Bool
        /// Throws for what is not to be started.
        let admit: @Sendable (Start) throws -> Void
        /// Whether the one who asks is the one who runs this program.
        let isOwn: Bool

        package init(demandsSignature: Bool, admit: @escaping @Sendable (Start) throws -> Void) {
            (self.demandsSignature, self.admit, isOwn) = (demandsSignature, admit, false)
        }

        private init() { (demandsSignature, admit, isOwn) = (false, { _ in }, true) }

        /// For what the one who runs this program has made.
        package static let none = Policy()
    }

    /// - Parameters:
    ///   - program: what the greeting says: "las-runtime 0.1.0".
    ///   - runtime: the program that runs pieces.
    ///   - examines: whether the greeting tells what can be found out by trying only.
    package init(
        _ lash: LASH, input: Int32, output: Int32, program: String, runtime: String, policy: Policy,
        examines: Bool = false
    ) {
        self.examines = examines
        (self.lash, self.program, self.runtime, self.policy) = (lash, program, runtime, policy)
        parts = PartStore(lash)
        channel = FrameChannel(input: input, output: output)
    }

    deinit {
        if let tether {
            close(tether.read)
            close(tether.write)
        }
    }

    /// Serves until the other side closes.
    /// - Throws: where the connection is of no use any more.
    package func serve() throws {
        do {
            try channel.send(
                Frame(
                    .hello,
                    json: Hello(
                        version: Frame.version, program: program,
                        host: examines ? Doctor.examine(lash) : Doctor.glance(lash),
                        demandsSignature: policy.demandsSignature)))
            guard let first = try channel.read() else { return }
            try first.expect(.hello, Hello.self, awaited: "las's greeting").checkVersion()
            while !hasHandedOver, let frame = try channel.read() { try handle(frame) }
        } catch let failure as ProtocolFailure {
            try? channel.send(Frame(.refusal, json: Refusal(failure)))
            throw failure
        }
    }

    private func handle(_ frame: Frame) throws {
        do {
            switch frame.kind {
            case .offer: try answer(try frame.decode(Offer.self))
            case .part: try receive(try frame.decode(PartHeader.self))
            case .start: try start(try frame.decode(Start.self))
            case .work:
                try work(try frame.decode(Start.self))
                hasHandedOver = true
            case .resume: try resume(try frame.decode(Resume.self))
            case .follow: try follow(try frame.decode(Follow.self))
            case .cancel: try cancel(try frame.decode(Cancel.self))
            case .fetch: try sendResults(try frame.decode(Fetch.self))
            case .clean: try clean(try frame.decode(Clean.self))
            case .clear:
                let clear = try frame.decode(Clear.self)
                try channel.send(
                    Frame(
                        .cleared,
                        json: try HostClearing(lash, olderThan: clear.days).perform(isDry: clear.isDry ?? false)))
            case .lines: try begin(try frame.decode(Lines.self))
            default: throw ProtocolFailure.unexpected(kind: frame.kind, awaited: "a request")
            }
        } catch let failure as ProtocolFailure {
            throw failure
        } catch let failure as any Failure {
            try channel.send(Frame(.refusal, json: Refusal(failure)))
        }
    }

    private func answer(_ offer: Offer) throws {
        hold = try hold ?? StoreHold(lash) {}
        let have = offer.parts.map(\.digest).filter(parts.has)
        let kept = have.count < offer.parts.count ? parts.newestParts().prefix(Have.mostKept) : []
        try channel.send(
            Frame(
                .have,
                json: Have(
                    parts: have, kept: kept.isEmpty ? nil : Array(kept),
                    tables: kept.isEmpty ? nil : TablesDifference.zstd)))
    }

    private func clean(_ clean: Clean) throws {
        let run = clean.run
        let folder = RunFolder(run, in: lash)
        if Journal.isHeld(folder.journal) {
            // A run that has ended holds its journal for as long as its process tidies up.
            if try JournalFollower(folder.journal).take().last?.kind == .runEnded {
                Journal.waitUntilFree(folder.journal)
            }
        }
        if Journal.isHeld(folder.journal) {
            throw ExecutionFailure("the run \(run) is going on", fix: "cancel it first", exitCode: .usage)
        }
        if clean.keepsRecord ?? false {
            let list = RunList(lash)
            try list.leaveRecord(of: run)
            list.prune()
        } else {
            folder.removeShared()
            try Folder.remove(folder.path)
        }
        try channel.send(Frame(.done, json: Done()))
    }

    func existing(_ run: RunID) throws -> RunFolder {
        let folder = RunFolder(run, in: lash)
        guard folder.exists else {
            throw ExecutionFailure("there is no run \(run) on this host", exitCode: .usage)
        }
        return folder
    }

    // MARK: Starting

    private func start(_ start: Start) throws {
        let begun = try runStart(start)
        let folder = RunFolder(start.run, in: lash)
        if folder.exists { throw ExecutionFailure("there is a run \(start.run) here already", exitCode: .usage) }
        do {
            try folder.make(for: begun)
            try launch(
                start.run, folder, tethered: start.tethered, secrets: start.secrets ?? [:], cluster: start.cluster)
        } catch {
            try? Folder.remove(folder.path)
            throw error
        }
        forgetHold()
        try channel.send(Frame(.started, json: Started(run: start.run)))
    }

    /// What was offered is used by a run now, which says so itself.
    func forgetHold() { hold = nil }

    /// How a run is to be started, of parts that are here.
    func runStart(_ start: Start) throws -> RunStart {
        try policy.admit(start)
        var metro: ImageLocation?
        var environments: [String: ImageLocation] = [:]
        for part in start.parts where part.kind != .runtime {
            guard parts.has(part.digest) else {
                throw ExecutionFailure("\(part.words) is not on this host", exitCode: .usage)
            }
            let image = ImageLocation(
                path: try parts.whole(part), offset: 0, size: part.size, digest: part.digest)
            if part.kind == .metro { metro = image } else { environments[part.name] = image }
        }
        guard let metro else { throw ExecutionFailure("a run needs the image of a metro", exitCode: .usage) }
        if let cpus = start.cpus, cpus < 1 { throw ExecutionFailure("a run needs at least one cpu", exitCode: .usage) }
        var begun = RunStart(
            run: start.run, metro: metro, environments: environments, cpus: start.cpus,
            engine: try start.engine.map(Engine.asked),
            isFresh: start.isFresh ?? false, failsFast: start.failsFast ?? false, results: start.results,
            isStranger: start.bundle != nil && !PackedHere(lash).has(metro.digest),
            isSigned: policy.demandsSignature)
        begun.labels = start.labels
        if let sandbox = start.sandbox {
            guard sandbox == "off", policy.isOwn, start.cluster == nil else {
                throw ExecutionFailure(
                    "only the user of a machine itself can have tasks run without their sandbox there",
                    fix: "leave --sandbox out", exitCode: .usage)
            }
            begun.isUnsandboxed = true
        }
        // To a cluster goes only what its own user says on this machine: it is done with that user's credentials.
        let engines = policy.isOwn ? ["slurm", "kubernetes"] : ["slurm"]
        if let cluster = start.cluster, !engines.contains(cluster.engine) {
            throw ExecutionFailure(
                "this host knows no engine “\(Shown.text(cluster.engine))” to submit to", exitCode: .usage)
        }
        begun.cluster = start.cluster
        return begun
    }

    /// A process of its own, in a session of its own, that holds the journal from its first moment on.
    ///
    /// - Parameters:
    ///   - secrets: given to it in memory.
    ///   - leasedBy: the socket on which it takes connections that tasks are leased over.
    func launch(
        _ run: RunID, _ folder: RunFolder, tethered: Bool, secrets: [String: String], leasedBy: Int32? = nil,
        cluster: ClusterStart? = nil
    ) throws {
        reap()
        let journal = try File.open(folder.journal, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(journal) }
        guard Journal.lock(journal) else { throw FileFailure("lock", folder.journal, code: EWOULDBLOCK) }
        let log = try File.open(folder.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode: 0o600, action: "write")
        defer { close(log) }
        let none = try File.open("/dev/null", O_RDONLY | O_CLOEXEC, action: "read")
        defer { close(none) }
        if tethered, tether == nil {
            var ends: [Int32] = [-1, -1]
            if las_pipe(&ends, 0) != 0 { throw ExecutionFailure.system("can't make a pipe") }
            tether = (ends[0], ends[1])
        }
        let input = leasedBy ?? (tethered ? tether?.read ?? none : none)
        let passed = try secrets.isEmpty ? nil : PassedSecrets.write(secrets)
        defer { if let passed { close(passed) } }
        let arguments =
            ["las-runtime", "piece", "--lash", lash.root, run.name] + (tethered ? ["--tethered"] : [])
            + (passed == nil ? [] : ["--secrets"]) + (leasedBy == nil ? [] : ["--leased"])
        let descriptors = [input, log, log, journal] + (passed.map { [$0] } ?? [])
        let pid = withCStrings(arguments) { arguments in
            withCStrings(Self.environment(lash, cluster)) { environment in
                las_start_session(runtime, arguments, environment, descriptors, Int32(descriptors.count))
            }
        }
        if pid < 0 { throw ExecutionFailure.system("can't start the run's process") }
        started[run] = pid
    }

    /// Of a run's process: nothing of this one's, save where it needs the user's own commands.
    private static func environment(_ lash: LASH, _ cluster: ClusterStart?) -> [String] {
        let own = ["LASH=\(lash.root)"]
        let system = "/usr/sbin:/usr/bin:/sbin:/bin"
        if cluster?.engine == "kubernetes" { return Self.whole(lash, system) }
        if cluster == nil { return own + ["PATH=\(system)"] }
        let path = getenv("PATH").map { String(cString: $0) + ":" } ?? ""
        let names: [String] = ["HOME", "USER", "LOGNAME", "SHELL", "SLURM_CONF"]
        let kept = names.compactMap { (name: String) -> String? in
            getenv(name).map { "\(name)=\(String(cString: $0))" }
        }
        return own + ["PATH=\(path)\(system)"] + kept
    }

    /// All that the user has: kubectl asks further programs for credentials, each with variables of its own.
    private static func whole(_ lash: LASH, _ system: String) -> [String] {
        var (variables, place) = (["LASH=\(lash.root)"], environ)
        var hasPath = false
        while let entry = place.pointee {
            let text = String(cString: entry)
            if text.hasPrefix("PATH=") {
                variables.append(text + ":" + system)
                hasPath = true
            } else if !text.hasPrefix("LASH=") {
                variables.append(text)
            }
            place += 1
        }
        return variables + (hasPath ? [] : ["PATH=\(system)"])
    }

    /// Processes of runs that have ended.
    func reap() {
        for (run, pid) in started where waitpid(pid, nil, WNOHANG) == pid { started[run] = nil }
    }
}

/// Lends a list of C strings that ends with NULL.
func withCStrings<Result>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
    let copies = texts.map { strdup($0) } + [nil]
    defer { copies.forEach { free($0) } }
    return body(copies)
}
