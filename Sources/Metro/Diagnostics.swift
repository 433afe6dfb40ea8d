internal import Failures

/// Collects the mistakes of one metro, within bounds whatever the metro holds.
struct Diagnostics {
    let file: String
    private var list: [Diagnostic] = []
    /// All, also those that are only counted.
    private(set) var total = 0
    /// How many words may still be compared for suggestions: a hostile metro must not cost minutes.
    private var comparisons = 200_000

    static let limit = 200

    init(file: String) { self.file = file }

    var isEmpty: Bool { list.isEmpty }
    /// Further ones are only counted.
    var isFull: Bool { list.count >= Self.limit }

    /// - Parameter beside: another place of the file that has to do with it.
    mutating func add(_ message: String, at position: Position, fix: String? = nil, beside: Diagnostic.Label? = nil) {
        total += 1
        if list.count >= Self.limit { return }
        list.append(Diagnostic(file: file, at: position, message, fix: fix, beside: beside))
    }

    /// What is wrong inside a text: of a command, of an output's name.
    mutating func add(_ mistake: CommandTemplate.Mistake, in text: SourceText, more: String = "") {
        add(
            mistake.message, at: text.position(at: mistake.offset, length: mistake.length), fix: mistake.fix + more)
    }

    /// The nearest of the words that are known, as “did you mean …?”.
    mutating func nearest(to word: String, among words: some Collection<String>) -> String? {
        guard word.utf8.count <= 60, words.count <= comparisons else { return nil }
        comparisons -= words.count
        return Suggestion.nearest(to: word, among: words)
    }

    /// In the order of the file; nil when there are none.
    var failure: MetroFailure? {
        if list.isEmpty { return nil }
        let sorted = list.enumerated().sorted {
            ($0.element.line, $0.element.column, $0.offset) < ($1.element.line, $1.element.column, $1.offset)
        }
        return MetroFailure(sorted.map(\.element), more: total - list.count)
    }
}
