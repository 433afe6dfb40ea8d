internal import Engines
internal import Execution
internal import Failures
internal import Files
internal import Glibc
internal import HostProtocol
internal import JSON
internal import Plan
internal import Unpacking

/// The process of a run whose steps a Kubernetes cluster runs, on the machine that it was started from: it has the user's kubectl
/// apply the run's objects, takes over through the conductor's pod what happens there, and keeps the run's journal here.
///
/// The cluster does not need it: where it is killed the run goes on there, and who resumes the run here takes over the rest.
final class KubernetesPiece: DistributedEngine {
    static let engine = "kubernetes"

    private let start: RunStart
    private let folder: RunFolder
    private let journal: Journal
    private let tools: KubernetesTools
    /// What this journal has of the cluster's: told once, however often it is handed over.
    private var told: Set<String>
    private var troubles: Set<String> = []
    private var taking: TakeOver
    private var isEnding = false
    private var inputs: CarriedInputs?

    /// Seconds that the conductor stays for somebody who takes the run over.
    private static let stay = 6 * 3600
    private static let work = "/work/run"
    private static let program = "/.las/las-runtime"

    /// - Parameters:
    ///   - folder: made, with its start.json.
    ///   - journal: held by this process.
    init(_ start: RunStart, folder: RunFolder, journal: Journal) throws {
        (self.start, self.folder, self.journal) = (start, folder, journal)
        told = Set(journal.recorded.map(Self.mark))
        let words = start.cluster?.options ?? [:]
        tools = try KubernetesTools(
            environment: Self.environment(), context: words["context"], namespace: words["namespace"])
        taking = TakeOver(folder)
    }

    /// Runs it to its end, which is the journal's `runEnded` in every case.
    static func perform(_ start: RunStart, folder: RunFolder, in lash: LASH, journal: Journal) -> ExitCode {
        RunSignals.block()
        do {
            try File.write("\(getpid())\n", to: folder.pid, syncing: false)
            let piece = try KubernetesPiece(start, folder: folder, journal: journal)
            let end = try piece.perform()
            return end.succeeded == true ? .done : .stationsFailed
        } catch {
            let failure = error as? any Failure
            _ = try? end(journal, failure?.description ?? "\(error)", failure?.exitCode ?? .resources)
            return failure?.exitCode ?? .resources
        }
    }

    private static func end(_ journal: Journal, _ text: String, _ code: ExitCode) throws -> RunEvent {
        let event = journal.append(.runEnded) {
            ($0.succeeded, $0.text, $0.exitCode, $0.files) = (false, text, Int(code.rawValue), [])
        }
        try journal.commit()
        return event
    }

    private func perform() throws -> RunEvent {
        guard let path = RelativePath("plan.json") else { throw UsageFailure("there is no plan") }
        let text = try ImageReader(start.metro.path, offset: start.metro.offset).read(path, atMost: 256 << 20)
        if !File.exists(folder.plan) { try File.write(text, to: folder.plan) }
        let plan = try JSONText.decode(Plan.self, from: text)
        inputs = try carried(plan, text)
        let submission = try prepare(plan)
        // What is there of an earlier try is taken over where it still goes on, and begins anew where it has ended.
        if journal.recorded.isEmpty || !isGoingOn(submission) {
            if !journal.recorded.isEmpty { try tools.remove(submission.name, everything: false) }
            try submit(submission)
        }
        let end = try follow(submission) { _ in }
        if end.succeeded == true {
            do { try tools.remove(submission.name, everything: true) } catch { note(error.description) }
        }
        return try close(end)
    }

    /// What the manifest itself brings of the metro's own image.
    private func carried(_ plan: Plan, _ text: [UInt8]) throws -> CarriedInputs? {
        let names = KubernetesOptions.carried(start.cluster?.options ?? [:])
        if names.isEmpty { return nil }
        let image = try ImageReader(start.metro.path, offset: start.metro.offset)
        return try CarriedInputs(names, of: plan, text: text) { try image.read($0) }
    }

    private func isGoingOn(_ submission: KubernetesSubmission) -> Bool {
        if journal.recorded.last?.kind == .runEnded { return false }
        switch tools.conductor(of: submission.name) {
        case .running, .waiting: return true
        default: return false
        }
    }

    // MARK: As every engine

    func prepare(_ plan: Plan) throws(EngineFailure) -> KubernetesSubmission {
        let words = start.cluster?.options ?? [:]
        var options = try KubernetesOptions(words)
        options.stay = Self.stay
        options.inputs = inputs
        if let last = journal.recorded.last { options.again = "\(last.sequence)" }
        do {
            let patches = try words["patch"].map { [try KubernetesPatch(Array($0.utf8), file: "--patch")] } ?? []
            return try KubernetesSubmission(plan, options, patches: patches)
        } catch let failure as EngineFailure { throw failure } catch {
            let failure = error as? any Failure
            throw EngineFailure(failure?.summary ?? "\(error)", cause: failure?.cause, fix: failure?.fix)
        }
    }

    func submit(_ submission: KubernetesSubmission) throws {
        let file = folder.path + "/kubernetes.yaml"
        try File.write(submission.description, to: file)
        do { try tools.apply(file) } catch {
            // All or nothing; what an earlier try has made stays.
            try? tools.remove(submission.name, everything: journal.recorded.isEmpty)
            throw error
        }
    }

