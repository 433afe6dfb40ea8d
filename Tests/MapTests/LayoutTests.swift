import Terminal
import Testing

@testable import Map

/// Metros as they may come: lines that take of each other, inputs, names of all lengths; the same for the same seed.
struct RandomMetro {
    private var state: UInt64
    private var lines: [String] = []
    private var stops: [MapGraph.Stop] = []
    private var connections: [(from: Int, to: Int)] = []

    static func graph(stations: Int, seed: UInt64) -> MapGraph {
        var metro = RandomMetro(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        metro.make(stations)
        return MapGraph(title: "random", lines: metro.lines, stops: metro.stops, connections: metro.connections)
    }

    private init(state: UInt64) { self.state = state }

    private mutating func number(below limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(limit))
    }

    private mutating func make(_ stations: Int) {
        let words = [
            "align", "sort", "call", "merge-all", "normalise_counts", "m", "ひらがな", "quality.control", "iiii", "MWMW",
        ]
        let inputs = 1 + stations / 15
        for input in 0..<inputs { stops.append(MapGraph.Stop(id: "input\(input)", kind: .input)) }
        while stops.count < inputs + stations {
            let line = lines.count
            lines.append("line-\(line)")
            let first = stops.count
            for place in 0..<min(1 + number(below: 9), inputs + stations - stops.count) {
                let stop = stops.count
                let kind = number(below: 20) == 0 ? MapGraph.Stop.Kind.metro : .station
                stops.append(MapGraph.Stop(id: words[number(below: words.count)] + "\(stop)", kind: kind, line: line))
                if place == 0 {
                    connections.append((number(below: inputs), stop))
                } else {
                    connections.append((number(below: 6) == 0 ? first + number(below: place) : stop - 1, stop))
                }
                for _ in 0..<2 where number(below: 5) == 0 { connections.append((number(below: stop), stop)) }
            }
        }
    }
}

extension MapLayout {
    /// That no two names overlap, that no track or mark lies on a name, and that nothing lies outside.
    func expectOrder(_ comment: String = "") {
        var taken: [Int: String] = [:]
        func cell(_ x: Int, _ y: Int) -> Int { y * (width + 2) + x }
        for label in labels {
            #expect(label.x >= 0 && label.y >= 0 && label.x + label.label.width <= width, "\(comment)")
            for y in label.y..<(label.y + label.label.height) {
                for x in label.x..<(label.x + label.label.width) {
                    let name = graph.stops[label.stop].id
                    if let other = taken[cell(x, y)] { Issue.record("\(comment): \(name) lies on \(other)") }
                    taken[cell(x, y)] = name
                }
            }
        }
        for mark in marks {
            let name = graph.stops[mark.stop].id
            if let other = taken[cell(mark.x, mark.y)] {
                Issue.record("\(comment): the mark of \(name) lies on \(other)")
            }
            taken[cell(mark.x, mark.y)] = name
        }
        let names = Set(
            labels.flatMap { label in
                (label.y..<(label.y + label.label.height)).flatMap { y in
                    (label.x..<(label.x + label.label.width)).map { cell($0, y) }
                }
            })
        for run in runs {
            #expect(run.from <= run.to && run.to <= width && run.y < height, "\(comment)")
            for x in run.from...run.to where names.contains(cell(x, run.y)) {
                Issue.record("\(comment): a track lies on \(taken[cell(x, run.y)] ?? "")")
                break
            }
        }
        for climb in climbs {
            for y in min(climb.from, climb.to)...max(climb.from, climb.to) where names.contains(cell(climb.x, y)) {
                Issue.record("\(comment): a track climbs over \(taken[cell(climb.x, y)] ?? "")")
                break
            }
        }
        for passage in passages {
            guard let text = passage.text else { continue }
            for x in (passage.x - 1 - text.count)..<passage.x where x < 0 || names.contains(cell(x, passage.y)) {
                Issue.record("\(comment): “\(text)” has no room")
                break
            }
        }
    }

