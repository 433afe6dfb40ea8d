internal import Failures
internal import Files
internal import Glibc

/// The names that an OpenSSH configuration has for single hosts (ssh_config(5)): what `Host` lines name without patterns.
///
/// What is to be known of each, ssh itself is asked for when the host is reached.
struct OpenSSHHosts {
    private(set) var names: [String] = []
    private(set) var notes: [String] = []
    private static let deepest = 16

    init(_ text: String, at path: String) throws(HostFailure) { try read(text, at: path, depth: 0) }

    private mutating func read(_ text: String, at path: String, depth: Int) throws(HostFailure) {
        guard depth <= Self.deepest else { throw .usage("files include each other without end", at: path) }
        for line in text.split(whereSeparator: \.isNewline) {
            var words = Self.words(of: line)
            guard !words.isEmpty else { continue }
            switch words.removeFirst().lowercased() {
            case "host":
                for word in words where !word.contains(where: { "*?!".contains($0) }) && !names.contains(word) {
                    names.append(word)
                }
            case "include":
                for pattern in words {
                    for file in Self.files(pattern, besides: path) {
                        guard let bytes = try? File.read(file, atMost: 16 << 20) else {
                            notes.append("\(Shown.whole(file)), which is included, can't be read")
                            continue
                        }
                        try read(String(decoding: bytes, as: UTF8.self), at: file, depth: depth + 1)
                    }
                }
            default: continue
            }
        }
    }

    /// Blanks or one `=` after the keyword, double quotes around words with blanks, `#` before a comment.
    static func words(of line: Substring) -> [String] {
        var words: [String] = []
        var rest = line.drop { $0 == " " || $0 == "\t" }
        while let first = rest.first, first != "#" {
            var word: Substring
            if first == "\"" {
                rest.removeFirst()
                word = rest.prefix { $0 != "\"" }
                rest = rest.dropFirst(word.count + 1)
            } else {
                word = rest.prefix { $0 != " " && $0 != "\t" && (!words.isEmpty || $0 != "=") }
                rest = rest.dropFirst(word.count)
            }
            words.append(String(word))
            rest = rest.drop { $0 == " " || $0 == "\t" }
            if words.count == 1, rest.first == "=" {
                rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            }
        }
        return words
    }

    /// Relative patterns are below `~/.ssh`; those of a file elsewhere, beside it.
    private static func files(_ pattern: String, besides path: String) -> [String] {
        let whole =
            pattern.hasPrefix("/")
            ? pattern
            : pattern.hasPrefix("~/") ? Account.ofUser.expand(pattern) : "\(File.parent(of: path))/\(pattern)"
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(whole, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
