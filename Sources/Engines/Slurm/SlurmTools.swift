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

    /// Which of these jobs wait, run, or are ending now.
    /// - Returns: nil where Slurm does not answer.
    package func queued(_ jobs: [Int]) -> Set<Int>? {
        if jobs.isEmpty { return [] }
        let list = jobs.map(String.init).joined(separator: ",")
        guard let ended = try? tool("squeue").run(["--noheader", "--format=%F", "--jobs=" + list], atMost: 60) else {
            return nil
        }
        // What is said of jobs that it has forgotten.
        if ended.status != 0 { return ended.errors.contains("Invalid job id") ? [] : nil }
        return Set(ended.output.split(whereSeparator: \.isWhitespace).compactMap { Int($0) })
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
            ended.errors.contains("Invalid job id") || ended.errors.contains("already completing")
            || ended.errors.contains("finished")
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