    /// The end is not in the journal yet: what is to be seen with it comes first.
    func follow(_ submission: KubernetesSubmission, tell: (RunEvent) -> Void) throws -> RunEvent {
        var away = 0
        while true {
            switch tools.conductor(of: submission.name) {
            case .running(let pod):
                away = 0
                if let end = try takeOver(from: pod, submission, tell) { return end }
            case .waiting:
                away = 0
                for trouble in tools.troubles(of: submission.name) where troubles.insert(trouble).inserted {
                    note(trouble)
                }
            case .ended(let pod):
                away += 1
                // It has ended between two looks; a list may be behind the truth for a moment.
                if away < 3 { break }
                let words = pod.flatMap(tools.logs)?.split(separator: "\n").last.map {
                    Shown.text(String($0), atMost: 500)
                }
                throw EngineFailure(
                    "the run's conductor has ended in the cluster, before all of the run was here", cause: words,
                    fix: "las resume \(start.run) takes over what is done", .resources)
            case .missing:
                away += 1
                if away < 3 { break }
                throw EngineFailure(
                    "the run is not in the cluster any more: somebody has deleted the Job \(submission.name)",
                    fix: "las resume \(start.run) submits it anew", .resources)
            case nil: if troubles.insert("").inserted { note("the cluster does not answer; it is asked again") }
            }
            if let signal = RunSignals.next(within: 2000), let end = try take(signal, submission, pod: nil) {
                return end
            }
        }
    }

    func fetch(_ submission: KubernetesSubmission, into target: String) throws {
        _ = try ResultFolder(target).take(from: folder.results)
    }

    func cancel(_ submission: KubernetesSubmission) throws { try tools.remove(submission.name, everything: false) }

    // MARK: Taking over

    /// Through a program in the conductor's pod, as long as that is there.
    /// - Returns: the run's end, when its results are here.
    private func takeOver(
        from pod: String, _ submission: KubernetesSubmission, _ tell: (RunEvent) -> Void
    ) throws -> RunEvent? {
        let stream = try tools.stream(pod, [Self.program, "hand-over", "--work", Self.work])
        taking = TakeOver(folder)
        stream.write(String(decoding: JSONText.encode(taking.logs), as: UTF8.self) + "\n")
        var end: RunEvent?
        var looked = time(nil)
        while let bytes = stream.read(within: 500) {
            taking.feed(bytes)
            var hasNews = false
            while let item = try taking.next() {
                if let event = item.event {
                    // The end of a run that went on is none.
                    end = nil
                    guard told.insert(Self.mark(event)).inserted else { continue }
                    if event.kind == .runEnded { end = event } else { tell(append(event)) }
                    hasNews = true
                } else if item.isWhole == true, let end {
                    try taking.check(end.files ?? [])
                    stream.write("done\n")
                    for _ in 0..<20 where stream.read(within: 500) != nil {}
                    return end
                }
            }
            if hasNews {
                try journal.commit()
                if end != nil {
                    try taking.clearResults()
                    stream.write("results\n")
                }
            }
            if let signal = RunSignals.next(within: 0), let end = try take(signal, submission, pod: pod) { return end }
            if time(nil) - looked >= 15 {
                looked = time(nil)
                for trouble in tools.troubles(of: submission.name) where troubles.insert(trouble).inserted {
                    note(trouble)
                }
            }
        }
        return nil
    }

    /// What makes an event of the cluster's journal the one that it is.
    private static func mark(_ event: RunEvent) -> String {
        var plain = event
        plain.sequence = 0
        return "\(event.time) " + String(decoding: JSONText.encode(plain), as: UTF8.self)
    }

    private func append(_ event: RunEvent) -> RunEvent {
        if start.failsFast ?? false, event.kind == .taskFailed, !isEnding { kill(getpid(), SIGTERM) }
        return journal.append(event.kind) { new in
            let sequence = new.sequence
            new = event
            new.sequence = sequence
        }
    }

    private func close(_ end: RunEvent) throws -> RunEvent {
        let event = append(end)
        try journal.commit()
        return event
    }

    private func note(_ text: String) {
        journal.append(.note) { $0.text = text }
        try? journal.commit()
    }

    // MARK: Signals

    /// - Parameter pod: of the conductor; nil where there is none.
    /// - Returns: the run's end, where nobody is there to tell it.
    private func take(_ signal: Int32, _ submission: KubernetesSubmission, pod: String?) throws -> RunEvent? {
        switch signal {
        case SIGUSR1:
            note("Kubernetes does not pause a run: what it has begun goes on; “las cancel” and “las resume” do")
        case SIGUSR2: break
        default:
            // Asked a second time, it does not wait for the cluster.
            if let pod, !isEnding {
                isEnding = true
                let asked = try tools.run(in: pod, [Self.program, "advance", "--work", Self.work, "--cancel"])
                if asked.status == 0 || asked.status == 1 { return nil }
            }
            try cancel(submission)
            var end = RunEvent(sequence: 0, time: Double(time(nil)), kind: .runEnded)
            (end.succeeded, end.exitCode, end.files) = (false, Int(ExitCode.stationsFailed.rawValue), [])
            end.text = "the run was cancelled"
            return end
        }
        return nil
    }

    private static func environment() -> [String: String] {
        var found: [String: String] = [:]
        var place = environ
        while let entry = place.pointee {
            let words = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if words.count == 2 { found[String(words[0])] = String(words[1]) }
            place += 1
        }
        return found
    }
}
