/// A metro as its file describes it: read and checked, but not yet planned.
package struct Metro: Sendable {
    /// Its path, as it was given, for messages.
    package let file: String
    package let name: Located<String>
    package let about: String?
    /// What the whole metro needs; a station may have its own.
    package let needs: Needs
    package let inputs: [Input]
    package let lines: [Line]
    /// nil: what no other station takes.
    package let results: [Reference]?

    /// The stations that are enabled, in the order of the file.
    package var stations: [Station] { lines.flatMap(\.stations).filter(\.isEnabled) }
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

/// Stations one after another: each takes by default what the one before it made.
package struct Line: Sendable {
    package let name: Located<String>
    package let stations: [Station]
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
    /// nil where the command gets no `{seed}`.
    package let seed: Seed?

    package var runsForEach: Bool { !forEach.isEmpty }
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

/// An input or a station by its name, whole, or as far as a pattern selects: `faidx/ref.fa`, `call/*.vcf.gz`.
package struct Reference: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case input, station }

    package let kind: Kind
    package let name: String
    package let pattern: String?
    package let position: Position
}
