internal import Failures

/// The kinds of values that stand below a key.
extension MetroReading {
    // MARK: Groups

    /// The values by their keys; told: keys twice, unknown, or not known yet.
    ///
    /// - Returns: nil when it is no group of keys, which is told.
    mutating func members(of node: YAMLNode, _ keys: Keys) -> [String: YAMLNode]? {
        if node.isRefused { return nil }
        guard case .map(let pairs) = node.content else {
            diagnostics.add(
                "\(keys.place) is a group of keys, and this is \(node.kind)", at: node.position,
                fix: "write “\(keys.known[0]): …”, and each further key on a line of its own in the same column")
            return nil
        }
        var members: [String: YAMLNode] = [:]
        for (keyNode, value) in pairs {
            guard case .text(let key, _) = keyNode.content, !key.value.isEmpty else {
                diagnostics.add("a key is a word, and this is \(keyNode.kind)", at: keyNode.position)
                continue
            }
            if members[key.value] != nil {
                diagnostics.add(
                    "“\(Shown.text(key.value))” stands here a second time", at: key.position, fix: "keep one of them")
                continue
            }
            if keys.known.contains(key.value) {
                members[key.value] = value
            } else if keys.later.contains(key.value) {
                members[key.value] = value
                diagnostics.add(
                    "this version of las does not know “\(key.value)” in \(keys.place) yet", at: key.position,
                    fix: "take it out, or use a newer las")
            } else {
                let meant = keys.synonym(of: key.value) ?? diagnostics.nearest(to: key.value, among: keys.known)
                // Read on as what was meant: its value may have mistakes of its own.
                if let meant, members[meant] == nil, !pairs.contains(where: { $0.key.value == meant }) {
                    members[meant] = value
                }
                diagnostics.add(
                    "“\(Shown.text(key.value))” is no key of \(keys.place)", at: key.position,
                    fix: meant.map { "did you mean “\($0)”?" } ?? "it has \(keys.known.joined(separator: ", "))")
            }
        }
        return members
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
        var seen = Set<String>()
        var members: [(Located<String>, YAMLNode)] = []
        for (keyNode, value) in pairs {
            guard case .text(let name, _) = keyNode.content else {
                diagnostics.add("a name is a word, and this is \(keyNode.kind)", at: keyNode.position)
                continue
            }
            guard seen.insert(name.value).inserted else {
                diagnostics.add(
                    "“\(Shown.text(name.value))” stands here a second time", at: name.position,
                    fix: "give it another name")
                continue
            }
            members.append((Located(name.value, at: name.position), value))
        }
        return members
    }

    // MARK: Texts

    /// `{name}` without quotes, which YAML takes for a group.
    func isBareBrace(_ node: YAMLNode) -> Bool {
        guard node.isFlow, case .map(let pairs) = node.content, pairs.count == 1 else { return false }
        return pairs[0].value.isNothing
    }

    mutating func text(_ node: YAMLNode, of key: String, mayBeEmpty: Bool = false) -> SourceText? {
        let key = Shown.text(key)
        switch node.content {
        case .text(let text, let isPlain):
            if text.value.isEmpty, isPlain || !mayBeEmpty {
                diagnostics.add(
                    "“\(key)” has no value", at: node.position, fix: "write one after “\(key): ”, or take the key out")
                return nil
            }
            return text
        case .list where node.isFlow:
            diagnostics.add(
                "“\(key)” is a text, and YAML takes what begins with “[” for a list", at: node.position,
                fix: "put the whole text into quotes")
        case .map where isBareBrace(node):
            diagnostics.add(
                "YAML takes what begins with “{” for a group of keys, not for text", at: node.position,
                fix: "put the whole text into quotes: \"{…}\"")
        case .refused: break
        case .list, .map:
            diagnostics.add(
                "“\(key)” is a text, and this is \(node.kind)", at: node.position,
                fix: "write the text after “\(key): ”")
        }
        return nil
    }

    /// A text, or a list of texts.
    mutating func texts(_ node: YAMLNode, of key: String) -> [SourceText] {
        guard case .list(let items) = node.content else { return text(node, of: key).map { [$0] } ?? [] }
        if items.isEmpty {
            diagnostics.add("the list “\(Shown.text(key))” is empty", at: node.position, fix: "take the key out")
        }
        return items.compactMap { item in
            if case .list = item.content {
                diagnostics.add("“\(Shown.text(key))” is a list of texts, and this is a list in it", at: item.position)
                return nil
            }
            return text(item, of: key)
        }
    }

