/// A metro as it was written: typed, but with names that are not yet looked up.
struct MetroDraft {
    struct Station {
        let name: Located<String>
        let line: String
        /// nil where the metro says no `in`.
        var takes: [SourceText]?
        var forEach: [SourceText] = []
        /// What it takes could not be read whole, which has been told.
        var isUncertain = false
        /// nil where it is missing, which has been told.
        var command: SourceText?
        var outputs: [SourceText] = []
        /// What it makes could not be read whole, which has been told.
        var hasUnknownOutputs = false
        /// `makes`.
        var kinds: [SourceText] = []
        var uses = Uses()
        var variables: [String: String] = [:]
        var needs: Needs?
        var isEnabled = true
        var comments: String?
        var turns: Turns?
        /// nil where only the metro may say it.
        var retry: Int?
        /// nil where only the metro may say it.
        var usesNetwork: Bool?
        /// Sorted.
        var secrets: [String] = []
        var isWritable = false
        /// `at`.
        var label: String?
        var keepsMade = false
        var seed: Seed?
        var workspaces: [WorkspaceUse] = []

        /// Whether what it makes is that of several tasks: for each item, or in turns that are all kept.
        var makesMany: Bool { !forEach.isEmpty || turns.map { !$0.keepsLast } ?? false }
    }

    struct Turns {
        let count: Int
        let isOneByOne: Bool
        let feed: SourceText?
        let until: [Condition]

        var keepsLast: Bool { feed != nil || !until.isEmpty }
    }

    struct Condition {
        let requirement: Requirement
        /// What of it can be wrong: its file, its command, its text.
        let text: SourceText
    }

    /// A metro in this one.
    struct Nested {
        /// The file, or its folder, as the metro says it.
        let file: SourceText
        let position: Position
        let line: String
        /// `as`.
        var name: Located<String>?
        var given = Given.nothing
        /// What is given to it could not be read whole, which has been told.
        var isUncertain = false
        var isEnabled = true
        var comments: String?

        enum Given {
            /// There is no `in`.
            case nothing
            /// For its only input.
            case whole(SourceText)
            case byInput([(input: Located<String>, what: SourceText)])
        }
    }

    indirect enum Stop {
        case station(Station)
        case nested(Nested)
    }

    struct Line {
        let name: Located<String>
        var stops: [Stop] = []
        var isEnabled = true
        var comments: String?

        var stations: [Station] {
            stops.compactMap { if case .station(let station) = $0 { station } else { nil } }
        }

        var nested: [Nested] {
            stops.compactMap { if case .nested(let nested) = $0 { nested } else { nil } }
        }
    }

    var name = Located("", at: Position(line: 1, column: 1))
    var about: String?
    var needs = Needs()
    var inputs: [Input] = []
    var workspaces: [Workspace] = []
    var lines: [Line] = []
    var results: [SourceText]?
    /// What its stations inherit: `time`, `retry`, `network`, `env`.
    var time: Double?
    var retry: Int?
    var usesNetwork: Bool?
    var variables: [String: String] = [:]
}
