internal import Files

/// Which paths are meant: `usr/lib/*/*.a`. A `*` stands for any part of one name, a slash at the end for all that is below.
struct PathPattern: Sendable {
    let text: String
    /// How many names it has.
    var depth: Int { names.count }
    private let names: [Name]
    private let isFolder: Bool

    /// The parts between the stars.
    private struct Name: Sendable {
        let parts: [[UInt8]]

        func matches(_ name: Substring.UTF8View) -> Bool {
            guard let first = parts.first, let last = parts.last, name.starts(with: first) else { return false }
            if parts.count == 1 { return name.count == first.count }
            var rest = name.dropFirst(first.count)
            for part in parts[1..<(parts.count - 1)] {
                while !rest.starts(with: part) { if rest.popFirst() == nil { return false } }
                rest = rest.dropFirst(part.count)
            }
            return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
        }
    }

    init(_ text: String) {
        self.text = text
        isFolder = text.ends(with: "/")
        names = text.utf8.split(separator: UInt8(ascii: "/")).map { name in
            Name(parts: name.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map { Array($0) })
        }
    }

    /// - Parameter path: its names.
    func matches(_ path: [Substring.UTF8View]) -> Bool {
        guard isFolder ? path.count > names.count : path.count == names.count else { return false }
        // Most paths differ in a later name.
        return zip(names, path).reversed().allSatisfy { $0.matches($1) }
    }
}
