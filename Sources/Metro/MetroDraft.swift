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
        var uses = Uses()
        var variables: [String: String] = [:]
        var needs: Needs?
        var isEnabled = true
        var comments: String?
    }

    struct Line {
        let name: Located<String>
        var stations: [Station] = []
    }

    var name = Located("", at: Position(line: 1, column: 1))
    var about: String?
    var needs = Needs()
    var inputs: [Input] = []
    var lines: [Line] = []
    var results: [SourceText]?
}
