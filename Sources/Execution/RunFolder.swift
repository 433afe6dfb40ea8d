package import Files
package import HostProtocol
internal import JSON

/// What a run leaves in LASH: `runs/RUN` with
/// `start.json` (how it was started), `plan.json`, `journal`, `pid`, `made/` (what tasks made), `tasks/` (work folders while
/// they run), `logs/`, `results/`, `mounts/` (while it runs, as root), `runtime.log`.
package struct RunFolder: Hashable, Sendable {
    package let path: String

    package init(_ run: RunID, in lash: LASH) { path = "\(lash.runs)/\(run.name)" }

    package var start: String { path + "/start.json" }
    package var plan: String { path + "/plan.json" }
    package var journal: String { path + "/journal" }
    package var pid: String { path + "/pid" }
    package var made: String { path + "/made" }
    package var tasks: String { path + "/tasks" }
    package var logs: String { path + "/logs" }
    package var results: String { path + "/results" }
    package var mounts: String { path + "/mounts" }
    package var log: String { path + "/runtime.log" }

    package var exists: Bool { File.exists(path) }

    /// Makes it, with its start.json. Only its owner may look inside: what tasks make is theirs alone.
    package func make(for start: RunStart) throws(FileFailure) {
        if exists { throw FileFailure("make the folder", path, code: 17) }
        try Folder.make(path, mode: 0o700)
        for folder in [made, tasks, logs, results] { try Folder.make(folder) }
        try File.write(JSONText.encode(start, indented: true), to: self.start)
    }

    package func readStart() throws(ExecutionFailure) -> RunStart {
        do { return try JSONText.decode(RunStart.self, from: try File.read(start, atMost: 1 << 20)) } catch {
            throw ExecutionFailure(
                "the run's start.json can't be read", place: start, cause: "\(error)", exitCode: .integrity)
        }
    }
}
