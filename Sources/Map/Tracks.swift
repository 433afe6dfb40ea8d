/// The straight tracks of a map, and the nets that join them: what lies where is not yet decided.
///
/// Connections that leave one stop, or that come to one, go together: they are one net, which has a track of its own where
/// it must pass others by.
struct Tracks {
    /// A straight track from one layer to another: a chain of stops, or what leads past them.
    struct Track {
        var first: Int
        var last: Int
        var stops: [Int]
    }

    struct Net {
        /// The line whose colour it has; nil for what joins lines, and for inputs.
        let line: Int?
        /// The stop that all of it comes from; nil for one that brings several stops' things to one.
        let source: Int?
        /// The stops that it comes from.
        var from: [Int]
        var joints: [Joint] = []
        var runs: [Run] = []
    }

    /// Where a net changes its track, in the gutter after a layer: from each of `left` to each of `right`; one of them has
    /// just one track.
    struct Joint {
        let gutter: Int
        var left: [Int]
        var right: [Int]
    }

    /// A net along a track, from one place to another.
    struct Run {
        let track: Int
        let from: Spot
        let to: Spot
    }

    enum Spot: Hashable {
        /// A stop, by its number.
        case stop(Int)
        /// The net's joint in the gutter after a layer.
        case gutter(Int)
    }

    private(set) var tracks: [Track] = []
    private(set) var nets: [Net] = []
    /// By stop.
    private(set) var trackOf: [Int]

    init(_ graph: MapGraph, _ layers: Layers) {
        let chains = Chains(graph, layers)
        trackOf = Array(repeating: 0, count: graph.stops.count)
        for chain in chains.all(graph) {
            for stop in chain { trackOf[stop] = tracks.count }
            tracks.append(Track(first: layers.of[chain[0]], last: layers.of[chain[chain.count - 1]], stops: chain))
        }
        addStraight(graph, chains)
        addBent(chains, layers)
    }

    private mutating func addStraight(_ graph: MapGraph, _ chains: Chains) {
        for (from, to) in chains.next.enumerated() {
            guard let to else { continue }
            let line = graph.stops[from].line == graph.stops[to].line ? graph.stops[from].line : nil
            nets.append(
                Net(
                    line: line, source: from, from: [from],
                    runs: [Run(track: trackOf[from], from: .stop(from), to: .stop(to))]))
        }
    }

    private struct Key: Hashable {
        let stop: Int
        let line: Int?
    }

    private mutating func addBent(_ chains: Chains, _ layers: Layers) {
        var (leaving, coming): ([Key: Int], [Key: Int]) = ([:], [:])
        for connection in chains.bent {
            leaving[Key(stop: connection.from, line: connection.line), default: 0] += 1
            coming[Key(stop: connection.to, line: connection.line), default: 0] += 1
        }
        var (fromOne, toOne): ([Key: [Int]], [Key: [Int]]) = ([:], [:])
        var order: [(key: Key, isFromOne: Bool)] = []
        for connection in chains.bent {
            let from = Key(stop: connection.from, line: connection.line)
            let to = Key(stop: connection.to, line: connection.line)
            if leaving[from] ?? 0 >= coming[to] ?? 0 {
                if fromOne[from] == nil { order.append((from, true)) }
                fromOne[from, default: []].append(connection.to)
            } else {
                if toOne[to] == nil { order.append((to, false)) }
                toOne[to, default: []].append(connection.from)
            }
        }
        for (key, isFromOne) in order {
            if isFromOne {
                addNet(from: key.stop, line: key.line, to: fromOne[key] ?? [], chains, layers)
            } else {
                addNet(to: key.stop, line: key.line, from: toOne[key] ?? [], chains, layers)
            }
        }
    }

