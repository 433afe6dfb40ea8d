/// How far from the beginning each stop lies: one further than the furthest stop that it takes something of.
struct Layers {
    /// By stop.
    private(set) var of: [Int]
    let count: Int

    init(_ graph: MapGraph) {
        var waitsFor = Array(repeating: 0, count: graph.stops.count)
        var takers: [[Int]] = Array(repeating: [], count: graph.stops.count)
        for connection in graph.connections {
            waitsFor[connection.to] += 1
            takers[connection.from].append(connection.to)
        }
        var layers = Array(repeating: 0, count: graph.stops.count)
        var isDone = Array(repeating: false, count: graph.stops.count)
        var ready = graph.stops.indices.filter { waitsFor[$0] == 0 }
        var (at, next) = (0, 0)
        while true {
            while at < ready.count {
                let stop = ready[at]
                at += 1
                isDone[stop] = true
                for taker in takers[stop] where !isDone[taker] {
                    layers[taker] = max(layers[taker], layers[stop] + 1)
                    waitsFor[taker] -= 1
                    if waitsFor[taker] == 0 { ready.append(taker) }
                }
            }
            // A plan has no circle; what came from elsewhere might, and is drawn all the same.
            while next < isDone.count, isDone[next] { next += 1 }
            if next == isDone.count { break }
            waitsFor[next] = 0
            ready.append(next)
        }
        // An input enters just before it is needed first.
        for (stop, input) in graph.stops.enumerated() where input.kind == .input {
            layers[stop] = max(0, (takers[stop].map { layers[$0] }.min() ?? 1) - 1)
        }
        of = layers
        count = (layers.max() ?? 0) + 1
    }
}
