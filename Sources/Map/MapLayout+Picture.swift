package import JSON

extension MapLayout {
    /// For a picture: in bands when it would be much wider than high.
    package static func picture(of graph: MapGraph) -> MapLayout {
        let topology = MapTopology(graph)
        let whole = MapLayout(topology, width: nil)
        // A unit is twice as high as wide; about 16 to 10 is what screens and pages are.
        let bands = (Double(whole.width) / (3.2 * Double(max(8, whole.height)))).squareRoot()
        if whole.width <= 180 || bands < 1.4 { return whole }
        let width = Double(whole.width) / bands.rounded() + 20
        return MapLayout(topology, width: max(140, Int(width)))
    }

    /// For programs: the graph, and where everything lies.
    package var json: JSONValue {
        func number(_ value: Int) -> JSONValue { .integer(Int64(value)) }
        let stops = zip(graph.stops, marks).map { stop, mark -> JSONValue in
            var told: [String: JSONValue] = [
                "name": .string(stop.id), "kind": .string(stop.kind.rawValue), "x": number(mark.x), "y": number(mark.y),
                "interchange": .bool(stop.isInterchange), "result": .bool(stop.isKept),
            ]
            if let line = stop.line { told["line"] = .string(graph.lines[line]) }
            if !stop.often.isEmpty { told["often"] = .string(stop.often) }
            return .object(told)
        }
        let connections = graph.connections.map { connection -> JSONValue in
            [
                "from": .string(graph.stops[connection.from].id), "to": .string(graph.stops[connection.to].id),
                "line": connection.line.map { .string(graph.lines[$0]) } ?? .null,
            ]
        }
        func line(_ net: Int) -> JSONValue { nets[net].line.map { .string(graph.lines[$0]) } ?? .null }
        let tracks =
            runs.map { run -> JSONValue in
                [
                    "line": line(run.net),
                    "points": .array([[number(run.from), number(run.y)], [number(run.to), number(run.y)]]),
                ]
            }
            + climbs.map { climb -> JSONValue in
                [
                    "line": line(climb.net),
                    "points": .array([[number(climb.x), number(climb.from)], [number(climb.x), number(climb.to)]]),
                ]
            }
        return [
            "metro": .string(graph.title), "lines": .array(graph.lines.map { .string($0) }), "stops": .array(stops),
            "connections": .array(connections), "tracks": .array(tracks), "width": number(width),
            "height": number(height),
        ]
    }
}