    /// Things of one stop to several. It goes along the stop's own track as far as that is free, then beside it.
    private mutating func addNet(
        from source: Int, line: Int?, to takers: [Int], _ chains: Chains, _ layers: Layers
    ) {
        var net = Net(line: line, source: source, from: [source])
        let own = trackOf[source]
        let free = chains.next[source].map { layers.of[$0] - 1 }
        func isFar(_ taker: Int) -> Bool { free.map { layers.of[taker] - 1 > $0 } ?? false }
        let far = takers.filter(isFar)
        let near = takers.filter { !isFar($0) }
        var joints: [Int: Joint] = [:]
        for taker in near {
            let gutter = layers.of[taker] - 1
            joints[gutter, default: Joint(gutter: gutter, left: [own], right: [])].right.append(trackOf[taker])
            net.runs.append(Run(track: trackOf[taker], from: .gutter(gutter), to: .stop(taker)))
            if free == nil { tracks[own].last = max(tracks[own].last, gutter) }
        }
        var lastOfOwn = joints.keys.max()
        if let free, let end = far.map({ layers.of[$0] - 1 }).max() {
            // The track of the furthest, where nothing else leads to it.
            let furthest = far.first { layers.of[$0] - 1 == end && isFree(before: $0, chains, layers) }
            let beside = furthest.map { trackOf[$0] } ?? tracks.count
            if furthest == nil {
                tracks.append(Track(first: free + 1, last: end, stops: []))
            } else {
                tracks[beside].first = free + 1
            }
            joints[free, default: Joint(gutter: free, left: [own], right: [])].right.append(beside)
            lastOfOwn = free
            for taker in far where taker != furthest {
                let gutter = layers.of[taker] - 1
                joints[gutter, default: Joint(gutter: gutter, left: [beside], right: [])].right.append(trackOf[taker])
                net.runs.append(Run(track: trackOf[taker], from: .gutter(gutter), to: .stop(taker)))
            }
            net.runs.append(
                Run(track: beside, from: .gutter(free), to: furthest.map { .stop($0) } ?? .gutter(end)))
        }
        if let lastOfOwn { net.runs.append(Run(track: own, from: .stop(source), to: .gutter(lastOfOwn))) }
        net.joints = joints.values.sorted { $0.gutter < $1.gutter }
        nets.append(net)
    }

    /// Whether the track of a stop begins with it.
    private func isFree(before stop: Int, _ chains: Chains, _ layers: Layers) -> Bool {
        chains.previous[stop] == nil && tracks[trackOf[stop]].first == layers.of[stop]
    }

    /// Things of several stops to one: they join before it, on its own track where that is free.
    private mutating func addNet(to taker: Int, line: Int?, from sources: [Int], _ chains: Chains, _ layers: Layers) {
        var net = Net(line: line, source: nil, from: sources)
        let (own, end) = (trackOf[taker], layers.of[taker] - 1)
        let begin = sources.map { layers.of[$0] }.min() ?? end
        var joined = own
        if isFree(before: taker, chains, layers) {
            tracks[own].first = min(tracks[own].first, begin + 1)
            net.runs.append(Run(track: own, from: .gutter(begin), to: .stop(taker)))
        } else {
            net.runs.append(Run(track: own, from: .gutter(end), to: .stop(taker)))
            if begin < end {
                joined = tracks.count
                tracks.append(Track(first: begin + 1, last: end, stops: []))
                net.runs.append(Run(track: joined, from: .gutter(begin), to: .gutter(end)))
            }
        }
        var joints: [Int: Joint] = [:]
        for source in sources {
            let gutter = layers.of[source]
            let right = gutter == end ? own : joined
            joints[gutter, default: Joint(gutter: gutter, left: [], right: [right])].left.append(trackOf[source])
            net.runs.append(Run(track: trackOf[source], from: .stop(source), to: .gutter(gutter)))
        }
        if joined != own { joints[end, default: Joint(gutter: end, left: [], right: [own])].left.append(joined) }
        net.joints = joints.values.sorted { $0.gutter < $1.gutter }
        nets.append(net)
    }
}
