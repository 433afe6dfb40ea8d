/// A path that stays below the folder it is relative to: no empty, `.` or `..` component, not absolute, no NUL.
///
/// Everything that comes from a bundle, a host or an archive becomes one of these before it is used.
package struct RelativePath: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let string: String

    /// - Returns: nil when the text is not such a path.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count < 4096, !text.utf8.contains(0) else { return nil }
        for component in text.split(separator: "/", omittingEmptySubsequences: false) {
            if component.isEmpty || component == "." || component == ".." || component.utf8.count > 255 { return nil }
        }
        string = text
    }

    package var description: String { string }
    package var name: String { File.name(of: string) }
    package var components: [Substring] { string.split(separator: "/") }

    package static func < (left: RelativePath, right: RelativePath) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }
}

extension RelativePath: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let path = RelativePath(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a path inside its folder is expected, without “..”")
        }
        self = path
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(string)
    }
}
