internal import Metro

/// `files/.lasignore`: which of the metro's own files are not packed, a pattern a line.
///
/// A pattern with a slash is a path below `files`, one without is a name anywhere in it; a folder goes with all that it holds, and a
/// slash at the end means folders only. Lines that begin with `#` are comments.
struct IgnoredFiles {
    static let name = ".lasignore"

    private let paths: [(glob: Glob, isFolder: Bool)]
    private let names: [(glob: Glob, isFolder: Bool)]

    init(_ text: String) {
        var paths: [(Glob, Bool)] = []
        var names: [(Glob, Bool)] = []
        for line in text.split(whereSeparator: \.isNewline) {
            var words = line[...]
            while let last = words.last, last == " " || last == "\t" { words.removeLast() }
            if words.isEmpty || words.hasPrefix("#") { continue }
            let isFolder = words.hasSuffix("/")
            while words.hasSuffix("/") { words.removeLast() }
            let isPath = words.contains("/")
            while words.hasPrefix("/") { words.removeFirst() }
            if words.isEmpty { continue }
            if isPath {
                paths.append((Glob(String(words)), isFolder))
            } else {
                names.append((Glob(String(words)), isFolder))
            }
        }
        (self.paths, self.names) = (paths, names)
    }

    /// - Parameter path: of a file, below `files`.
    func has(_ path: String) -> Bool {
        if path == Self.name { return true }
        let parts = path.split(separator: "/").map(String.init)
        for count in 1...max(1, parts.count) where count <= parts.count {
            let isFile = count == parts.count
            let (above, name) = (parts[..<count].joined(separator: "/"), parts[count - 1])
            if paths.contains(where: { !(isFile && $0.isFolder) && $0.glob.matches(above) }) { return true }
            if names.contains(where: { !(isFile && $0.isFolder) && $0.glob.matches(name) }) { return true }
        }
        return false
    }
}
