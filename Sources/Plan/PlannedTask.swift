package import Metro

/// A task as the runtime runs it. Nothing in it depends on the host, the run or the folder it runs in.
///
/// Inside the sandbox a task sees its environment as `/`, the metro image at `/.las` (`/.las/inputs/NAME/…` are the packed
/// inputs, `/.las/files/…` the metro's own scripts), what other stations made at `/.las/made/STATION[/ITEM]/…`
/// (read-only, only what it takes), and its empty work folder at `/task`.
package struct PlannedTask: Hashable, Sendable, Codable {
    package enum Command: Hashable, Sendable, Codable {
        /// Run by `bash -euo pipefail -c`.
        case shell(String)
        /// Started directly: the program's name, looked up on the PATH, and its arguments.
        case direct([String])
    }

    package struct Output: Hashable, Sendable, Codable {
        /// Relative to `/task`, `Plan` has checked that it stays inside.
        package let path: String
        /// Made beforehand, when it is.
        package let isFolder: Bool

        package init(path: String, isFolder: Bool) { (self.path, self.isFolder) = (path, isFolder) }
    }

    /// One requirement of `until`.
    package struct Condition: Hashable, Sendable, Codable {
        /// Its file is the one of this task, its command as the metro says it.
        package let requirement: Requirement
        /// For `passes` the command as it is run.
        package let command: Command?

        package init(requirement: Requirement, command: Command? = nil) {
            (self.requirement, self.command) = (requirement, command)
        }
    }

    package let id: TaskID
    package let station: StationID
    package let environment: EnvironmentID
    package let command: Command
    package let outputs: [Output]
    /// The output that the command's standard output is saved as; nil when the command names `{out}`.
    package let savesPrinted: String?
    /// Folders below the run's `made`, `index` or `align/s1`, shown read-only at the same place below `/.las/made`.
    package let reads: [String]
    /// The folder below the run's `made` that its outputs are moved into as one when it is done.
    package let made: String
    package let uses: Resources
    /// Added to the clean environment.
    package let variables: [String: String]
    /// Which metro's folder `files/` lies at `/.las/files`; nil for the outermost one's.
    package let scripts: String?
    /// For a task that looks whether a file of an input is valid, the command as the metro says it: an exit code from 1 to
    /// 125 says that it is not. nil for a station's task.
    package let checks: String?

    /// 1, 2, 3…; nil for a station without turns.
    package var turn: Int?
    /// The folder below `made` that the turn before left, where only the last one is kept; nil in the first.
    package var turnBefore: String?
    /// What must hold for this turn to be the last; empty for a station without `until`.
    package var until: [Condition] = []
    /// What `{seed}` stands for.
    package var seed: Int?
    /// How often it is tried again when it fails.
    package var retry = 0
    package var usesNetwork = false
    /// The names of what its command may know, which it finds in variables; sorted.
    package var secrets: [String] = []
    /// Whether it may change its environment, for itself alone.
    package var isWritable = false
    package var workspaces: [WorkspaceMount] = []
    /// The label of the hosts that it may run on; nil for all.
    package var label: String?
    /// Where it looks among the packed inputs: the folder of each that it takes whole, `/.las/inputs/reference`, and the
    /// file that is its item, `/.las/inputs/reads/s1.fq`.
    package var inputs: [String] = []
    /// What the words of its command stand for that are taken: for who holds it against the plan; nil where nobody asks.
    package var words: [String: [String]]?

    /// Whether the same always comes of the same: not of what changes outside of the run, or while it goes on.
    package var dependsOnItsContentsOnly: Bool { !usesNetwork && workspaces.isEmpty }

    package init(
        id: TaskID, station: StationID, environment: EnvironmentID, command: Command, outputs: [Output],
        savesPrinted: String?, reads: [String], made: String, uses: Resources, variables: [String: String] = [:],
        scripts: String? = nil, checks: String? = nil
    ) {
        (self.id, self.station, self.environment, self.command) = (id, station, environment, command)
        (self.outputs, self.savesPrinted, self.reads, self.made) = (outputs, savesPrinted, reads, made)
        (self.uses, self.variables, self.scripts, self.checks) = (uses, variables, scripts, checks)
    }
}

/// A file or folder that a task made: its path relative to the task's folder below `made`.
/// The contents of a made folder are listed too.
package struct MadeFile: Hashable, Comparable, Sendable, Codable {
    package let path: String
    package let isFolder: Bool

    package init(path: String, isFolder: Bool) { (self.path, self.isFolder) = (path, isFolder) }

    package static func < (left: MadeFile, right: MadeFile) -> Bool {
        left.path.utf8.lexicographicallyPrecedes(right.path.utf8)
    }
}
