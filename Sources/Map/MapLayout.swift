/// Where everything of a map lies, on a grid of whole numbers: a unit is as wide as a letter and as high as a line of text.
///
/// Stops lie in layers from left to right, each after all that it takes something of; a line goes straight on as far as it
/// can. Where a width is given, layers that do not fit go into a further band below. Names stand above their stops, in
/// columns that no track climbs in: nothing lies on anything else. The same graph gives the same layout.
package struct MapLayout: Hashable, Sendable {
    package struct Mark: Hashable, Sendable {
        package let stop: Int
        package let x: Int
        package let y: Int
    }

    package struct Label: Hashable, Sendable {
        package let stop: Int
        package let label: MapLabel
        /// Its upper left corner; it is `label.width` wide and `label.height` high.
        package let x: Int
        package let y: Int
    }

    /// A level piece of a track.
    package struct Run: Hashable, Sendable {
        /// One of `nets`.
        package let net: Int
        package let y: Int
        package let from: Int
        package let to: Int
        /// Whether a climb goes on where it begins, where it ends.
        package let isBentAtStart: Bool
        package let isBentAtEnd: Bool
    }

    /// A piece of a track from one row to another: from the left at `from`, on to the right at `to`.
    package struct Climb: Hashable, Sendable {
        package let net: Int
        package let x: Int
        package let from: Int
        package let to: Int
    }

    /// Where a track goes on in the next band, or comes from the one before.
    package struct Passage: Hashable, Sendable {
        package let x: Int
        package let y: Int
        package let line: Int?
        /// What comes there, `align`; nil where it leaves.
        package let text: String?
    }

    /// What belongs together: one colour, one beginning or one end.
    package struct Net: Hashable, Sendable {
        /// nil for what joins lines, and for inputs.
        package let line: Int?
    }

    package let graph: MapGraph
    package let width: Int
    package let height: Int
    package internal(set) var nets: [Net] = []
    package internal(set) var marks: [Mark] = []
    package internal(set) var labels: [Label] = []
    package internal(set) var runs: [Run] = []
    package internal(set) var climbs: [Climb] = []
    package internal(set) var passages: [Passage] = []

    /// - Parameter width: how wide a band may be; nil for one band. A single layer that is wider is not cut.
    package init(_ graph: MapGraph, width: Int? = nil) {
        self.init(MapTopology(graph), width: width)
    }

    init(_ topology: MapTopology, width: Int?) {
        var placing = MapPlacing(topology, width: width)
        placing.placeAll()
        graph = topology.graph
        (self.width, height) = (placing.width, placing.height)
        nets = topology.tracks.nets.map { Net(line: $0.line) }
        (marks, labels, runs) = (placing.marks, placing.labels, placing.runs)
        (climbs, passages) = (placing.climbs, placing.passages)
    }
}

/// All of a layout that does not depend on a width.
struct MapTopology {
    let graph: MapGraph
    let layers: Layers
    let tracks: Tracks
    let rows: Rows
    let gutters: Gutters
    /// By stop.
    let labels: [MapLabel]

    init(_ graph: MapGraph) {
        self.graph = graph
        layers = Layers(graph)
        tracks = Tracks(graph, layers)
        rows = Rows(tracks, layers: layers.count)
        gutters = Gutters(tracks, rows, layers: layers.count)
        var goesOn = Array(repeating: false, count: graph.stops.count)
        for connection in graph.connections where connection.line != nil { goesOn[connection.to] = true }
        labels = graph.stops.enumerated().map { number, stop in
            MapLabel(stop, beginning: goesOn[number] ? nil : stop.line.map { ($0, graph.lines[$0]) })
        }
    }
}
