/// How often a station's command runs for one item, what goes from turn to turn, and what ends it.
package struct Turns: Hashable, Sendable, Codable {
    /// What `repeat` says; with `until` what `at_most` says.
    package let count: Int
    /// Each turn waits for the one before it; always so with `feed` and `until`.
    package let isOneByOne: Bool
    /// The word of what each turn's first output takes the place of in the next turn: of an entry of `in`, or of an item.
    package let feed: String?
    /// What must hold after a turn for it to be the last; empty where `repeat` says how many there are.
    package let until: [Requirement]

    package init(count: Int, isOneByOne: Bool = false, feed: String? = nil, until: [Requirement] = []) {
        (self.count, self.feed, self.until) = (count, feed, until)
        self.isOneByOne = isOneByOne || feed != nil || !until.isEmpty
    }

    /// Whether only the last turn's outputs are what the station made for others and for the results.
    package var keepsLast: Bool { feed != nil || !until.isEmpty }

    package static let largestCount = 100_000
}

/// `seed: yes`, or a number that the seeds are derived from.
package struct Seed: Hashable, Sendable, Codable {
    package let base: Int?

    package init(base: Int? = nil) { self.base = base }
}
