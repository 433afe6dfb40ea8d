internal import Failures
internal import Files

/// The user's own Slurm commands, found on this machine.
package struct SlurmTools: Sendable {
    private let folder: String
    private let environment: [String: String]

    /// Where sites put them that the PATH of a login without a terminal does not name.
    private static let places = "/opt/slurm/bin:/usr/local/slurm/bin:/cm/shared/apps/slurm/current/bin:/usr/local/bin"

    /// - Parameter environment: of this process.
    /// - Throws: where there is no sbatch here.
    package init(environment: [String: String]) throws(EngineFailure) {
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        var found = Tool.find("sbatch", on: path + ":" + Self.places)
        // What the user's own login sets up: modules, for one.
        if found == nil, let shell = environment["SHELL"], shell.hasPrefix("/") {
            let asked = try? Tool(shell, environment: environment).run(["-lc", "command -v sbatch"], atMost: 20)
            found = asked?.output.split(separator: "\n").last.map(String.init)
                .flatMap { Tool.find("sbatch", on: File.parent(of: $0)) }
        }
        guard let found else {
            throw EngineFailure(
                "there is no sbatch on this machine",
                fix: "name the machine from which jobs are submitted; there “command -v sbatch” must find it",
                .unreachable)
        }
        folder = File.parent(of: found)
        self.environment = environment.merging(["PATH": folder + ":" + path]) { $1 }
    }

    private func tool(_ name: String) -> Tool { Tool("\(folder)/\(name)", environment: environment) }

    /// Runs a submission's script: it submits what can be submitted by now.
    package func submit(_ script: String) throws(EngineFailure) {
        let ended = try Tool("/bin/sh", environment: environment).run([script], atMost: 600)
        if ended.status == 0 { return }
        throw EngineFailure(
            "Slurm did not take the run", cause: Self.words(ended),
            fix:
                "--partition, --account, --qos and --step-time say what this cluster asks for; sinfo shows what it has",
            .resources)
    }

    package struct Queue: Hashable, Sendable {
        /// Those that wait, run, or are ending now.
        package var jobs: Set<Int> = []
        /// Why some of them wait that a person has to do something for, in Slurm's words.
        package var stuck: Set<String> = []
    }

    /// How these jobs stand.
    /// - Returns: nil where Slurm does not answer.
    package func queue(_ jobs: [Int]) -> Queue? {
        var queue = Queue()
        if jobs.isEmpty { return queue }
        let list = jobs.map(String.init).joined(separator: ",")
        let words = ["--noheader", "--format=%F %T %r", "--jobs=" + list]
        guard let ended = try? tool("squeue").run(words, atMost: 60) else { return nil }
        // What is said of jobs that it has forgotten.
        if ended.status != 0 { return ended.errors.holds("Invalid job id") ? queue : nil }
        for line in ended.output.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 2)
            guard let job = fields.first.flatMap({ Int($0) }) else { continue }
            queue.jobs.insert(job)
            if fields.count == 3, fields[1] == "PENDING", Self.isForEver(String(fields[2])) {
                queue.stuck.insert(Shown.text(String(fields[2]), atMost: 100))
            }
        }
        return queue
    }

    private static let never: Set<String> = [
        "PartitionNodeLimit", "PartitionTimeLimit", "BadConstraints", "InvalidAccount", "InvalidQOS", "PartitionConfig",
        "AccountNotAllowed", "QOSNotAllowed", "ReservationDeleted",
    ]

    /// Whether what Slurm says a job waits for lasts until a person changes something. Among these are limits of an account or a QOS
    /// that the job exceeds by itself: `QOSMaxWallDurationPerJobLimit`.
    package static func isForEver(_ reason: String) -> Bool {
        never.contains(reason)
            || (reason.hasPrefix("QOSMax") || reason.hasPrefix("AssocMax")) && reason.holds("PerJob")
    }

    /// Those that have ended are fine.
    package func cancel(_ jobs: [Int]) throws(EngineFailure) {
        try order("scancel", [], jobs, "cancel the run's jobs")
    }

    /// What waits is held back, or goes on.
    package func hold(_ jobs: [Int], _ holds: Bool) throws(EngineFailure) {
        try order(
            "scontrol", [holds ? "hold" : "release"], jobs, holds ? "hold the run's jobs" : "release the run's jobs")
    }

    private func order(_ name: String, _ words: [String], _ jobs: [Int], _ action: String) throws(EngineFailure) {
        if jobs.isEmpty { return }
        let list = jobs.map(String.init)
        let ended = try tool(name).run(words + (name == "scontrol" ? [list.joined(separator: ",")] : list))
        let isGone =
            ended.errors.holds("Invalid job id") || ended.errors.holds("already completing")
            || ended.errors.holds("finished")
        if ended.status != 0, !isGone {
            throw EngineFailure("Slurm did not \(action)", cause: Self.words(ended), .resources)
        }
    }

    private static func words(_ ended: Tool.Ended) -> String {
        let text = ended.errors.isEmpty ? ended.output : ended.errors
        let lines = text.split(separator: "\n").suffix(5).map { Shown.text(String($0), atMost: 300) }
        return lines.isEmpty ? "it ended with the exit code \(ended.status)" : lines.joined(separator: "; ")
    }
}
