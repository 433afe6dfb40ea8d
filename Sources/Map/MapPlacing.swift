internal import Failures

/// From layers, rows and lanes to places.
struct MapPlacing {
    private let topology: MapTopology
    private var bands: [Band] = []
    /// By layer.
    private var bandOf: [Int] = []
    private var stopX: [Int] = []
    private var gutterX: [Int] = []
    private(set) var width = 0
    private(set) var height = 0
    private(set) var marks: [MapLayout.Mark] = []
    private(set) var labels: [MapLayout.Label] = []
    private(set) var runs: [MapLayout.Run] = []
    private(set) var climbs: [MapLayout.Climb] = []
    private(set) var passages: [MapLayout.Passage] = []

    private struct Band {
        let layers: Range<Int>
        let left: Int
        var right = 0
        /// By row: what is above its track, and then where that is.
        var strips: [Int: Int] = [:]
        var y: [Int: Int] = [:]
    }

    /// What a band begins with, where tracks come from the band before: their names.
    private static let margin = 16

    init(_ topology: MapTopology, width limit: Int?) {
        self.topology = topology
        placeLayers(limit)
    }

    mutating func placeAll() {
        placeRows()
        placeStops()
        placeTracks()
    }

    // MARK: From left to right

    /// Lanes of a gutter lie two apart, in one that has many side by side.
    private func pitch(_ gutter: Int) -> Int { topology.gutters.widths[gutter] <= 6 ? 2 : 1 }

    private mutating func placeLayers(_ limit: Int?) {
        let (layers, gutters) = (topology.layers, topology.gutters)
        var columns = Array(repeating: 1, count: layers.count)
        for (stop, layer) in layers.of.enumerated() {
            columns[layer] = max(columns[layer], topology.labels[stop].width)
        }
        var begin = 0
        var x = 0
        for layer in 0..<layers.count {
            let lanes = gutters.widths[layer]
            let gutter = max(3, lanes == 0 ? 0 : 2 + pitch(layer) * lanes)
            if let limit, layer > begin, x + columns[layer] + (layer + 1 < layers.count ? gutter : 0) > limit {
                bands.append(Band(layers: begin..<layer, left: bands.isEmpty ? 0 : Self.margin, right: x))
                (begin, x) = (layer, Self.margin)
            }
            stopX.append(x + columns[layer] / 2)
            gutterX.append(x + columns[layer])
            bandOf.append(bands.count)
            x += columns[layer]
            if layer + 1 < layers.count { x += gutter }
        }
        bands.append(Band(layers: begin..<layers.count, left: bands.isEmpty ? 0 : Self.margin, right: x))
        width = bands.map(\.right).max() ?? 0
    }

    private func laneX(_ net: Int, _ gutter: Int) -> Int? {
        topology.gutters.lane(of: net, in: gutter).map { gutterX[gutter] + 1 + pitch(gutter) * $0 }
    }

    private func layer(_ spot: Tracks.Spot) -> Int {
        switch spot {
        case .stop(let stop): topology.layers.of[stop]
        case .gutter(let gutter): gutter
        }
    }

    private func x(_ spot: Tracks.Spot, _ net: Int) -> Int {
        switch spot {
        case .stop(let stop): stopX[topology.layers.of[stop]]
        case .gutter(let gutter): laneX(net, gutter) ?? gutterX[gutter] + 1
        }
    }

    private func isBent(_ spot: Tracks.Spot, _ net: Int) -> Bool {
        if case .gutter(let gutter) = spot { laneX(net, gutter) != nil } else { false }
    }

    // MARK: From top to bottom

    private mutating func placeRows() {
        let (tracks, rows) = (topology.tracks, topology.rows)
        for net in tracks.nets {
            for run in net.runs {
                for band in bandOf[layer(run.from)]...bandOf[layer(run.to)] {
                    bands[band].strips[rows.of[run.track], default: 0] += 0
                }
            }
        }
        for (stop, layer) in topology.layers.of.enumerated() {
            let row = rows.of[tracks.trackOf[stop]]
            let band = bandOf[layer]
            bands[band].strips[row] = max(bands[band].strips[row] ?? 0, topology.labels[stop].height)
        }
        var y = 0
        for band in bands.indices {
            if band > 0 { y += 1 }
            for (number, row) in bands[band].strips.keys.sorted().enumerated() {
                let strip = bands[band].strips[row] ?? 0
                // Names keep a distance from the track above.
                y += strip + (strip > 0 && number > 0 ? 1 : 0)
                bands[band].y[row] = y
                y += 1
            }
        }
        height = y
    }

    private func y(_ track: Int, _ band: Int) -> Int { bands[band].y[topology.rows.of[track]] ?? 0 }

    // MARK: What lies there

    private mutating func placeStops() {
        for (stop, layer) in topology.layers.of.enumerated() {
            let (x, y) = (stopX[layer], y(topology.tracks.trackOf[stop], bandOf[layer]))
            let label = topology.labels[stop]
            marks.append(MapLayout.Mark(stop: stop, x: x, y: y))
            labels.append(MapLayout.Label(stop: stop, label: label, x: x - label.width / 2, y: y - label.height))
        }
    }

    private struct Crossing: Hashable {
        let band: Int
        let row: Int
    }

    private mutating func placeTracks() {
        var crossings: [Crossing: (nets: [Int], line: Int?)] = [:]
        for (number, net) in topology.tracks.nets.enumerated() {
            for run in net.runs {
                let (first, last) = (bandOf[layer(run.from)], bandOf[layer(run.to)])
                for band in first...last {
                    runs.append(
                        MapLayout.Run(
                            net: number, y: y(run.track, band),
                            from: band == first ? x(run.from, number) : bands[band].left - 2,
                            to: band == last ? x(run.to, number) : bands[band].right,
                            isBentAtStart: band == first && isBent(run.from, number),
                            isBentAtEnd: band == last && isBent(run.to, number)))
                    if band < last {
                        let crossing = Crossing(band: band, row: topology.rows.of[run.track])
                        crossings[crossing, default: ([], net.line)].nets.append(number)
                        if let line = net.line { crossings[crossing]?.line = line }
                    }
                }
            }
            for joint in net.joints {
                guard let x = laneX(number, joint.gutter) else { continue }
                let band = bandOf[joint.gutter]
                for left in joint.left {
                    for right in joint.right {
                        climbs.append(MapLayout.Climb(net: number, x: x, from: y(left, band), to: y(right, band)))
                    }
                }
            }
        }
        for (crossing, what) in crossings.sorted(by: { ($0.key.band, $0.key.row) < ($1.key.band, $1.key.row) }) {
            let (here, next) = (bands[crossing.band], bands[crossing.band + 1])
            passages.append(
                MapLayout.Passage(x: here.right, y: here.y[crossing.row] ?? 0, line: what.line, text: nil))
            passages.append(
                MapLayout.Passage(
                    x: next.left - 2, y: next.y[crossing.row] ?? 0, line: what.line, text: name(of: what.nets)))
        }
    }

    /// What comes along: the stop, or the first of several.
    private func name(of nets: [Int]) -> String {
        let stops = Set(nets.flatMap { topology.tracks.nets[$0].from }).sorted()
        let more = stops.count > 1 ? " +\(stops.count - 1)" : ""
        let room = Self.margin - 3 - more.count
        let name = Shown.text(topology.graph.stops[stops[0]].id, atMost: 100)
        if Shown.width(of: name) <= room { return name + more }
        var short = ""
        for character in name where Shown.width(of: short) + 2 < room { short.append(character) }
        return short + "…" + more
    }
}
