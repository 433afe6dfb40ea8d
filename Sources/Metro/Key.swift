/// A key that may stand in a metro, and what may stand after it: what the reader knows, the schema tells editors, and messages name.
struct Key: Sendable {
    /// What may stand after a key.
    indirect enum Value: Sendable {
        /// Any text, but some.
        case text
        case maybeEmptyText
        /// What a person calls something.
        case name(Naming)
        /// One of these texts.
        case words([String])
        /// A decimal number.
        case number
        /// A whole number.
        case count(ClosedRange<Int>)
        /// `2 GB`.
        case size
        /// `2 hours`.
        case time
        /// `yes` or `no`.
        case flag
        case list(of: Value)
        case group(Keys)
        /// A group whose keys are names that the metro gives.
        case named(Naming, Value)
        case either([Value])

        /// A text, or a list of texts.
        static let texts = either([.text, .list(of: .text)])
    }

    enum Naming: Sendable {
        /// An input, a line, a station: letters, digits, `-` and `_`, a letter first, and none of the reserved words.
        case thing
        /// The same, reserved words as well.
        case line
        /// A metro: dots too.
        case metro
        /// A variable of a command.
        case variable
    }

    let name: String
    let value: Value
    /// A sentence.
    let about: String
    /// As it may stand in a metro, on one line: `uses: { cpus: 2 }`.
    let example: String

    init(_ name: String, _ value: Value, _ about: String, _ example: String) {
        (self.name, self.value, self.about, self.example) = (name, value, about, example)
    }

    // What the reader holds numbers to.
    static let cpus = 1...100_000
    static let gpus = 0...100_000
    static let retries = 0...100
    static let copies = 1...100
    static let turns = 1...Turns.largestCount
}
