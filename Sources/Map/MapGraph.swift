/// What a map shows of a metro: its stops, the lines that they stand on, and what goes from one to the other.
package struct MapGraph: Hashable, Sendable {
    /// Something on the map that has a name.
    package struct Stop: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            /// Files that the metro starts from.
            case input
            case station
            /// A metro in this one, drawn closed.
            case metro
        }

        /// By its whole name: `call`, `qc/trim`.
        package let id: String
        package let kind: Kind
        /// One of `MapGraph.lines`; nil for an input.
        package internal(set) var line: Int?
        /// It takes something of another line.
        package internal(set) var isInterchange = false
        /// What it makes is among the results.
        package internal(set) var isKept = false
        /// `×3`, `↻10`: how often it runs, where that is not once.
        package internal(set) var often = ""
        /// Where a run is shown: how far it is; nil for an input.
        package internal(set) var state: StopState?

        package init(id: String, kind: Kind, line: Int? = nil) { (self.id, self.kind, self.line) = (id, kind, line) }
    }

    package struct Connection: Hashable, Sendable {
        /// Numbers of stops.
        package let from: Int
        package let to: Int
        /// The line that both stand on; nil for a connection between lines, or from an input.
        package let line: Int?
    }

    package let title: String
    package let about: String?
    /// Names, in the order of the file.
    package internal(set) var lines: [String]
    /// Inputs first, then what stands on the lines, line by line.
    package internal(set) var stops: [Stop]
    /// Each pair of stops once, sorted.
    package internal(set) var connections: [Connection]

    /// - Parameter connections: pairs of numbers of stops; a pair that is there twice counts once.
    package init(
        title: String, about: String? = nil, lines: [String], stops: [Stop], connections: [(from: Int, to: Int)]
    ) {
        (self.title, self.about, self.lines, self.stops) = (title, about, lines, stops)
        self.connections = []
        connect(connections)
    }

    private mutating func connect(_ pairs: [(from: Int, to: Int)]) {
        for (from, to) in pairs.sorted(by: { $0 < $1 }) where from != to {
            if let last = connections.last, last.from == from, last.to == to { continue }
            let line = stops[from].line == stops[to].line ? stops[from].line : nil
            connections.append(Connection(from: from, to: to, line: line))
            if line == nil, stops[from].kind != .input { stops[to].isInterchange = true }
        }
    }
}
