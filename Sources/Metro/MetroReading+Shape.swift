internal import Failures

/// Metros that have another shape than las knows: told once, and read on as what they were meant to be.
extension MetroReading {
    // MARK: The whole

    /// Files of other programs, and stations without anything around them; which is told.
    mutating func isNoMetro(_ root: YAMLNode) -> Bool {
        guard case .map(let pairs) = root.content else { return false }
        let keys = root.keys
        if keys.contains(where: { Keys.metro.known.contains($0) && $0 != "env" && $0 != "needs" }) {
            return stationsWithoutLines(pairs)
        }
        let program =
            if keys.contains(where: { $0.hasPrefix("rule ") || $0 == "rule" }) {
                "Snakemake"
            } else if keys.contains("jobs"), keys.contains("on") || keys.contains("name") {
                "GitHub Actions"
            } else {
                Self.programs.first { keys.contains($0.key) }?.program
            }
        let isNear = keys.contains { Keys.metro.synonym(of: $0) != nil }
        guard program != nil || !isNear else { return stationsWithoutLines(pairs) }
        if program == nil, stationsWithoutLines(pairs) { return true }
        let first = pairs.first?.key.position ?? root.position
        diagnostics.add(
            program.map { "this looks like a file of \($0), and not like a metro" }
                ?? "this is no metro: none of its keys is one that a metro has",
            at: first, fix: Keys.metro.form)
        return true
    }

    private static let programs: [(key: String, program: String)] = [
        ("services", "Docker Compose"), ("cwlVersion", "CWL"), ("apiVersion", "Kubernetes"), ("stages", "GitLab"),
        ("channels", "conda"), ("hosts", "Ansible"),
    ]

    /// `command:` at the left edge.
    private mutating func stationsWithoutLines(_ pairs: [(key: YAMLNode, value: YAMLNode)]) -> Bool {
        let words = Set(pairs.compactMap(\.key.value))
        guard !words.contains("lines"),
            let key = pairs.first(where: {
                ["station", "command", "in", "out", "for_each"].contains($0.key.value ?? "")
            })?.key
        else { return false }
        diagnostics.add(
            "“\(key.value ?? "")” is a key of a station, and no line is begun here", at: key.position,
            fix:
                "write “lines:”, below it a line's name, “main:”, below that “- station: NAME”, and there what the station has"
        )
        return true
    }

    /// `lines` below `inputs`, indented as if it were one of them.
    mutating func withLinesInPlace(_ root: YAMLNode) -> YAMLNode {
        guard case .map(var pairs) = root.content, !root.keys.contains("lines") else { return root }
        for (number, pair) in pairs.enumerated() {
            guard ["inputs", "needs", "env"].contains(pair.key.value ?? ""), case .map(let inner) = pair.value.content,
                let lines = inner.first(where: { $0.key.value == "lines" }), case .text = lines.key.content
            else { continue }
            if case .text = lines.value.content { continue }
            diagnostics.add(
                "“lines” is indented as if it belonged to “\(pair.key.value ?? "")”", at: lines.key.position,
                fix: "begin it at the left edge, and what is below it two spaces further")
            let rest = inner.filter { $0.key.value != "lines" }
            pairs[number].value = YAMLNode(
                content: .map(rest), position: pair.value.position, isFlow: pair.value.isFlow)
            pairs.append(lines)
            return YAMLNode(content: .map(pairs), position: root.position, isFlow: root.isFlow)
        }
        return root
    }

    /// Stations straight below `lines`.
    mutating func withName(_ lines: YAMLNode) -> YAMLNode {
        guard case .list(let items) = lines.content, items.contains(where: { !$0.keys.isEmpty }) else { return lines }
        diagnostics.add(
            "the stations stand on no line: a line has a name", at: lines.position,
            fix: "write “main:” below “lines:”, indented, and the stations below that, indented further")
        let piece = SourceText.Piece(offset: 0, position: lines.position, isVerbatim: false)
        let name = YAMLNode(
            content: .text(SourceText("main", pieces: [piece]), isPlain: true), position: lines.position, isFlow: false)
        return YAMLNode(content: .map([(name, lines)]), position: lines.position, isFlow: false)
    }

    // MARK: Stations

    /// A station whose keys have a “- ” each, as one.
    mutating func joined(_ items: [YAMLNode]) -> [YAMLNode] {
        var joined: [YAMLNode] = []
        var isTold = false
        for item in items {
            guard case .map(let more) = item.content, !item.isFlow, !item.keys.isEmpty,
                item.keys.allSatisfy({ Keys.station.known.contains($0) && $0 != "station" }),
                let last = joined.last, case .map(let pairs) = last.content, !last.isFlow,
                last.keys.contains("station"), Set(last.keys).isDisjoint(with: item.keys)
            else {
                joined.append(item)
                isTold = false
                continue
            }
            if !isTold {
                let place = item.position
                diagnostics.add(
                    "“- ” begins a new station here, and “\(item.keys[0])” belongs to the one before", at: place,
                    fix: "write “- ” before “station” only; the other keys stand below it, in the same column",
                    beside: .init("the station", at: last.position))
                isTold = true
            }
            joined[joined.count - 1] = YAMLNode(
                content: .map(pairs + more), position: last.position, isFlow: false)
        }
        return joined
    }

    /// `- count:` in the place of `- station: count`.
    mutating func withStationKey(_ node: YAMLNode) -> YAMLNode {
        guard case .map(let pairs) = node.content, let (key, value) = pairs.first,
            case .text(let name, _) = key.content,
            !node.keys.contains("station"), Keys.station.synonym(of: name.value) == nil,
            !Keys.station.known.contains(name.value), !Keys.station.later.contains(name.value)
        else { return node }
        let rest: [(key: YAMLNode, value: YAMLNode)]
        if case .map(let inner) = value.content, pairs.count == 1 {
            rest = inner
        } else if value.isNothing, pairs.count > 1 {
            rest = Array(pairs.dropFirst())
        } else {
            return node
        }
        diagnostics.add(
            "a station's name stands after “station:”", at: key.position,
            fix:
                "write “- station: \(Shown.text(name.value, atMost: 40))”, and its other keys below “station”, in the same column"
        )
        let piece = SourceText.Piece(offset: 0, position: key.position, isVerbatim: false)
        let word = YAMLNode(
            content: .text(SourceText("station", pieces: [piece]), isPlain: true), position: key.position, isFlow: false
        )
        return YAMLNode(content: .map([(word, key)] + rest), position: node.position, isFlow: node.isFlow)
    }
}
