/// The known word that is nearest to a mistyped one, for "did you mean …?".
package enum Suggestion {
    /// - Returns: the nearest of `words`, nil when none is within a third of the word's length (at least one letter, of
    ///   words of one or two letters only their case).
    package static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        let limit = word.count < 3 ? 0 : (word.count + 1) / 3
        var best: (distance: Int, word: String)?
        for candidate in words.sorted() {
            let d = distance(Array(word.lowercased()), Array(candidate.lowercased()), limit: limit)
            if d <= limit, best.map({ d < $0.distance }) ?? true { best = (d, candidate) }
        }
        return best?.word
    }

    /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours each count one.
    private static func distance(_ a: [Character], _ b: [Character], limit: Int) -> Int {
        if abs(a.count - b.count) > limit { return limit + 1 }
        if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { cost = min(cost, before[j - 2] + 1) }
                row.append(cost)
            }
            before = last
            last = row
        }
        return last[b.count]
    }
}
