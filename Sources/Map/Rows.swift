/// Which row each track lies in: near to what it is joined with, crossing as little as may be.
struct Rows {
    /// By track.
    private(set) var of: [Int]

    private let tracks: [Tracks.Track]
    private let joints: [(gutter: Int, tracks: [Int])]
    private let layers: Int
    private var order: [Int]

    init(_ tracks: Tracks, layers: Int) {
        (self.tracks, self.layers) = (tracks.tracks, layers)
        joints = tracks.nets.flatMap { net in net.joints.map { ($0.gutter, $0.left + $0.right) } }
        of = []
        // A track beside others begins near the one that it leaves.
        var key = tracks.tracks.indices.map { ($0, 0) }
        for net in tracks.nets {
            for joint in net.joints {
                for track in joint.right where tracks.tracks[track].stops.isEmpty {
                    key[track] = (joint.left[0], track)
                }
            }
        }
        order = tracks.tracks.indices.sorted { key[$0] < key[$1] }
        of = packed(order)
        sweep()
        improve()
    }

    /// Each track as high as it comes below those before it in the order, with a layer's distance from its neighbours.
    private func packed(_ order: [Int]) -> [Int] {
        var skyline = Skyline(width: layers + 1)
        var rows = Array(repeating: 0, count: tracks.count)
        for track in order { rows[track] = skyline.place(from: tracks[track].first, to: tracks[track].last + 1) }
        return rows
    }

    // MARK: How good it is

    private var isSmall: Bool { tracks.count <= 400 && layers <= 400 }

    /// Lengths of what goes up and down, and crossings with what goes straight on there.
    private func cost(_ rows: [Int]) -> Int {
        let height = (rows.max() ?? 0) + 1
        var passing: [[Int32]] = []
        if isSmall {
            // By gutter: how many tracks go through it above each row.
            passing = Array(repeating: Array(repeating: 0, count: height + 1), count: layers)
            for (track, row) in zip(tracks, rows) {
                for gutter in track.first..<max(track.first, track.last) { passing[gutter][row + 1] += 1 }
            }
            for gutter in passing.indices {
                for row in 0..<height { passing[gutter][row + 1] += passing[gutter][row] }
            }
        }
        var cost = 2 * height
        for joint in joints {
            var (top, bottom) = (Int.max, 0)
            for track in joint.tracks { (top, bottom) = (min(top, rows[track]), max(bottom, rows[track])) }
            cost += 2 * (bottom - top)
            if isSmall, bottom > top + 1 {
                cost += 3 * Int(passing[joint.gutter][bottom] - passing[joint.gutter][top + 1])
            }
        }
        return cost
    }

    // MARK: Making it better

    /// Puts each track where those that it is joined with are on average, over and over, and keeps what was best.
    private mutating func sweep() {
        var joined: [[Int]] = Array(repeating: [], count: tracks.count)
        for joint in joints {
            // The one side has just one track.
            guard let first = joint.tracks.first, let last = joint.tracks.last else { continue }
            for track in joint.tracks.dropFirst() {
                joined[first].append(track)
                joined[track].append(first)
            }
            for track in joint.tracks.dropFirst().dropLast() {
                joined[last].append(track)
                joined[track].append(last)
            }
        }
        var best = (cost: cost(of), order: order, rows: of)
        for round in 0..<(tracks.count <= 3000 ? 24 : 4) {
            var wanted = of.map { Double($0) }
            for track in tracks.indices where !joined[track].isEmpty {
                let mean = joined[track].reduce(0.0) { $0 + Double(of[$1]) } / Double(joined[track].count)
                // A part of the way, in turns all of it: two that want to change places would do so for ever.
                wanted[track] = round % 2 == 0 ? (mean + Double(of[track])) / 2 : mean
            }
            let place = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
            order.sort { (wanted[$0], place[$0] ?? 0) < (wanted[$1], place[$1] ?? 0) }
            of = packed(order)
            let cost = cost(of)
            if cost < best.cost { best = (cost, order, of) }
        }
        (order, of) = (best.order, best.rows)
    }

    /// Moves single tracks up and down in the order as long as that makes it better, and as long as that can be paid.
    private mutating func improve() {
        guard isSmall, tracks.count > 1 else { return }
        var trials = 4_000_000 / (tracks.count + joints.count + layers * 4)
        var lowest = cost(of)
        var isBetter = true
        while isBetter, trials > 0 {
            isBetter = false
            for from in order.indices {
                for to in order.indices where to != from && (abs(to - from) <= 2 || tracks.count <= 60) {
                    trials -= 1
                    if trials <= 0 { return }
                    var tried = order
                    tried.insert(tried.remove(at: from), at: to)
                    let rows = packed(tried)
                    let cost = cost(rows)
                    if cost < lowest {
                        (lowest, order, of, isBetter) = (cost, tried, rows, true)
                    }
                }
            }
        }
    }
}
