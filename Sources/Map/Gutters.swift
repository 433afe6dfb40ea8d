/// Where in the gutter between two layers each net goes up or down, so that no two lie on each other.
struct Gutters {
    /// By net and gutter: the lane, from the left; none for a net that goes straight on there.
    private var lanes: [Key: Int] = [:]
    /// By gutter: how many lanes it has.
    private(set) var widths: [Int]

    private struct Key: Hashable {
        let net: Int
        let gutter: Int
    }

    private struct Climb {
        let net: Int
        let left: [Int]
        let right: [Int]
        let top: Int
        let bottom: Int
    }

    init(_ tracks: Tracks, _ rows: Rows, layers: Int) {
        widths = Array(repeating: 0, count: layers)
        var climbs: [[Climb]] = Array(repeating: [], count: layers)
        for (number, net) in tracks.nets.enumerated() {
            for joint in net.joints {
                let (left, right) = (joint.left.map { rows.of[$0] }, joint.right.map { rows.of[$0] })
                let all = left + right
                guard let top = all.min(), let bottom = all.max(), top < bottom else { continue }
                climbs[joint.gutter].append(Climb(net: number, left: left, right: right, top: top, bottom: bottom))
            }
        }
        for gutter in climbs.indices { place(climbs[gutter], in: gutter) }
    }

    func lane(of net: Int, in gutter: Int) -> Int? { lanes[Key(net: net, gutter: gutter)] }

    private mutating func place(_ climbs: [Climb], in gutter: Int) {
        let used = Set(climbs.flatMap { [$0.top, $0.bottom] }).sorted()
        let rank = Dictionary(uniqueKeysWithValues: used.enumerated().map { ($1, $0) })
        var skyline = Skyline(width: used.count)
        for climb in Self.ordered(climbs) {
            // Also where one ends and the other begins: they would look like one.
            let lane = skyline.place(from: rank[climb.top] ?? 0, to: rank[climb.bottom] ?? 0)
            lanes[Key(net: climb.net, gutter: gutter)] = lane
            widths[gutter] = max(widths[gutter], lane + 1)
        }
    }

    /// From left to right: what leaves a row before what comes to it; of two that go down the lower one, of two that go up
    /// the upper one.
    private static func ordered(_ climbs: [Climb]) -> [Climb] {
        func isDown(_ climb: Climb) -> Bool {
            climb.left.count == 1
                ? climb.left[0] - climb.top <= climb.bottom - climb.left[0] : climb.right[0] == climb.bottom
        }
        let sorted = climbs.sorted {
            let (a, b) = (isDown($0), isDown($1))
            if a != b { return a }
            return a ? ($0.top, $0.net) > ($1.top, $1.net) : ($0.bottom, $0.net) < ($1.bottom, $1.net)
        }
        var leaving: [Int: [Int]] = [:]
        for (number, climb) in sorted.enumerated() {
            for row in climb.left where !climb.right.contains(row) { leaving[row, default: []].append(number) }
        }
        var order: [Climb] = []
        var isPlaced = Array(repeating: false, count: sorted.count)
        var isOpen = isPlaced
        // Where each waits for the other, one has to begin.
        for start in sorted.indices where !isPlaced[start] {
            var path: [(climb: Int, before: [Int])] = [(start, Self.before(sorted[start], leaving))]
            isOpen[start] = true
            while let (climb, before) = path.last {
                if let next = before.last {
                    path[path.count - 1].before.removeLast()
                    if !isOpen[next] {
                        isOpen[next] = true
                        path.append((next, Self.before(sorted[next], leaving)))
                    }
                } else {
                    path.removeLast()
                    isPlaced[climb] = true
                    order.append(sorted[climb])
                }
            }
        }
        return order
    }

    private static func before(_ climb: Climb, _ leaving: [Int: [Int]]) -> [Int] {
        climb.right.filter { !climb.left.contains($0) }.flatMap { leaving[$0] ?? [] }.reversed()
    }
}