    /// Names become words in commands and folders in runs.
    mutating func checkName(
        _ name: Located<String>, of place: String, mayHoldDots: Bool = false, isReservedToo: Bool = true
    ) {
        let scalars = name.value.unicodeScalars
        guard let first = scalars.first else { return }
        let isWord =
            first.properties.isAlphabetic
            && scalars.allSatisfy {
                $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" || $0 == "-"
                    || (mayHoldDots && $0 == ".")
            }
        if !isWord || name.value.utf8.count > 100 {
            diagnostics.add(
                "“\(Shown.text(name.value))” can't be the name of \(place)", at: name.position,
                fix: "begin with a letter, then letters, digits, “-” and “_”, at most 100 of them")
        } else if isReservedToo, !mayHoldDots, Vocabulary.isReserved(name.value) {
            diagnostics.add(
                "“\(name.value)” has a meaning of its own and can't be the name of \(place)", at: name.position,
                fix: "choose another name")
        }
    }

    // MARK: Numbers, sizes, times

    mutating func flag(_ node: YAMLNode, of key: String) -> Bool? {
        guard let text = text(node, of: key) else { return nil }
        switch text.value.lowercased() {
        case "yes", "true", "on": return true
        case "no", "false", "off": return false
        default:
            diagnostics.add("“\(key)” is yes or no, and not “\(Shown.text(text.value))”", at: text.position)
            return nil
        }
    }

    mutating func count(_ node: YAMLNode, of key: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(node, of: key) else { return nil }
        if text.value.utf8.allSatisfy({ (48...57).contains($0) }), let count = Int(text.value),
            range.contains(count)
        {
            return count
        }
        diagnostics.add(
            "“\(key)” is a whole number, and not “\(Shown.text(text.value))”", at: text.position,
            fix: "write a number from \(range.lowerBound) on")
        return nil
    }

    static let sizes: [String: Double] = [
        "": 1, "b": 1, "byte": 1, "bytes": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12,
        "tb": 1e12,
        "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824, "tib": 1_099_511_627_776,
    ]

    mutating func bytes(_ node: YAMLNode, of key: String) -> Int64? {
        guard let text = text(node, of: key) else { return nil }
        let amounts = Self.amounts(in: text.value)
        if let amounts, amounts.count == 1, let unit = Self.sizes[amounts[0].unit.lowercased()] {
            let size = amounts[0].number * unit
            if size <= 1e18 { return Int64(size) }
        }
        diagnostics.add(
            "“\(key)” is a size, and not “\(Shown.text(text.value))”", at: text.position,
            fix: "write it as 500 MB or 2 GB")
        return nil
    }

    static let times: [String: Double] = [
        "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "m": 60, "min": 60, "mins": 60, "minute": 60,
        "minutes": 60,
        "h": 3600, "hour": 3600, "hours": 3600, "d": 86400, "day": 86400, "days": 86400, "week": 604_800,
        "weeks": 604_800,
    ]

    mutating func seconds(_ node: YAMLNode, of key: String) -> Double? {
        guard let text = text(node, of: key) else { return nil }
        let amounts = Self.amounts(in: text.value) ?? []
        let units = amounts.map { Self.times[$0.unit.lowercased()] }
        if !amounts.isEmpty, !units.contains(nil) {
            let sum = zip(amounts, units).map { $0.number * ($1 ?? 0) }.reduce(0, +)
            if sum > 0, sum <= 1e10 { return sum }
        }
        diagnostics.add(
            "“\(key)” is a time with its unit, and not “\(Shown.text(text.value))”", at: text.position,
            fix: "write it as 90 seconds, 30 minutes, 2 hours or 1 day")
        return nil
    }

    /// `1 hour 30 minutes` as numbers and words; nil when it is anything else.
    private static func amounts(in text: String) -> [(number: Double, unit: String)]? {
        var amounts: [(number: Double, unit: String)] = []
        var rest = Substring(text)
        while true {
            rest = rest.drop { $0 == " " }
            if rest.isEmpty { return amounts }
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard digits.utf8.count <= 20, digits.first != ".", digits.last != ".", let number = Double(digits) else {
                return nil
            }
            rest = rest.dropFirst(digits.count).drop { $0 == " " }
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            amounts.append((number, String(unit)))
        }
    }
}

extension YAMLNode {
    fileprivate var value: String? { if case .text(let text, _) = content { text.value } else { nil } }
}
