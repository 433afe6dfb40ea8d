/// A YAML document that is no metro: read with the same care, and told of in the same way.
package indirect enum PlainYAML: Hashable, Sendable {
    /// `isPlain`: without quotes, so that it may be meant as a number or the like.
    case text(String, isPlain: Bool)
    case list([PlainYAML])
    case group([Member])

    package struct Member: Hashable, Sendable {
        package let key: String
        package let value: PlainYAML
    }

    /// - Parameter file: for messages.
    /// - Throws: for what can't be read, for keys given twice, and for anchors and tags.
    package static func read(_ text: [UInt8], file: String) throws(MetroFailure) -> PlainYAML {
        var diagnostics = Diagnostics(file: file)
        let node = YAMLReader.read(text, diagnostics: &diagnostics)
        var read = PlainYAML.text("", isPlain: true)
        if let node { read = value(of: node, &diagnostics) }
        if let failure = diagnostics.failure { throw failure }
        return read
    }

    private static func value(of node: YAMLNode, _ diagnostics: inout Diagnostics) -> PlainYAML {
        switch node.content {
        case .text(let text, let isPlain): return .text(text.value, isPlain: isPlain)
        case .refused: return .text("", isPlain: true)
        case .list(let items):
            var read: [PlainYAML] = []
            for item in items { read.append(value(of: item, &diagnostics)) }
            return .list(read)
        case .map(let members):
            var read: [Member] = []
            for (key, content) in members {
                guard case .text(let name, _) = key.content else {
                    diagnostics.add("a key is a text", at: key.position, fix: "write “key: value”")
                    continue
                }
                if read.contains(where: { $0.key == name.value }) {
                    diagnostics.add(
                        "“\(name.value)” is given twice", at: key.position, fix: "take one of them out")
                }
                read.append(Member(key: name.value, value: value(of: content, &diagnostics)))
            }
            return .group(read)
        }
    }
}
