/// A node of a YAML document and where it stands. All scalars are text.
struct YAMLNode: Sendable {
    enum Content: Sendable {
        /// `isPlain`: without quotes.
        case text(SourceText, isPlain: Bool)
        case list([YAMLNode])
        case map([(key: YAMLNode, value: YAMLNode)])
        /// Something that a metro has no use for, which is told already.
        case refused
    }

    let content: Content
    let position: Position
    /// Written with `[…]` or `{…}`.
    let isFlow: Bool

    /// Nothing stands there: `key:` and the end of the line.
    var isNothing: Bool {
        if case .text(let text, let isPlain) = content { text.value.isEmpty && isPlain } else { false }
    }

    var isRefused: Bool { if case .refused = content { true } else { false } }

    /// What it is, for messages.
    var kind: String {
        switch content {
        case .text: isNothing ? "nothing" : "a text"
        case .list: "a list"
        case .map: "a group of keys"
        case .refused: "no text"
        }
    }

    static func nothing(at position: Position) -> YAMLNode {
        let piece = SourceText.Piece(offset: 0, position: position, isVerbatim: false)
        return YAMLNode(
            content: .text(SourceText("", pieces: [piece]), isPlain: true), position: position, isFlow: false)
    }
}
