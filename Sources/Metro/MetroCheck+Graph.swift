internal import Failures
internal import Files

extension MetroCheck {
    // MARK: Cycles

    /// The stations that a station or a nested metro takes something of, and the nested metros, by their numbers: those of
    /// the metros come after those of the stations.
    private func sources(of number: Int) -> [(unit: Int, position: Position)] {
        let references =
            number < stations.count
            ? takes[number] + forEach[number] : given[number - stations.count].flatMap(\.references)
        return references.compactMap { reference in
            switch known[reference.unit]?.kind {
            case .station(let other): (other, reference.position)
            case .nested(let other): (stations.count + other, reference.position)
            case .input, .workspace, nil: nil
            }
        }
    }

    private func name(ofUnit number: Int) -> String {
        number < stations.count ? stations[number].name.value : nested[number - stations.count].name?.value ?? ""
    }

    /// Tells each circle of stations that wait for each other once, whole.
    mutating func checkCycles() {
        enum Mark { case new, onPath, done }
        let units = 0..<(stations.count + nested.count)
        var marks = Array(repeating: Mark.new, count: units.count)
        let all = units.map { sources(of: $0) }
        for start in units where marks[start] == .new {
            var path: [(unit: Int, next: Int)] = [(start, 0)]
            marks[start] = .onPath
            while let (unit, next) = path.last {
                guard next < all[unit].count else {
                    marks[unit] = .done
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let (source, position) = all[unit][next]
                switch marks[source] {
                case .done: continue
                case .new:
                    marks[source] = .onPath
                    path.append((source, 0))
                case .onPath:
                    let circle = path.drop { $0.unit != source }.map { name(ofUnit: $0.unit) }
                    let names = circle.count > 12 ? circle.prefix(6) + ["…"] + circle.suffix(5) : circle[...]
                    let shown = (names + [circle[0]]).reversed().map { Shown.text($0, atMost: 30) }.joined(
                        separator: " → ")
                    diagnostics.add(
                        circle.count == 1
                            ? "“\(Shown.text(circle[0]))” takes what it makes itself"
                            : "these stations wait for each other: \(shown)",
                        at: position,
                        fix: circle.count == 1
                            ? "let it take an input, or what another station makes; “feed” hands an output on to the next turn"
                            : "one of them must take something else")
                }
            }
        }
    }

    // MARK: Results

    mutating func lookUpResults(_ texts: [SourceText]) -> [Reference] {
        var references: [Reference] = []
        for (entry, text) in texts.enumerated() {
            for reference in self.references(text, entry: entry, isEnabled: true) {
                if reference.kind == .input {
                    diagnostics.add(
                        "“\(Shown.text(reference.name))” is an input, and results are what stations make",
                        at: text.position,
                        fix: "name a station")
                    continue
                }
                checkPattern(reference)
                references.append(reference)
            }
        }
        return references
    }

    /// That no two tasks of a station write the same result.
    mutating func checkResults(_ results: [Reference]?) {
        let taken = Set(
            stations.indices.filter { stations[$0].isEnabled }.flatMap { takes[$0] + forEach[$0] }.map(\.name)
                + nested.indices.filter { nested[$0].draft.isEnabled }
                .flatMap { given[$0].flatMap(\.references) }.map(\.name))
        if results == nil, hasUnknownNames || stations.contains(where: \.isUncertain) { return }
        let wanted = Dictionary(grouping: results ?? [], by: \.name)
        // Where all turns are kept, each task's results lie in a folder of their own.
        for (number, station) in stations.enumerated()
        where station.isEnabled && !station.forEach.isEmpty && (station.turns.map { $0.keepsLast } ?? true) {
            let globs: [[Glob]]
            if results != nil {
                globs = (wanted[station.name.value] ?? []).map { $0.patterns.map { Glob($0) } }
            } else {
                globs = taken.contains(station.name.value) ? [] : [[]]
            }
            for (text, output) in zip(station.outputs, outputs[number])
            where !output.usesName && !output.path(for: "").isEmpty && output.mistakes.isEmpty
                && Self.variable(in: text.value) == nil
            {
                let isResult = globs.contains { $0.allSatisfy { output.mayMatch($0) || output.isFolder } }
                guard isResult else { continue }
                diagnostics.add(
                    "every task of “\(Shown.text(station.name.value))” would write the same result, “\(Shown.text(text.value))”",
                    at: text.position, fix: "put {name} into it: “\(Self.named(text.value))”")
            }
        }
    }

    private static func named(_ output: String) -> String {
        let path = output.pathNames.last ?? output
        let stem = Glob.stem(of: path)
        let ending = path.dropFirst(stem.count)
        let folder = output.ends(with: "/") ? "/" : ""
        return Shown.text(ending.isEmpty ? "{name}-\(path)\(folder)" : "{name}\(ending)\(folder)")
    }
}

extension OutputName {
    /// Whether some item's output could match.
    func mayMatch(_ glob: Glob) -> Bool { glob.mayMatch(path(for: "\u{F8FF}"), anyAt: "\u{F8FF}") }
}

extension Glob {
    /// Whether it could match the path if `mark` in it were any text without a `/`.
    func mayMatch(_ path: String, anyAt mark: Unicode.Scalar) -> Bool {
        let names = path.pathNames.map { Array($0.unicodeScalars) }
        if components.contains(.folders) { return true }
        guard names.count == components.count else { return false }
        return zip(components, names).allSatisfy { component, name in
            guard case .name(let tokens) = component, tokens.count <= 300, name.count <= 300 else { return true }
            return Self.meet(tokens, name.map { $0 == mark ? .star : .literal($0) })
        }
    }

    /// Whether one name can match both.
    private static func meet(_ left: [Token], _ right: [Token]) -> Bool {
        // reached[j]: whether left up to here and right up to j can match one text.
        var reached = Array(repeating: false, count: right.count + 1)
        reached[0] = true
        for j in right.indices where right[j] == .star { reached[j + 1] = reached[j] }
        for token in left {
            var row = Array(repeating: false, count: right.count + 1)
            row[0] = token == .star && reached[0]
            for j in right.indices {
                if token == .star {
                    row[j + 1] = reached[j + 1] || row[j] || reached[j]
                } else if right[j] == .star {
                    row[j + 1] = row[j] || reached[j + 1] || reached[j]
                } else if reached[j] {
                    switch (token, right[j]) {
                    case (.literal(let a), .literal(let b)): row[j + 1] = a == b
                    case (.oneOf(let set), .literal(let b)): row[j + 1] = set.contains(b)
                    default: row[j + 1] = true
                    }
                }
            }
            reached = row
        }
        return reached[right.count]
    }
}
