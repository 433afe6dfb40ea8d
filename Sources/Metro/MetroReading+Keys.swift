internal import Failures

/// Groups of keys, and what people write in their place.
extension MetroReading {
    /// The values by their keys; told: keys twice, unknown, or not known yet.
    ///
    /// - Returns: nil when it is no group of keys, which is told.
    mutating func members(of node: YAMLNode, _ keys: Keys) -> [String: YAMLNode]? {
        if node.isRefused { return nil }
        guard case .map(let pairs) = node.content else {
            diagnostics.add(
                "\(keys.place) is a group of keys, and this is \(node.kind)", at: node.position, fix: keys.form)
            return nil
        }
        var members: [String: YAMLNode] = [:]
        var first: [String: Position] = [:]
        let written = Set(pairs.compactMap(\.key.value))
        for (keyNode, value) in pairs {
            guard case .text(let key, _) = keyNode.content, !key.value.isEmpty else {
                // An anchor or a reference is told already.
                if keyNode.isRefused { continue }
                diagnostics.add(
                    "a key is a word, and this is \(keyNode.kind)", at: keyNode.position, fix: "write “key: value”")
                continue
            }
            if let place = first[key.value] {
                diagnostics.add(
                    "“\(Shown.text(key.value))” stands here a second time", at: key.position, fix: "keep one of them",
                    beside: .init("first given here", at: place))
                continue
            }
            first[key.value] = key.position
            if keys.known.contains(key.value) {
                members[key.value] = value
            } else if keys.later.contains(key.value) {
                members[key.value] = value
                diagnostics.add(
                    "this version of las does not know “\(key.value)” in \(keys.place) yet", at: key.position,
                    fix: "take it out, or use a newer las")
            } else if value.isRefused {
                // What it repeats, or names for repeating, is told already.
                if key.value == "<<" { members["<<"] = value }
            } else {
                let meant = meant(by: key, keys, of: node, value)
                // Read on as what was meant: its value may have mistakes of its own.
                if let meant, members[meant] == nil, !written.contains(meant) { members[meant] = value }
            }
        }
        return members
    }

    /// Tells of a key that is not known.
    ///
    /// - Returns: the key that was most likely meant.
    private mutating func meant(by key: SourceText, _ keys: Keys, of group: YAMLNode, _ value: YAMLNode) -> String? {
        let word = key.value
        let shown = Shown.text(word)
        let visible = String(String.UnicodeScalarView(word.unicodeScalars.filter { !SourceLines.isOddBlank($0) }))
        if visible != word, keys.known.contains(visible) {
            diagnostics.add(
                "“\(visible)” is written here with a character that can't be seen", at: key.position,
                fix: "delete the word, and type it again")
            return visible
        }
        if group.isFlow, value.isNothing, word.utf8.first.map({ !Braces.isWordStart($0) }) ?? false {
            diagnostics.add(
                "the comma before “\(shown)” begins a new key here", at: key.position,
                fix: "numbers have a point, “2.5 GB”; put a text with a comma into quotes")
            return nil
        }
        let elsewhere = keys.elsewhere(word)
        let meant =
            keys.synonym(of: word) ?? (elsewhere == nil ? diagnostics.nearest(to: word, among: keys.known) : nil)
        let fix =
            meant.map { "did you mean “\($0)”?" } ?? elsewhere
            ?? "it has \(keys.known.joined(separator: ", "))"
        diagnostics.add("“\(shown)” is no key of \(keys.place)", at: key.position, fix: fix)
        return meant
    }

    /// The members of a group whose keys are names that the metro gives.
    mutating func named(_ node: YAMLNode, of key: String, _ form: String) -> [(Located<String>, YAMLNode)] {
        if node.isRefused { return [] }
        guard case .map(let pairs) = node.content else {
            diagnostics.add(
                "below “\(key)” names are expected, and this is \(node.kind)", at: node.position,
                fix: "write “\(form)” below it, indented")
            return []
        }
        var first: [String: Position] = [:]
        var members: [(Located<String>, YAMLNode)] = []
        for (keyNode, value) in pairs {
            guard case .text(let name, _) = keyNode.content else {
                if keyNode.isRefused { continue }
                diagnostics.add(
                    "a name is a word, and this is \(keyNode.kind)", at: keyNode.position, fix: "write “\(form)”")
                continue
            }
            if let place = first[name.value] {
                diagnostics.add(
                    "“\(Shown.text(name.value))” stands here a second time", at: name.position,
                    fix: "give it another name", beside: .init("first given here", at: place))
                continue
            }
            first[name.value] = name.position
            members.append((Located(name.value, at: name.position), value))
        }
        return members
    }
}

extension YAMLNode {
    /// What it says; nil for what is no text.
    var value: String? { if case .text(let text, _) = content { text.value } else { nil } }

    /// The keys that are texts.
    var keys: [String] {
        if case .map(let pairs) = content { pairs.compactMap(\.key.value) } else { [] }
    }
}
