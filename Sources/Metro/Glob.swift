internal import Files

/// A path with wildcards: `*` and `?` within one name, `[a-z]` and `[!a-z]`, `**` for any number of folders, `\` before a
/// character that stands for itself. As in a shell, a wildcard at the beginning of a name does not match a dot.
package struct Glob: Hashable, Sendable, CustomStringConvertible {
    enum Token: Hashable, Sendable {
        case literal(Unicode.Scalar)
        case anyOne
        case star
        case oneOf(Set)
    }

    struct Set: Hashable, Sendable {
        var ranges: [ClosedRange<Unicode.Scalar>]
        var isInverted: Bool

        func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar) } != isInverted }
    }

    enum Component: Hashable, Sendable {
        case name([Token])
        /// `**`
        case folders
    }

    package let text: String
    let components: [Component]
    /// How every path begins that it matches.
    package let start: String

    package init(_ text: String) {
        self.text = text
        components = text.pathNames.reduce(into: []) { components, name in
            if name != "**" {
                components.append(.name(Self.tokens(of: name)))
            } else if components.last != .folders {
                components.append(.folders)
            }
        }
        start = Self.start(of: components)
    }

    private static func start(of components: [Component]) -> String {
        var start = String.UnicodeScalarView()
        for (number, component) in components.enumerated() {
            guard case .name(let tokens) = component else { break }
            if number > 0 { start.append("/") }
            for token in tokens {
                guard case .literal(let scalar) = token else { return String(start) }
                start.append(scalar)
            }
        }
        return String(start)
    }

    package var description: String { text }

    /// How many names a path has that it matches; `**` counted as one.
    package var depth: Int { components.count }

    /// The folders before the first wildcard, and never the last name: `reads` of `reads/*.fq`, empty for `*.fq`.
    package var folder: [String] {
        var names: [String] = []
        for component in components.dropLast() {
            guard let name = Self.literal(component) else { break }
            names.append(name)
        }
        return names
    }

    /// What the components are when they are literal, with backslashes taken out; nil for one with a wildcard.
    package var names: [String?] { components.map(Self.literal) }

    /// The pattern that stands for this very path.
    package static func escaped(_ path: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in path.unicodeScalars {
            if "*?[\\".unicodeScalars.contains(scalar) { text.append("\\") }
            text.append(scalar)
        }
        return String(text)
    }

    static func literal(_ component: Component) -> String? {
        guard case .name(let tokens) = component else { return nil }
        var name = String.UnicodeScalarView()
        for token in tokens {
            guard case .literal(let scalar) = token else { return nil }
            name.append(scalar)
        }
        return String(name)
    }

    private static func tokens(of text: String) -> [Token] {
        let scalars = Array(text.unicodeScalars)
        var tokens: [Token] = []
        var index = 0
        while index < scalars.count {
            switch scalars[index] {
            case "*": if tokens.last != .star { tokens.append(.star) }
            case "?": tokens.append(.anyOne)
            case "\\" where index + 1 < scalars.count:
                index += 1
                tokens.append(.literal(scalars[index]))
            case "[":
                if let (set, end) = Self.set(in: scalars, from: index) {
                    tokens.append(.oneOf(set))
                    index = end
                } else {
                    tokens.append(.literal("["))
                }
            case let scalar: tokens.append(.literal(scalar))
            }
            index += 1
        }
        return tokens
    }

    /// - Returns: the set that begins at `start` and the index of its `]`; nil when there is none.
    private static func set(in scalars: [Unicode.Scalar], from start: Int) -> (Set, Int)? {
        var index = start + 1
        var set = Set(ranges: [], isInverted: false)
        if index < scalars.count, scalars[index] == "!" || scalars[index] == "^" {
            set.isInverted = true
            index += 1
        }
        let first = index
        while index < scalars.count {
            let scalar = scalars[index]
            if scalar == "]", index > first { return (set, index) }
            if index + 2 < scalars.count, scalars[index + 1] == "-", scalars[index + 2] != "]" {
                if scalar <= scalars[index + 2] { set.ranges.append(scalar...scalars[index + 2]) }
                index += 3
            } else {
                set.ranges.append(scalar...scalar)
                index += 1
            }
        }
        return nil
    }
}

extension Glob {
    /// One name of the path, for who goes through folders.
    package enum Part: Sendable {
        case literal(String)
        case wildcard(Glob)
        /// `**`
        case folders
    }

    package var parts: [Part] {
        components.map { component in
            if let name = Self.literal(component) { return .literal(name) }
            guard case .name = component else { return .folders }
            return .wildcard(Glob(component: component))
        }
    }

    private init(component: Component) {
        (text, components) = ("", [component])
        start = Self.start(of: components)
    }
}
