/// Stops that lie on one straight track, one after another: lines first, then what leads into them.
struct Chains {
    /// By stop: the one after it, and the one before it.
    private(set) var next: [Int?]
    private(set) var previous: [Int?]
    /// The connections that are not straight.
    private(set) var bent: [MapGraph.Connection] = []

    init(_ graph: MapGraph, _ layers: Layers) {
        next = Array(repeating: nil, count: graph.stops.count)
        previous = next
        var takers = Array(repeating: 0, count: graph.stops.count)
        for connection in graph.connections { takers[connection.from] += 1 }

        /// What is straight before what else is: along a line; an input into a line; the end of one line into another.
        func rank(_ connection: MapGraph.Connection) -> (Int, Int, Int, Int) {
            let gap = layers.of[connection.to] - layers.of[connection.from]
            if connection.line != nil {
                return (connection.to == connection.from + 1 ? 0 : 1, gap, connection.from, connection.to)
            }
            let isInput = graph.stops[connection.from].kind == .input
            return (isInput ? 2 : 3, isInput ? takers[connection.from] : gap, connection.from, connection.to)
        }
        let forward = graph.connections.filter { layers.of[$0.from] < layers.of[$0.to] }
        let ranked = forward.map { (rank($0), $0) }.sorted { $0.0 < $1.0 }
        for (_, connection) in ranked where next[connection.from] == nil && previous[connection.to] == nil {
            next[connection.from] = connection.to
            previous[connection.to] = connection.from
        }
        bent = forward.filter { next[$0.from] != $0.to }
    }

    /// Each chain's stops, chains in the order of their first stop that is no input.
    func all(_ graph: MapGraph) -> [[Int]] {
        var chains: [[Int]] = []
        for start in next.indices where previous[start] == nil {
            var chain = [start]
            while let stop = next[chain[chain.count - 1]] { chain.append(stop) }
            chains.append(chain)
        }
        func key(_ chain: [Int]) -> Int { chain.first { graph.stops[$0].kind != .input } ?? chain[0] }
        return chains.sorted { key($0) < key($1) }
    }
}