    /// What can be followed on the tracks, of a layout in one band: from which stop to which.
    var followed: [[Int]] {
        struct Point: Hashable { let x: Int, y: Int }
        let marks = Dictionary(uniqueKeysWithValues: self.marks.map { (Point(x: $0.x, y: $0.y), $0.stop) })
        var found = Set<[Int]>()
        for net in nets.indices {
            let runs = self.runs.filter { $0.net == net }
            let climbs = self.climbs.filter { $0.net == net }
            for start in runs {
                guard let from = marks[Point(x: start.from, y: start.y)] else { continue }
                // From the stop on, to the right along runs, and up or down where the net climbs.
                var seen = Set<Point>()
                var waiting = [Point(x: start.from, y: start.y)]
                while let point = waiting.popLast() {
                    guard seen.insert(point).inserted else { continue }
                    if let to = marks[point], to != from { found.insert([from, to]) }
                    for run in runs where run.y == point.y && run.from <= point.x && point.x <= run.to {
                        waiting.append(Point(x: run.to, y: run.y))
                        waiting += climbs.filter { $0.from == point.y && point.x <= $0.x && $0.x <= run.to }
                            .map { Point(x: $0.x, y: $0.to) }
                    }
                }
            }
        }
        return found.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

@Suite struct LayoutTests {
    static let sizes = [1, 2, 5, 17, 50, 120, 200]

    /// Fewer of the large ones.
    private static func graphs(_ size: Int) -> [MapGraph] {
        (1...(size > 100 ? 1 : size > 20 ? 3 : 8)).map { RandomMetro.graph(stations: size, seed: UInt64($0)) }
    }

    @Test(arguments: sizes) func nothingLiesOnANameAndEachConnectionCanBeFollowed(_ size: Int) {
        for graph in Self.graphs(size) {
            let topology = MapTopology(graph)
            for width in [nil, 78, 120, 40] as [Int?] {
                MapLayout(topology, width: width).expectOrder("\(size) stations, \(width ?? 0) wide")
            }
            let layout = MapLayout(topology, width: nil)
            #expect(layout.followed == graph.connections.map { [$0.from, $0.to] }, "each, and no other")
        }
    }

    @Test func theSameGraphGivesTheSameMap() throws {
        let graph = RandomMetro.graph(stations: 60, seed: 7)
        #expect(MapLayout(graph, width: 78) == MapLayout(graph, width: 78))
        let picture = SVGMap(MapLayout.picture(of: graph)).text
        #expect(picture == SVGMap(MapLayout.picture(of: graph)).text)
        try expectXML(picture)
    }

    @Test func aBandIsNoWiderThanWasAsked() {
        for graph in Self.graphs(50) { #expect(MapLayout(graph, width: 78).width <= 78) }
    }

    @Test func aLineGoesStraightOn() {
        let stops = (0..<5).map { MapGraph.Stop(id: "s\($0)", kind: .station, line: 0) }
        let layout = MapLayout(
            MapGraph(title: "x", lines: ["one"], stops: stops, connections: (0..<4).map { ($0, $0 + 1) }))
        #expect(Set(layout.marks.map(\.y)).count == 1 && layout.climbs.isEmpty)
    }

    /// A metro of any size is drawn: what would take the square of its size would not end.
    @Test func twentyThousandStationsAreDrawn() {
        let graph = RandomMetro.graph(stations: 20_000, seed: 1)
        #expect(MapLayout(graph).marks.count == graph.stops.count)
        // Each leads to the last: one track beside the line, and not one for each.
        let stops = (0..<20_000).map { MapGraph.Stop(id: "s\($0)", kind: .station, line: 0) }
        let pairs = (0..<19_999).map { ($0, $0 + 1) } + (0..<19_998).map { ($0, 19_999) }
        #expect(MapLayout(MapGraph(title: "x", lines: ["one"], stops: stops, connections: pairs)).height < 20)
    }

    /// No plan has one; what came from elsewhere is drawn all the same.
    @Test func aCircleIsNoTrap() {
        let stops = (0..<3).map { MapGraph.Stop(id: "s\($0)", kind: .station, line: 0) }
        let layout = MapLayout(
            MapGraph(title: "x", lines: ["one"], stops: stops, connections: [(0, 1), (1, 2), (2, 0)]))
        #expect(layout.marks.count == 3)
    }
}

@Suite struct DrawingTests {
    private let graph = MapGraph(
        title: "a <b> & \"c\"", about: "x\u{1B}[31m", lines: ["li<ne"],
        stops: [
            MapGraph.Stop(id: "in&put", kind: .input), MapGraph.Stop(id: "one", kind: .station, line: 0),
            MapGraph.Stop(id: "two", kind: .station, line: 0), MapGraph.Stop(id: "größe", kind: .metro, line: 0),
        ], connections: [(0, 1), (1, 2), (1, 3)])

    @Test func whatOthersWroteIsEscaped() throws {
        let picture = SVGMap(MapLayout.picture(of: graph)).text
        try expectXML(picture)
        #expect(picture.contains("a &lt;b&gt; &amp; &quot;c&quot;") && picture.contains("in&amp;put"))
        let drawn = TerminalMap(MapLayout(graph, width: 78), style: Style(isTerminal: false, hasColour: false))
        #expect(!drawn.lines.joined().contains("\u{1B}"))
    }

    @Test func asciiIsEnough() {
        let drawn = TerminalMap(
            MapLayout(graph, width: 78), style: Style(isTerminal: false, hasColour: false), isUnicode: false)
        #expect(
            drawn.lines.dropFirst(2).dropLast(2) == [
                "         [li<ne]", "in&put     one       two", "   >--------o====+====o", "                 |",
                "                 |  gr??e", "                 +====@",
            ])
        #expect(drawn.lines.joined().utf8.allSatisfy { $0 < 0x80 })
    }

    @Test func coloursAreTheLines() {
        let drawn = TerminalMap(MapLayout(graph, width: 78), style: Style(isTerminal: true, hasColour: true))
        #expect(drawn.lines.joined().contains("\u{1B}[34m━"))
    }
}
