internal import Files

/// The address of a git repository that las fetches from: `https://example.org/tool.git`, `git@example.org:tool.git`.
package struct GitAddress: Hashable, Sendable {
    package let text: String

    /// - Throws: what is wrong with it, for people.
    package init(_ text: String) throws(WebAddress.Mistake) {
        self.text = text
        if text.hasPrefix("https://") || text.hasPrefix("http://") {
            _ = try WebAddress(text)
            return
        }
        // Over ssh a password is never part of the address; a user's name is.
        let bytes = Array(text.utf8)
        let rest = text.hasPrefix("ssh://") ? bytes[6...] : bytes[...]
        let server = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ":") }
        let path = rest.dropFirst(server.count)
        let isServer =
            server.first.map { Self.isLetterOrDigit($0) } ?? false
            && server.allSatisfy { Self.isLetterOrDigit($0) || "-._@".utf8.contains($0) }
        let isPath =
            path.count > 1 && path.allSatisfy { Self.isLetterOrDigit($0) || "-._~/:+%".utf8.contains($0) }
            && (text.hasPrefix("ssh://") || path.first == UInt8(ascii: ":") && server.contains(UInt8(ascii: "@")))
        if isServer, isPath, !text.holds("::"), text.utf8.count < 2000 { return }
        throw WebAddress.Mistake(
            message: "“\(text)” is no address of a git repository",
            fix: "write it as https://example.org/tool.git, ssh://git@example.org/tool.git or git@example.org:tool.git")
    }

    /// A commit, tag or branch: nothing that git takes for an option or a pattern.
    package static func isCommit(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, isLetterOrDigit(first), bytes.count <= 200, !text.holds("..") else {
            return false
        }
        return bytes.allSatisfy { isLetterOrDigit($0) || "-._/+".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
    }
}
