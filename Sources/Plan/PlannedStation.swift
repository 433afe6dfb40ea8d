package import Metro

package struct PlannedStation: Hashable, Sendable, Codable {
    package let id: StationID
    /// The line's name, after the metro's: `qc/LINE` for a nested one.
    package let line: String
    package let environment: EnvironmentID
    /// Which metro's folder `files/` it sees, one of `Plan.metros`; nil for the outermost metro's.
    package let scripts: String?
    /// `in`: whole, for every task.
    package let takes: [Taken]
    /// `for_each`: one task for each item; empty for a station that runs once.
    package let forEach: [Taken]
    /// As the metro says it, with its placeholders.
    package let command: String
    /// As the metro says them: `{name}` inside, `/` at the end of a folder.
    package let outputs: [String]
    package let uses: Resources
    package let variables: [String: String]
    /// nil for a command that runs once for each item.
    package let turns: Turns?
    /// nil where the command gets no `{seed}`.
    package let seed: Seed?
    // Left out of the JSON where the metro says nothing of them, as in plans of earlier versions.
    private let retries: Int?
    private let network: Bool?
    private let knows: [String]?
    private let writable: Bool?
    /// The label of the hosts that it may run on; nil for all.
    package let label: String?
    private let keep: Bool?
    private let shares: [WorkspaceMount]?

    package init(
        id: StationID, line: String, environment: EnvironmentID, takes: [Taken], forEach: [Taken], command: String,
        outputs: [String], uses: Resources = Resources(), variables: [String: String] = [:], scripts: String? = nil,
        turns: Turns? = nil, seed: Seed? = nil, retry: Int = 0, usesNetwork: Bool = false,
        secrets: [String] = [], isWritable: Bool = false, label: String? = nil, keepsMade: Bool = false,
        workspaces: [WorkspaceMount] = []
    ) {
        (self.id, self.line, self.environment, self.takes, self.forEach) = (id, line, environment, takes, forEach)
        (self.command, self.outputs, self.uses, self.variables) = (command, outputs, uses, variables)
        (self.scripts, self.turns, self.seed) = (scripts, turns, seed)
        (retries, network) = (retry == 0 ? nil : retry, usesNetwork ? true : nil)
        knows = secrets.isEmpty ? nil : secrets
        self.label = label
        (writable, keep) = (isWritable ? true : nil, keepsMade ? true : nil)
        shares = workspaces.isEmpty ? nil : workspaces
    }

    package var runsForEach: Bool { !forEach.isEmpty }
    /// Whether what it makes is that of several tasks: for each item, or in turns that are all kept.
    package var makesMany: Bool { runsForEach || turns.map { !$0.keepsLast } ?? false }
    /// How often a task that failed is tried again.
    package var retry: Int { retries ?? 0 }
    package var usesNetwork: Bool { network ?? false }
    /// The names of what its command may know, which are never in a plan themselves; sorted.
    package var secrets: [String] { knows ?? [] }
    /// Whether its command may change its environment, for itself alone.
    package var isWritable: Bool { writable ?? false }
    /// Whether what it makes stays with the run when nothing needs it any more.
    package var keepsMade: Bool { keep ?? false }
    package var workspaces: [WorkspaceMount] { shares ?? [] }
}

/// What a station takes: an input, or what another station made, whole or as far as patterns select.
package struct Taken: Hashable, Sendable, Codable, CustomStringConvertible {
    package enum Source: Hashable, Sendable {
        case input(String)
        case station(StationID)
    }

    package let input: String?
    package let station: StationID?
    /// Of `x/*.y` the `*.y`; a metro in another one may select among what the other one gave it of something. All of them
    /// must select a file.
    package let patterns: [String]
    /// The word that stands for it in a command. What is given to a metro from outside is called there as its input is.
    package let word: String
    /// Its number in `in` or `for_each`, from 0: several have the same where one entry stands for several stations.
    package let entry: Int

    /// - Parameter word: nil for the name of what is taken.
    package init(_ source: Source, patterns: [String] = [], word: String? = nil, entry: Int = 0) {
        switch source {
        case .input(let name): (input, station) = (name, nil)
        case .station(let id): (input, station) = (nil, id)
        }
        (self.patterns, self.entry) = (patterns, entry)
        self.word = word ?? input ?? station?.name ?? ""
    }

    package init(_ source: Source, pattern: String?) { self.init(source, patterns: pattern.map { [$0] } ?? []) }

    /// What is taken, by its whole name.
    package var name: String { input ?? station?.name ?? "" }
    package var description: String { ([name] + patterns).joined(separator: "/") }
}
