internal import Failures

/// An input, and what its files must be.
extension MetroReading {
    mutating func input(_ name: Located<String>, _ node: YAMLNode) -> Input {
        checkName(name, of: "an input")
        guard case .map = node.content, !isBareBrace(node) else {
            return Input(name: name, source: .files(paths(node, of: name.value)))
        }
        guard let members = members(of: node, Keys.input) else { return Input(name: name, source: .files([])) }
        let comments = members["comments"].flatMap { text($0, of: "comments")?.value }
        let given = ["files", "image", "text"].filter { members[$0] != nil }
        if given.count != 1 {
            diagnostics.add(
                given.isEmpty
                    ? "the input “\(name.value)” does not say what it is"
                    : "the input “\(name.value)” says \(given.count == 2 ? "both" : "all of") "
                        + given.map { "“\($0)”" }.joined(separator: " and "),
                at: node.position, fix: "say one: “files: PATH”, “image: /PATH” or “text: …”")
        }
        let (valid, passes) = members["valid"].map { self.valid($0) } ?? (Validity(), nil)
        if let node = members["valid"], given == ["text"] {
            diagnostics.add("a text is always valid", at: node.position, fix: "take “valid” out")
        }
        var unpacks = false
        if let node = members["unpack"] {
            unpacks = flag(node, of: "unpack") ?? false
            if unpacks, !given.isEmpty, given != ["files"] {
                diagnostics.add(
                    "“unpack” is for archives that are files or addresses", at: node.position,
                    fix: given == ["text"]
                        ? "take it out" : "take it out, and let a station unpack what a need brings")
            }
        }
        func made(_ source: Input.Source) -> Input {
            Input(name: name, source: source, unpacks: unpacks, valid: valid, passes: passes, comments: comments)
        }
        if let node = members["image"] {
            let pattern = text(node, of: "image").map { Located($0.value, at: $0.position) }
            return made(.image(pattern ?? Located("/", at: node.position)))
        }
        if let node = members["text"] {
            let content = text(node, of: "text", mayBeEmpty: true).map { Located($0.value, at: $0.position) }
            return made(.text(content ?? Located("", at: node.position)))
        }
        return made(.files(members["files"].map { paths($0, of: "files") } ?? []))
    }

    private mutating func paths(_ node: YAMLNode, of key: String) -> [Located<String>] {
        texts(node, of: key).map { Located($0.value, at: $0.position) }
    }

    /// - Returns: the conditions, and where the command of `passes` stands.
    private mutating func valid(_ node: YAMLNode) -> (Validity, passes: SourceText?) {
        var valid = Validity()
        guard let members = members(of: node, Keys.valid) else { return (valid, nil) }
        if let node = members["extension"] {
            valid.extensions = texts(node, of: "extension").map {
                $0.value.hasPrefix(".") ? String($0.value.dropFirst()) : $0.value
            }
        }
        valid.name = members["name"].flatMap { text($0, of: "name")?.value }
        if let node = members["matches"], let text = text(node, of: "matches") {
            if let reason = Expression.mistake(in: text.value) {
                diagnostics.add(
                    "“\(Shown.text(text.value))” is no regular expression: \(reason)", at: text.position,
                    fix: "“name” takes a pattern with “*”, which is often enough")
            } else {
                valid.matches = text.value
            }
        }
        valid.largerThan = members["larger_than"].flatMap { bytes($0, of: "larger_than") }
        valid.smallerThan = members["smaller_than"].flatMap { bytes($0, of: "smaller_than") }
        if let least = valid.largerThan, let most = valid.smallerThan, least >= most, let node = members["smaller_than"]
        {
            diagnostics.add(
                "nothing is larger than \(Amounts.bytes(least)) and smaller than \(Amounts.bytes(most))",
                at: node.position, fix: "change one of the two")
        }
        if let node = members["contains"], let text = text(node, of: "contains") { valid.contains = text.value }
        let passes = members["passes"].flatMap { command($0, of: "passes") }
        valid.passes = passes?.value
        if let node = members["otherwise"], let text = text(node, of: "otherwise") {
            switch text.value {
            case "stop": valid.stops = true
            case "leave out": break
            default:
                diagnostics.add(
                    "“otherwise” is “stop” or “leave out”, and not “\(Shown.text(text.value))”", at: text.position,
                    fix:
                        "“otherwise: stop” makes it a mistake when a file is not valid; else it is left out and reported"
                )
            }
        }
        return (valid, passes)
    }
}
