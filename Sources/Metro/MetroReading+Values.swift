internal import Failures

/// The kinds of values that stand below a key.
extension MetroReading {
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
                    "“\(key)” has no value", at: node.position,
                    fix: "write one after “\(key): ”" + (Self.compulsory.contains(key) ? "" : ", or take the key out"))
                return nil
            }
            return withoutOddQuotes(text, isPlain: isPlain, of: key)
        case .list where key == "command":
            diagnostics.add(
                "“command” is a text, and this is a list", at: node.position,
                fix: node.isFlow
                    ? "write it as one text, in quotes if it begins with “[”: “command: wc {in}”"
                    : "write it as one text, “command: wc {in}”; several lines stand below “command: |”, without “-”")
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

    /// In bytes.
    private static let longestCommand = 1_000_000

    /// A text for bash.
    mutating func command(_ node: YAMLNode, of key: String) -> SourceText? {
        guard let text = text(node, of: key) else { return nil }
        if text.value.utf8.count <= Self.longestCommand { return text }
        diagnostics.add(
            "this command has \(text.value.utf8.count) bytes, and a command has at most \(Self.longestCommand)",
            at: text.position,
            fix: "put it into a script of its own, in the folder “files/bin” beside the metro")
        return nil
    }

    private static let compulsory: Set<String> = ["metro", "station", "command", "out", "files", "text", "image"]

    /// Texts for people, in which any quotes may stand.
    private static let proseKeys: Set<String> = ["about", "comments", "text", "contains"]

    /// What stands between “ and ”, which text programs put in the place of usual quotes; that is told.
    private mutating func withoutOddQuotes(_ text: SourceText, isPlain: Bool, of key: String) -> SourceText {
        let scalars = text.value.unicodeScalars
        guard isPlain, !Self.proseKeys.contains(key), scalars.count > 1, let first = scalars.first,
            let last = scalars.last, "“”„«»‘’‚".unicodeScalars.contains(first),
            "“”»«‘’".unicodeScalars.contains(last)
        else { return text }
        let inside = String(String.UnicodeScalarView(scalars.dropFirst().dropLast()))
        diagnostics.add(
            "“\(Shown.text(String(first)))” and “\(Shown.text(String(last)))” are no quotes to YAML", at: text.position,
            fix: "write \"\(Shown.text(inside, atMost: 40))\", with the usual quotes, or leave them out")
        let place = text.position(at: String(first).utf8.count, length: inside.utf8.count)
        return SourceText(inside, pieces: [.init(offset: 0, position: place, isVerbatim: true)])
    }

    /// A text, or a list of texts.
    mutating func texts(_ node: YAMLNode, of key: String) -> [SourceText] {
        let shown = Shown.text(key)
        if case .map = node.content, !isBareBrace(node) {
            diagnostics.add(
                "“\(shown)” is a text or a list of texts, and this is a group of keys", at: node.position,
                fix: "write “\(shown): a”, or “\(shown): [a, b]” for several")
            return []
        }
        guard case .list(let items) = node.content else { return text(node, of: key).map { [$0] } ?? [] }
        if items.isEmpty {
            diagnostics.add(
                "the list “\(shown)” is empty", at: node.position,
                fix: key == "for_each"
                    ? "name what to go through: “for_each: reads”"
                    : "write what belongs into it, “\(shown): [a, b]”, or take the key out")
        }
        return items.compactMap { item in
            if case .list = item.content {
                diagnostics.add(
                    "“\(shown)” is a list of texts, and this is a list in it", at: item.position,
                    fix: "write them one after another: “[a, b, c]”")
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
            let better = Self.better(name.value)
            diagnostics.add(
                "“\(Shown.text(name.value))” can't be the name of \(place)", at: name.position,
                fix: "begin with a letter, then letters, digits, “-” and “_”, at most 100 of them"
                    + (better.map { ": “\($0)”" } ?? ""))
        } else if isReservedToo, !mayHoldDots, Vocabulary.isReserved(name.value) {
            diagnostics.add(
                "“\(name.value)” has a meaning of its own and can't be the name of \(place)", at: name.position,
                fix: "choose another name")
        }
    }

    /// A name that is allowed and near to one that is not; nil where there is none.
    private static func better(_ name: String) -> String? {
        guard name.utf8.count <= 60 else { return nil }
        var words = [""]
        for scalar in name.unicodeScalars {
            if scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" {
                words[words.count - 1].unicodeScalars.append(scalar)
            } else if words.last != "" {
                words.append("")
            }
        }
        let better = words.filter { !$0.isEmpty }.joined(separator: "-")
        guard let first = better.unicodeScalars.first, first.properties.isAlphabetic, !Vocabulary.isReserved(better)
        else { return nil }
        return better
    }

    // MARK: Numbers, sizes, times

    mutating func flag(_ node: YAMLNode, of key: String) -> Bool? {
        guard let text = text(node, of: key) else { return nil }
        switch text.value.lowercased() {
        case "yes", "true", "on": return true
        case "no", "false", "off": return false
        default:
            diagnostics.add(
                "“\(key)” is yes or no, and not “\(Shown.text(text.value))”", at: text.position,
                fix: "write “\(key): yes” or “\(key): no”")
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

    /// As people say and write them, for suggestions.
    private static let spokenSizes: [String: String] = [
        "gig": "GB", "gigs": "GB", "gigabyte": "GB", "gigabytes": "GB", "go": "GB", "gbyte": "GB", "gbytes": "GB",
        "gi": "GiB", "meg": "MB", "megs": "MB", "megabyte": "MB", "megabytes": "MB", "mo": "MB", "mbyte": "MB",
        "mbytes": "MB", "mi": "MiB", "kilobyte": "KB", "kilobytes": "KB", "ko": "KB", "ki": "KiB", "terabyte": "TB",
        "terabytes": "TB", "to": "TB", "ti": "TiB",
    ]

    mutating func bytes(_ node: YAMLNode, of key: String) -> Int64? {
        guard let text = text(node, of: key) else { return nil }
        let amounts = Self.amounts(in: text.value)
        if let amounts, amounts.count == 1, let unit = Self.sizes[amounts[0].unit.lowercased()] {
            let size = amounts[0].number * unit
            if size <= 1e18 { return Int64(size) }
        }
        let spoken = amounts?.count == 1 ? Self.spokenSizes[amounts?[0].unit.lowercased() ?? ""] : nil
        let pointed = String(text.value.map { $0 == "," ? "." : $0 })
        let fix =
            if let spoken, let number = amounts?[0].digits {
                "did you mean “\(number) \(spoken)”?"
            } else if pointed != text.value, Self.amounts(in: pointed) != nil {
                "write it with a point: \(Shown.text(pointed))"
            } else {
                "write it as 500 MB or 2 GB"
            }
        diagnostics.add("“\(key)” is a size, and not “\(Shown.text(text.value))”", at: text.position, fix: fix)
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
        let fix =
            if amounts.count == 1, let spoken = Self.spokenTimes[amounts[0].unit.lowercased()] {
                "did you mean “\(amounts[0].digits) \(amounts[0].number == 1 && spoken.hasSuffix("s") ? String(spoken.dropLast()) : spoken)”?"
            } else if amounts.count == 1, amounts[0].unit.isEmpty {
                "add the unit: \(amounts[0].digits) seconds, \(amounts[0].digits) minutes or \(amounts[0].digits) hours"
            } else {
                "write it as 90 seconds, 30 minutes, 2 hours or 1 day"
            }
        diagnostics.add(
            "“\(key)” is a time with its unit, and not “\(Shown.text(text.value))”", at: text.position, fix: fix)
        return nil
    }

    private static let spokenTimes: [String: String] = [
        "hr": "hours", "hrs": "hours", "std": "hours", "heure": "hours", "heures": "hours", "stunden": "hours",
        "mn": "minutes", "minuten": "minutes", "sek": "seconds", "tag": "days", "tage": "days", "jour": "days",
        "jours": "days", "wk": "weeks", "wks": "weeks",
    ]

    /// `1 hour 30 minutes` as numbers and words; nil when it is anything else.
    private static func amounts(in text: String) -> [(number: Double, digits: Substring, unit: String)]? {
        var amounts: [(number: Double, digits: Substring, unit: String)] = []
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
            amounts.append((number, digits, String(unit)))
        }
    }
}
