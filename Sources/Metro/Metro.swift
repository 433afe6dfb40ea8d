internal import Files

/// A metro as its file describes it: read and checked, but not yet planned.
package struct Metro: Sendable {
    /// Its path, as it was given, for messages.
    package let file: String
    package let name: Located<String>
    package let about: String?
    /// What the whole metro needs; a station may have its own.
    package let needs: Needs
    package let inputs: [Input]
    package let workspaces: [Workspace]
    package let lines: [Line]
    /// nil: what no other station takes.
    package let results: [Reference]?
    /// Its results, or what it has in their place: all of it that a metro can take in which this one stands.
    package let offers: [Offer]
    /// By the input's name.
    package let inputUses: [String: InputUse]
    /// Where its file lies: as it was given, for a nested one with all links followed.
    package let location: String

    /// The folder that its inputs and its `files/` lie in.
    package var folder: String { File.parent(of: location) }

    /// What is enabled, in the order of the file.
    package var stops: [Stop] { lines.flatMap(\.stops).filter(\.isEnabled) }
    /// Its own stations that are enabled, in the order of the file.
    package var stations: [Station] {
        stops.compactMap { if case .station(let station) = $0 { station } else { nil } }
    }
    /// The metros that stand in it and are enabled, in the order of the file.
    package var nested: [NestedMetro] {
        stops.compactMap { if case .nested(let nested) = $0 { nested } else { nil } }
    }
}

/// Files that the metro starts from.
package struct Input: Sendable {
    package enum Source: Sendable {
        /// Paths and globs relative to the metro's folder, and addresses of the web.
        case files([Located<String>])
        /// An absolute path or glob in the environment's image.
        case image(Located<String>)
        case text(Located<String>)
    }

    package let name: Located<String>
    package let source: Source
    /// `unpack: yes`: the files are archives, and the input stands for what is in them.
    package let unpacks: Bool
    package let valid: Validity
    /// Where the command of `valid` stands that each file must pass.
    package let passes: SourceText?
    package let comments: String?

    init(
        name: Located<String>, source: Source, unpacks: Bool = false, valid: Validity = Validity(),
        passes: SourceText? = nil, comments: String? = nil
    ) {
        (self.name, self.source, self.unpacks, self.valid) = (name, source, unpacks, valid)
        (self.passes, self.comments) = (passes, comments)
    }
}

/// Stops one after another: each takes by default what the one before it made.
package struct Line: Sendable {
    package let name: Located<String>
    package let stops: [Stop]
    package let isEnabled: Bool
    package let comments: String?

    package var stations: [Station] {
        stops.compactMap { if case .station(let station) = $0 { station } else { nil } }
    }
}

/// What stands on a line.
package indirect enum Stop: Sendable {
    case station(Station)
    case nested(NestedMetro)

    package var name: Located<String> {
        switch self {
        case .station(let station): station.name
        case .nested(let nested): nested.name
        }
    }

    /// Never on a line that is not.
    package var isEnabled: Bool {
        switch self {
        case .station(let station): station.isEnabled
        case .nested(let nested): nested.isEnabled
        }
    }
}

/// One command: what it takes, what it makes, how often it runs.
package struct Station: Sendable {
    package let name: Located<String>
    package let line: String
    /// What `in` says, or what it is by default.
    package let takes: [Reference]
    /// `for_each`; empty for a station that runs once.
    package let forEach: [Reference]
    package let command: SourceText
    package let outputs: [Located<String>]
    /// `makes`: the kind of each output, an ending without its dot; empty where the metro says none.
    package let kinds: [Located<String>]
    package let uses: Uses
    package let variables: [String: String]
    /// Its own environment instead of the metro's.
    package let needs: Needs?
    package let isEnabled: Bool
    package let comments: String?
    /// nil for a command that runs once for each item.
    package let turns: Turns?
    /// How often a task that failed is tried again.
    package let retry: Int
    package let usesNetwork: Bool
    /// The names of what its command may know: sorted.
    package let secrets: [String]
    /// `writable`: its command may change its environment, for itself alone.
    package let isWritable: Bool
    /// `at`: the label of the hosts that it may run on; nil for all.
    package let label: String?
    /// `keep`: what it makes stays with the run when nothing needs it any more.
    package let keepsMade: Bool
    /// nil where the command gets no `{seed}`.
    package let seed: Seed?
    /// What it shares with others while the metro runs, each once.
    package let workspaces: [WorkspaceUse]

    package var runsForEach: Bool { !forEach.isEmpty }
    /// Whether what it makes is that of several tasks: for each item, or in turns that are all kept.
    package var makesMany: Bool { runsForEach || turns.map { !$0.keepsLast } ?? false }
}

/// What one task may take of its host.
package struct Uses: Hashable, Sendable {
    package var cpus = 1
    /// Bytes.
    package var memory: Int64?
    package var gpus = 0
    /// Seconds.
    package var time: Double?

    package init() {}
}

/// An input or a station by its name, whole, or as far as patterns select: `faidx/ref.fa`, `call/*.vcf.gz`.
package struct Reference: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case input, station }

    package let kind: Kind
    /// Of a station in a nested metro its whole path: `qc/trim`.
    package let name: String
    /// All of them must select a file.
    package let patterns: [String]
    /// What stands for it in commands. A line, a nested metro and an input that is given from outside are called otherwise
    /// than what they are.
    package let word: String
    /// Its number in `in` or `for_each`, from 0: several have the same where one entry stands for several stations.
    package let entry: Int
    package let position: Position

    package init(
        kind: Kind, name: String, patterns: [String] = [], word: String? = nil, entry: Int, position: Position
    ) {
        (self.kind, self.name, self.patterns, self.position) = (kind, name, patterns, position)
        (self.word, self.entry) = (word ?? name, entry)
    }
}
