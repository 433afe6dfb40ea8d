internal import Failures

/// A line, and a metro that stands on it.
extension MetroReading {
    mutating func line(_ name: Located<String>, _ node: YAMLNode) -> MetroDraft.Line {
        checkName(name, of: "a line", isReservedToo: false)
        var line = MetroDraft.Line(name: name)
        var stops = node
        if case .map(let pairs) = node.content, let key = pairs.first(where: { Self.isStop($0.key) })?.key,
            !pairs.contains(where: { $0.key.value == "stations" })
        {
            diagnostics.add(
                "a “- ” is missing before “\(key.value ?? "")”", at: key.position,
                fix: "each station of a line begins with “- ”, and its other keys stand below its first one")
            if let stop = stop(node, on: line) { line.stops.append(stop) }
            return line
        }
        if case .map(let pairs) = node.content, pairs.contains(where: { Keys.line.known.contains($0.key.value ?? "") })
        {
            guard let members = members(of: node, Keys.line) else { return line }
            if let node = members["enabled"] { line.isEnabled = flag(node, of: "enabled") ?? true }
            line.comments = members["comments"].flatMap { text($0, of: "comments")?.value }
            guard let node = members["stations"] else {
                diagnostics.add(
                    "the line “\(Shown.text(name.value))” has no stations", at: node.position,
                    fix: "write “stations:”, and “- station: NAME” below it for each")
                return line
            }
            stops = node
        }
        guard case .list(let items) = stops.content else {
            if stops.isRefused { return line }
            diagnostics.add(
                "the line “\(Shown.text(name.value))” must be a list of stations, and this is \(stops.kind)",
                at: stops.position,
                fix: "write “- station: NAME” below it, indented, for each station")
            return line
        }
        for item in joined(items) { if let stop = stop(item, on: line) { line.stops.append(stop) } }
        return line
    }

    private static func isStop(_ key: YAMLNode) -> Bool { key.value == "station" || key.value == "metro" }

    private mutating func stop(_ node: YAMLNode, on line: MetroDraft.Line) -> MetroDraft.Stop? {
        guard case .map(let pairs) = node.content, let key = pairs.first(where: { $0.key.value == "metro" })?.key else {
            guard var station = station(node, line: line.name.value) else { return nil }
            station.isEnabled = station.isEnabled && line.isEnabled
            return .station(station)
        }
        if pairs.contains(where: { $0.key.value == "station" }) {
            diagnostics.add(
                "this is said to be a station and a metro", at: key.position,
                fix: "keep “station” for a command, “metro” for the file of another metro, and “as” for its name here")
            let other = node.keys.contains("command") ? "metro" : "station"
            let rest = YAMLNode(
                content: .map(pairs.filter { $0.key.value != other }), position: node.position, isFlow: node.isFlow)
            return stop(rest, on: line)
        }
        guard var nested = nested(node, line: line.name.value) else { return nil }
        nested.isEnabled = nested.isEnabled && line.isEnabled
        return .nested(nested)
    }

    private mutating func nested(_ node: YAMLNode, line: String) -> MetroDraft.Nested? {
        guard let members = members(of: withoutForEach(node), Keys.nested), let fileNode = members["metro"],
            let file = text(fileNode, of: "metro")
        else { return nil }
        var nested = MetroDraft.Nested(file: file, position: fileNode.position, line: line)
        if let node = members["as"], let text = text(node, of: "as") {
            let name = Located(text.value, at: text.position)
            checkName(name, of: "a metro on a line")
            nested.name = name
        }
        let before = diagnostics.total
        if let node = members["in"] { nested.given = given(node) }
        nested.isUncertain = diagnostics.total > before || members["in"]?.isRefused ?? false
        if let node = members["enabled"] { nested.isEnabled = flag(node, of: "enabled") ?? true }
        nested.comments = members["comments"].flatMap { self.text($0, of: "comments")?.value }
        return nested
    }

    /// People write it here and mean what its stations do.
    private mutating func withoutForEach(_ node: YAMLNode) -> YAMLNode {
        guard case .map(let pairs) = node.content, let key = pairs.first(where: { $0.key.value == "for_each" })?.key
        else {
            return node
        }
        diagnostics.add(
            "a metro on a line runs once, so “for_each” has no meaning for it", at: key.position,
            fix:
                "give it the whole input, “in: { ITS_INPUT: reads }”, and let its own stations say “for_each: ITS_INPUT”"
        )
        return YAMLNode(
            content: .map(pairs.filter { $0.key.value != "for_each" }), position: node.position, isFlow: node.isFlow)
    }

    private mutating func given(_ node: YAMLNode) -> MetroDraft.Nested.Given {
        switch node.content {
        case .refused: return .nothing
        case .map where !isBareBrace(node):
            var given: [(input: Located<String>, what: SourceText)] = []
            for (input, value) in named(node, of: "in", "ITS_INPUT: ours") {
                if let what = one(value, of: input.value) { given.append((input, what)) }
            }
            return .byInput(given)
        default: return one(node, of: "in").map { .whole($0) } ?? .nothing
        }
    }

    private mutating func one(_ node: YAMLNode, of key: String) -> SourceText? {
        guard case .list = node.content else { return text(node, of: key) }
        diagnostics.add(
            "an input of a metro on a line is given one thing, and this is a list", at: node.position,
            fix: "let a station gather several into one, and name that station")
        return nil
    }
}
