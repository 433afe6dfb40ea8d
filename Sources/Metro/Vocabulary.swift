/// The words that may stand between braces in one station's command, and what they mean there.
package struct Vocabulary: Sendable {
    package enum Meaning: Hashable, Sendable {
        /// All values of these of the station's `in`, by their numbers from 0.
        case takes([Int])
        /// Of one of its `for_each`, by its number, the item's value of that number from 0.
        case each(Int, value: Int)
        /// An output by its number from 0.
        case output(Int)
        case name
        case turn
        case seed
        /// One of its workspaces by its number.
        case workspace(Int)
    }

    /// What stands for it, and its number in `in`: several have the same where one entry stands for several stations.
    private let takes: [(word: String, entry: Int)]
    /// How many values an item of each has.
    private let forEach: [(name: String, values: Int)]
    private let outputs: Int
    private let takesByName: [String: [Int]]
    private let takesByEntry: [Int: [Int]]
    /// Whether there is a `{turn}`, a `{seed}`.
    private let hasTurns: Bool
    private let hasSeed: Bool
    private let workspaces: [String]

    package init(
        takes: [(word: String, entry: Int)], forEach: [(name: String, values: Int)], outputs: Int,
        hasTurns: Bool = false, hasSeed: Bool = false, workspaces: [String] = []
    ) {
        (self.takes, self.forEach, self.outputs) = (takes, forEach, outputs)
        (self.hasTurns, self.hasSeed, self.workspaces) = (hasTurns, hasSeed, workspaces)
        takesByName = Dictionary(grouping: takes.indices) { takes[$0].word }
        takesByEntry = Dictionary(grouping: takes.indices) { takes[$0].entry }
    }

    /// - Returns: nil for a word without meaning here.
    package func meaning(of word: String) -> Meaning? {
        if word == "name" { return forEach.isEmpty ? nil : .name }
        if word == "turn" { return hasTurns ? .turn : nil }
        if word == "seed" { return hasSeed ? .seed : nil }
        if word == "in" { return takes.isEmpty ? nil : .takes(Array(takes.indices)) }
        if word == "out" { return outputs > 0 ? .output(0) : nil }
        if word == "each" { return forEach.count == 1 ? .each(0, value: 0) : nil }
        if let number = forEach.firstIndex(where: { $0.name == word }) { return .each(number, value: 0) }
        if let numbers = takesByName[word] { return .takes(numbers) }
        if let number = workspaces.firstIndex(of: word) { return .workspace(number) }
        guard let (stem, number) = Self.numbered(word) else { return nil }
        switch stem {
        case "in": return takesByEntry[number - 1].map { .takes($0) }
        case "out": return number <= outputs ? .output(number - 1) : nil
        case "each": return forEach.count == 1 && number <= forEach[0].values ? .each(0, value: number - 1) : nil
        default:
            guard let each = forEach.firstIndex(where: { $0.name == stem }), number <= forEach[each].values else {
                return nil
            }
            return .each(each, value: number - 1)
        }
    }

    /// All of them, for suggestions.
    package var words: [String] {
        var seen = Set<String>()
        var words = takes.map(\.word).filter { seen.insert($0).inserted } + forEach.map(\.name)
        if !takes.isEmpty { words += ["in"] + takesByEntry.keys.sorted().map { "in_\($0 + 1)" } }
        if outputs > 0 { words += ["out"] + (0..<outputs).dropFirst().map { "out_\($0 + 1)" } }
        if !forEach.isEmpty { words.append("name") }
        if hasTurns { words.append("turn") }
        if hasSeed { words.append("seed") }
        words += workspaces
        if forEach.count == 1 { words.append("each") }
        for (name, values) in forEach where values > 1 {
            for value in 2...values {
                words += forEach.count == 1 ? ["each_\(value)", "\(name)_\(value)"] : ["\(name)_\(value)"]
            }
        }
        return words
    }

    /// - Returns: of `each_2` the `each` and the 2.
    static func numbered(_ word: String) -> (String, Int)? {
        guard let line = word.lastIndex(of: "_"), line > word.startIndex else { return nil }
        let digits = word[word.index(after: line)...]
        guard let first = digits.first, first != "0", digits.utf8.count <= 6,
            digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(digits)
        else { return nil }
        return (String(word[..<line]), number)
    }

    static let reserved: Set = [
        "in", "out", "each", "name", "turn", "seed", "las", "files", "metro", "inputs", "made", "task",
    ]

    /// Words that no input and no station may be called, now or in a later version.
    package static func isReserved(_ name: String) -> Bool {
        if reserved.contains(name) { return true }
        return numbered(name).map { ["in", "out", "each"].contains($0.0) } ?? false
    }
}
