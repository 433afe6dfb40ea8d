/// Things with an extent, stacked as low as they come, each above what lies below it: a tree of maxima, so that any extent
/// costs the logarithm of the width.
struct Skyline {
    private let width: Int
    /// The highest level of each node's part, and the level that all of its part has at least.
    private var highest: [Int]
    private var floor: [Int]

    init(width: Int) {
        self.width = max(1, width)
        highest = Array(repeating: -1, count: 4 * self.width)
        floor = highest
    }

    /// - Returns: the level that the thing gets, from 0.
    mutating func place(from first: Int, to last: Int) -> Int {
        let range = max(0, first)...min(width - 1, max(first, last))
        let level = top(of: range, 1, 0...(width - 1)) + 1
        raise(range, to: level, 1, 0...(width - 1))
        return level
    }

    private func top(of range: ClosedRange<Int>, _ node: Int, _ part: ClosedRange<Int>) -> Int {
        guard range.overlaps(part) else { return -1 }
        if range.lowerBound <= part.lowerBound, part.upperBound <= range.upperBound { return highest[node] }
        let middle = (part.lowerBound + part.upperBound) / 2
        return max(
            floor[node], top(of: range, 2 * node, part.lowerBound...middle),
            top(of: range, 2 * node + 1, (middle + 1)...part.upperBound))
    }

    private mutating func raise(_ range: ClosedRange<Int>, to level: Int, _ node: Int, _ part: ClosedRange<Int>) {
        guard range.overlaps(part) else { return }
        highest[node] = max(highest[node], level)
        if range.lowerBound <= part.lowerBound, part.upperBound <= range.upperBound {
            floor[node] = max(floor[node], level)
            return
        }
        let middle = (part.lowerBound + part.upperBound) / 2
        raise(range, to: level, 2 * node, part.lowerBound...middle)
        raise(range, to: level, 2 * node + 1, (middle + 1)...part.upperBound)
    }
}
