package import Failures

/// The one layout of metro files: `las fmt`.
package enum MetroLayout {
    /// The same metro as the project lays it out, with all comments.
    ///
    /// - Parameter text: a metro without mistakes.
    /// - Throws: where that can't be done without changing what the metro says; nothing of the kind is known.
    package static func canonical(_ text: [UInt8], file: String) throws(LayoutFailure) -> [UInt8] {
        let bytes = Array(text.starts(with: [0xEF, 0xBB, 0xBF]) ? text.dropFirst(3) : text[...])
        var source: [UInt8] = []
        source.reserveCapacity(bytes.count)
        // A line may end with CR LF, or with CR alone.
        for (number, byte) in bytes.enumerated() {
            if byte != UInt8(ascii: "\r") {
                source.append(byte)
            } else if number + 1 == bytes.count || bytes[number + 1] != UInt8(ascii: "\n") {
                source.append(UInt8(ascii: "\n"))
            }
        }
        let tree: LayoutTree
        do { tree = try LayoutReader.read(source) } catch { throw LayoutFailure(file: file) }
        let written = Array(LayoutWriter.text(of: tree).utf8)
        var told = Diagnostics(file: file)
        guard let before = YAMLReader.read(text, diagnostics: &told),
            let after = YAMLReader.read(written, diagnostics: &told),
            told.isEmpty, before.saysTheSame(as: after, as: .group(.metro))
        else { throw LayoutFailure(file: file) }
        return written
    }
}

/// A metro that can't be laid out.
package struct LayoutFailure: Failure {
    let file: String

    package var summary: String {
        "\(Shown.whole(file)) can't be laid out without changing what it says, so it is left as it is"
    }
    package var fix: String? { "lay it out by hand; that las can't is a mistake of las" }
    package var exitCode: ExitCode { .usage }
}

extension YAMLNode {
    /// Whether a metro reads the same in both. The order of keys does not count where the metro language gives them.
    fileprivate func saysTheSame(as other: YAMLNode, as value: Key.Value?) -> Bool {
        switch (content, other.content) {
        case (.text(let text, _), .text(let otherText, _)):
            return text.value == otherText.value && isNothing == other.isNothing
        case (.list(let items), .list(let others)):
            let shape = LayoutShape(of: value, keys: nil)
            return items.count == others.count
                && zip(items, others).allSatisfy { $0.saysTheSame(as: $1, as: shape.value(of: "")) }
        case (.map(let members), .map(let others)):
            let shape = LayoutShape(of: value, keys: members.map(\.key.word))
            let (left, right) = (shape.ordered(members) { $0.key.word }, shape.ordered(others) { $0.key.word })
            return left.count == right.count
                && zip(left, right).allSatisfy { member, other in
                    member.key.saysTheSame(as: other.key, as: nil)
                        && member.value.saysTheSame(as: other.value, as: shape.value(of: member.key.word))
                }
        default: return false
        }
    }

    fileprivate var word: String { if case .text(let text, _) = content { text.value } else { "" } }
}
