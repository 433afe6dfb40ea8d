package import Execution
internal import Failures
package import HostProtocol
internal import JSON
internal import Plan

/// Releases the Jobs of a run's stations, each when all that it takes is there, until the run has ended.
///
/// All Jobs exist from the beginning, and are held; so the conductor needs no right but to look at these Jobs by their names, to
/// change and to delete them. It keeps nothing in mind that the cluster and the run's folder do not know: another one may take
/// its place at any moment.
package struct Conductor {
    private let server: ClusterServer
    private let folder: StepFolder
    private let jobs: [StationID: StationJobs.Entry]
    private let order: [StationJobs.Entry]
    /// Waits so many seconds.
    private let rest: (Double) -> Void
    private let tell: (RunEvent) -> Void
    private let note: (String) -> Void
    private var phases: [String: JobStanding] = [:]
    /// Since when Jobs are known to have ended.
    private var ended: [String: Double] = [:]
    /// Seconds after which a step of a Job that has ended has left no record: file servers show names late.
    private static let patience = 60.0

    /// Kubernetes' own limit of what an indexed Job with a limit of failures for each index may have.
    static let mostSteps = 100_000

    /// - Parameters:
    ///   - tell: told of each event of the run's journal.
    ///   - note: told of trouble that passes.
    package init(
        _ server: ClusterServer, _ folder: StepFolder, _ jobs: StationJobs, rest: @escaping (Double) -> Void,
        tell: @escaping (RunEvent) -> Void, note: @escaping (String) -> Void
    ) {
        (self.server, self.folder, order) = (server, folder, jobs.stations)
        self.jobs = Dictionary(jobs.stations.map { ($0.station, $0) }, uniquingKeysWith: { first, _ in first })
        (self.rest, self.tell, self.note) = (rest, tell, note)
    }

    /// - Parameter now: seconds on a clock that is never set back.
    /// - Parameter goesOn: what was cancelled or had failures goes on.
    /// - Returns: the last event of the run.
    /// - Throws: what no waiting helps against: rights that are missing, a damaged folder.
    package mutating func perform(goesOn: Bool = false, now: () -> Double) throws -> RunEvent {
        var goesOn = goesOn
        for entry in order { phases[entry.job] = try standing(of: entry) }
        while true {
            let began = now()
            for entry in order where phases[entry.job]?.phase == .running {
                phases[entry.job] = try standing(of: entry)
            }
            var known = StepAdvance.Known()
            (known.goesOn, goesOn) = (goesOn, false)
            for entry in order where [.ended, .missing].contains(phases[entry.job]?.phase) {
                let since = ended[entry.job] ?? began
                ended[entry.job] = since
                if began - since >= Self.patience { known.goneStations.append(entry.station) }
            }
            let standing = try StepAdvance(folder, engine: "kubernetes", reason: "it was submitted there").perform(
                known)
            for event in standing.events { tell(event) }
            if let end = standing.end {
                try clear()
                return end
            }
            var hasReleased = false
            for station in standing.stations where try release(station) { hasReleased = true }
            // A run of many thousands of steps is not looked at all the time.
            if !hasReleased { rest(max(2, 5 * (now() - began))) }
        }
    }

    /// - Returns: whether a Job was released.
    private mutating func release(_ station: StationSteps) throws -> Bool {
        guard let states = station.states, !station.isSkipped, !states.contains(.waiting), states.contains(.ready)
        else {
            return false
        }
        guard let entry = jobs[station.station] else {
            throw ClusterFailure(
                "there is no Job for the station \(Shown.text(station.station.name))",
                cause: "the manifest is of another metro than the image", fix: "write the manifest anew", .usage)
        }
        guard let standing = phases[entry.job], standing.phase == .held else { return false }
        guard states.count <= Self.mostSteps else {
            throw ClusterFailure(
                "the station \(Shown.text(station.station.name)) has \(states.count) steps, and a Job of Kubernetes at most \(Self.mostSteps)",
                fix: "let a command do several of them", .usage)
        }
        if standing.completions != Int64(states.count) {
            // Together and only together these may be changed.
            let count = JSONValue.integer(Int64(states.count))
            _ = try ask("PATCH", entry, ["spec": ["completions": count, "parallelism": count]])
        }
        let parallel = JSONValue.integer(Int64(min(entry.parallel, states.count)))
        let answer = try ask("PATCH", entry, ["spec": ["parallelism": parallel, "suspend": false]])
        phases[entry.job] = JobStanding(answer)
        return true
    }

    /// What was never released, and what still runs of a run that was cancelled.
    private func clear() throws {
        for entry in order where [.held, .running].contains(phases[entry.job]?.phase) {
            _ = try ask("DELETE", entry, ["propagationPolicy": "Background"])
        }
    }

    private func standing(of entry: StationJobs.Entry) throws -> JobStanding { JobStanding(try ask("GET", entry)) }

    /// Waits where the server is away for a while.
    private func ask(_ method: String, _ entry: StationJobs.Entry, _ patch: JSONValue? = nil) throws
        -> ClusterServer.Answer
    {
        var pause = 1.0
        while true {
            let refused: ClusterFailure
            do throws(ClusterFailure) {
                let answer = try server.ask(method, "batch/v1", "jobs", entry.job, patch: patch)
                if (200..<300).contains(answer.status) || answer.status == 404 { return answer }
                let said =
                    "it answers \(answer.status)" + (answer.message.map { ": \(Shown.text($0, atMost: 300))" } ?? "")
                let isPassing = answer.status >= 500 || answer.status == 429 || answer.status == 409
                refused = ClusterFailure(
                    "the cluster refuses to \(method == "GET" ? "show" : "change") the Job \(entry.job)", cause: said,
                    fix: [401, 403].contains(answer.status)
                        ? "apply the whole manifest: its Role lets the conductor do this" : nil,
                    isPassing: isPassing)
            } catch {
                refused = error
            }
            guard refused.isPassing else { throw refused }
            note("\(refused.description); trying again in \(Int(pause)) s")
            rest(pause)
            pause = min(60, pause * 2)
        }
    }
}
