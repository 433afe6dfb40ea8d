internal import Files

extension Glob {
    package func matches(_ path: String) -> Bool { captures(in: path) != nil }

    /// What one `*` matched: the number of the name in the path, and the characters in it.
    struct Capture: Hashable {
        let component: Int
        let range: Range<Int>
    }

    /// - Returns: what each `*` matched, in their order; nil when the path does not match.
    func captures(in path: String) -> [Capture]? {
        let names = path.pathNames.map { Array($0.unicodeScalars) }
        var (at, name) = (0, 0)
        var taken: [[Capture]] = Array(repeating: [], count: components.count)
        // The last `**`, and how many names it has taken: the only place to go back to.
        var folders: (component: Int, upTo: Int)?
        while name < names.count || at < components.count {
            if at < components.count {
                switch components[at] {
                case .folders:
                    folders = (at, name)
                    at += 1
                    continue
                case .name(let tokens):
                    if name < names.count, let ranges = Self.match(tokens, names[name]) {
                        taken[at] = ranges.map { Capture(component: name, range: $0) }
                        at += 1
                        name += 1
                        continue
                    }
                }
            }
            guard let last = folders, last.upTo < names.count, names[last.upTo].first != "." else { return nil }
            folders = (last.component, last.upTo + 1)
            (at, name) = (last.component + 1, last.upTo + 1)
        }
        return taken.flatMap { $0 }
    }

    /// - Returns: what each `*` of the tokens matched; nil when the name does not match.
    private static func match(_ tokens: [Token], _ name: [Unicode.Scalar]) -> [Range<Int>]? {
        if name.first == ".", let first = tokens.first {
            guard case .literal = first else { return nil }
        }
        var ranges: [Range<Int>] = []
        var (token, at) = (0, 0)
        // The last `*`, and how far it reaches: the only place to go back to.
        var star: (token: Int, from: Int, to: Int, before: Int)?
        while at < name.count || token < tokens.count {
            if token < tokens.count {
                if tokens[token] == .star {
                    star = (token, at, at, ranges.count)
                    ranges.append(at..<at)
                    token += 1
                    continue
                }
                if at < name.count, tokens[token].matches(name[at]) {
                    token += 1
                    at += 1
                    continue
                }
            }
            guard let last = star, last.to < name.count else { return nil }
            star?.to += 1
            ranges.removeSubrange(last.before...)
            ranges.append(last.from..<last.to + 1)
            (token, at) = (last.token + 1, last.to + 1)
        }
        return ranges
    }
}

extension Glob.Token {
    fileprivate func matches(_ scalar: Unicode.Scalar) -> Bool {
        switch self {
        case .literal(let own): own == scalar
        case .anyOne, .star: true
        case .oneOf(let set): set.contains(scalar)
        }
    }
}

extension Glob {
    /// Endings that say how a file is compressed, and leave the ending before them to say what it is.
    private static let compressions: [String] = ["gz", "bgz", "bz2", "xz", "zst", "lz4", "Z"]

    /// A file's name without its ending, and without a compression's ending after that.
    package static func stem(of name: String) -> String {
        let scalars = Array(name.unicodeScalars)
        return text(scalars[..<stemLength(of: scalars)])
    }

    /// `s1.fq` of `s1.fq.gz`.
    static func withoutCompression(_ name: String) -> String {
        for ending in compressions where name.ends(with: "." + ending) {
            return String(decoding: name.utf8.dropLast(ending.utf8.count + 1), as: UTF8.self)
        }
        return name
    }

    /// The `{name}` of a file that the glob matches: what its stars matched, joined by `_`, without the file's ending where
    /// a star covers that; the file's name without its ending when there is no star.
    ///
    /// - Returns: nil when the path does not match.
    package func itemName(of path: String) -> String? {
        guard let captures = captures(in: path) else { return nil }
        let names = path.pathNames.map { Array($0.unicodeScalars) }
        guard let last = names.last else { return nil }
        let stem = Self.stemLength(of: last)
        let parts = captures.map { capture in
            let scalars = names[capture.component]
            var range = capture.range
            if capture.component == names.count - 1, range.lowerBound < stem { range = range.clamped(to: 0..<stem) }
            return Self.text(scalars[range])
        }
        let name = parts.filter { !$0.isEmpty }.joined(separator: "_")
        return name.isEmpty ? Self.text(last[..<stem]) : name
    }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// How many characters stand before the ending; an ending has a letter, so that `chr.1` and `chr.2` stay apart.
    private static func stemLength(of name: [Unicode.Scalar]) -> Int {
        func ending(in end: Int) -> (dot: Int, text: String)? {
            guard let dot = name[..<end].lastIndex(of: "."), dot > 0 else { return nil }
            let scalars = name[(dot + 1)..<end]
            guard scalars.contains(where: \.properties.isAlphabetic) else { return nil }
            return (dot, text(scalars))
        }
        guard let last = ending(in: name.count) else { return name.count }
        if compressions.contains(last.text) { return ending(in: last.dot)?.dot ?? last.dot }
        return last.dot
    }
}
