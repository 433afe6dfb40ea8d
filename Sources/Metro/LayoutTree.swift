/// A YAML file as it is laid out: groups and lists with the places of all texts, and what stands between them.
///
/// Every entry of a group or list is an anchor that comments and blank lines hang on. What is written with `{…}` or `[…]` hangs
/// together as one value.
struct LayoutTree {
    /// A comment, or a blank line.
    struct Trivia {
        let offset: Int
        /// Of its `#`, in characters from 0.
        let column: Int
        /// From the `#` on; nil for a blank line.
        let text: String?
        /// Nothing but blanks stands before it on its line.
        let isOnOwnLine: Bool
    }

    enum Style { case plain, quoted, literal, folded }

    indirect enum Flow {
        case text(Range<Int>)
        case list([Flow])
        case map([(key: Range<Int>, value: Flow)])
    }

    enum Value {
        /// Nothing at all stands there.
        case nothing
        case text(Range<Int>, Style)
        case flow(Range<Int>, Flow)
        case block(Int)
    }

    /// An entry of a group or of a list.
    struct Anchor {
        let block: Int
        /// Of its key, or of its dash.
        let start: Int
        /// nil in a list.
        let key: Range<Int>?
        var value = Value.nothing
        /// What stands above it.
        var lead: [Trivia] = []
        /// What stands behind it: one comment for each of its lines that has one.
        var trailing: [Trivia] = []
    }

    /// A group or a list that is written with indentation.
    struct Block {
        let isList: Bool
        /// In characters from 0.
        let column: Int
        /// The block that the entry stands in whose value it is; nil for the outermost.
        let parent: Int?
        var anchors: [Int] = []
        /// Below its last entry.
        var end: [Trivia] = []
    }

    let source: [UInt8]
    /// In the order of the file.
    var anchors: [Anchor] = []
    var blocks: [Block] = []
    var root = Value.nothing
    /// Above everything, apart from the first entry.
    var head: [Trivia] = []
    /// Below a root that is no block.
    var tail: [Trivia] = []

    func text(_ range: Range<Int>) -> String { String(decoding: source[range], as: UTF8.self) }
}
