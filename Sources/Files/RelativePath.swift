/// A path that stays below the folder it is relative to: no empty, `.` or `..` component, not absolute, no NUL.
///
/// Everything that comes from a bundle, a host or an archive becomes one of these before it is used.
package struct RelativePath: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let string: String

    /// - Returns: nil when the text is not such a path.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count < 4096, !text.utf8.contains(0) else { return nil }
        for component in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            if component.isEmpty || component.elementsEqual(".".utf8) || component.elementsEqual("..".utf8)
                || component.count > 255
            {
                return nil
            }
        }
        string = text
    }

    /// The beginning of such a path up to a slash is one too.
    private init(whole bytes: Substring.UTF8View) { string = String(decoding: bytes, as: UTF8.self) }

    /// A file of a folder; nil where its name is none, or the path too long.
    package init?(_ name: String, in folder: RelativePath?) {
        let bytes = name.utf8
        guard let folder else {
            self.init(name)
            if bytes.contains(UInt8(ascii: "/")) { return nil }
            return
        }
        guard !bytes.isEmpty, bytes.count <= 255, folder.string.utf8.count + 1 + bytes.count < 4096, name != ".",
            name != "..", !bytes.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
        else { return nil }
        self.init(whole: "\(folder.string)/\(name)"[...].utf8)
    }

    /// The folder that it lies in; nil for a single name.
    package var parent: RelativePath? {
        string.utf8.lastIndex(of: UInt8(ascii: "/")).map { RelativePath(whole: string.utf8[..<$0]) }
    }

    package var description: String { string }
    package var name: String { File.name(of: string) }
    package var components: [String] { string.pathNames }

    package static func == (left: RelativePath, right: RelativePath) -> Bool {
        ExactText(left.string) == ExactText(right.string)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(ExactText(string)) }

    package static func < (left: RelativePath, right: RelativePath) -> Bool {
        ExactText(left.string) < ExactText(right.string)
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
