internal import Failures
package import Terminal

/// A map as lines of text: signs of box drawing in the lines' colours, or plain ASCII.
package struct TerminalMap {
    private struct Cell {
        /// What passes here: of each net its arms.
        var tracks: [(net: Int, arms: BoxDrawing.Arms)] = []
        /// Something that stands here.
        var sign: Character?
        var colour: Style.Colour?
        var isBold = false
        /// The second column of a wide letter.
        var isCovered = false
    }

    private let layout: MapLayout
    private let style: Style
    private let isUnicode: Bool
    private let columns: Int
    private var cells: [[Cell]]

    /// - Parameters:
    ///   - columns: how wide the words above and below the map may be; the map itself is as wide as its layout.
    ///   - isUnicode: whether the terminal shows more than ASCII.
    package init(_ layout: MapLayout, columns: Int = 80, style: Style, isUnicode: Bool = true) {
        (self.layout, self.columns, self.style, self.isUnicode) = (layout, columns, style, isUnicode)
        cells = Array(repeating: Array(repeating: Cell(), count: layout.width + 2), count: layout.height)
        for run in layout.runs { draw(run) }
        for climb in layout.climbs { draw(climb) }
        for passage in layout.passages { draw(passage) }
        for mark in layout.marks { draw(mark) }
        for label in layout.labels { draw(label) }
    }

    package var lines: [String] { title + cells.map(text) + [""] + legend }

    // MARK: Drawing

    private func weight(_ net: Int) -> BoxDrawing.Weight { layout.nets[net].line == nil ? .thin : .thick }

    private mutating func draw(_ arms: BoxDrawing.Arms, of net: Int, x: Int, y: Int) {
        guard cells.indices.contains(y), cells[y].indices.contains(x) else { return }
        if let known = cells[y][x].tracks.firstIndex(where: { $0.net == net }) {
            cells[y][x].tracks[known].arms.join(arms)
        } else {
            cells[y][x].tracks.append((net, arms))
        }
    }

    private mutating func draw(_ run: MapLayout.Run) {
        let weight = weight(run.net)
        for x in run.from..<max(run.from, run.to) {
            draw(.init(right: weight), of: run.net, x: x, y: run.y)
            draw(.init(left: weight), of: run.net, x: x + 1, y: run.y)
        }
    }

    private mutating func draw(_ climb: MapLayout.Climb) {
        let weight = weight(climb.net)
        for y in min(climb.from, climb.to)..<max(climb.from, climb.to) {
            draw(.init(down: weight), of: climb.net, x: climb.x, y: y)
            draw(.init(up: weight), of: climb.net, x: climb.x, y: y + 1)
        }
    }

    private mutating func draw(_ passage: MapLayout.Passage) {
        let colour = passage.line.map(Self.colour)
        guard let text = passage.text else {
            put(isUnicode ? "▷" : ">", x: passage.x, y: passage.y, colour: colour)
            return
        }
        write(text, x: passage.x - 1 - Shown.width(of: text), y: passage.y, colour: .grey)
    }

    private mutating func draw(_ mark: MapLayout.Mark) {
        let stop = layout.graph.stops[mark.stop]
        let colour = stop.state.map { Self.colour(of: $0.phase) } ?? stop.line.map(Self.colour)
        put(sign(of: stop), x: mark.x, y: mark.y, colour: colour, isBold: stop.state?.phase != .waiting)
    }

    private func sign(of stop: MapGraph.Stop) -> Character {
        if let state = stop.state { return sign(of: state.phase) }
        return switch (stop.kind, stop.isInterchange) {
        case (.input, _): isUnicode ? "▸" : ">"
        case (.metro, _): isUnicode ? "◎" : "@"
        case (.station, true): isUnicode ? "○" : "O"
        case (.station, false): isUnicode ? "●" : "o"
        }
    }

    private func sign(of phase: StopState.Phase) -> Character {
        switch phase {
        case .waiting: isUnicode ? "○" : "o"
        case .running: isUnicode ? "◐" : "~"
        case .done: isUnicode ? "●" : "*"
        case .failed: isUnicode ? "✗" : "X"
        case .skipped: isUnicode ? "⊘" : "-"
        }
    }

    private static func colour(of phase: StopState.Phase) -> Style.Colour {
        switch phase {
        case .waiting, .skipped: .grey
        case .running: .yellow
        case .done: .green
        case .failed: .red
        }
    }

    private mutating func draw(_ label: MapLayout.Label) {
        let stop = layout.graph.stops[label.stop]
        let texts = label.label.texts
        for (number, line) in texts.enumerated() {
            let text: String
            let colour: Style.Colour?
            switch line.role {
            case .name: (text, colour) = (line.text, stop.kind == .input ? .grey : nil)
            case .line(let tag):
                // One pair of brackets around all of its lines.
                let isFirst = number == 0
                let isLast = number + 1 == texts.count || texts[number + 1].role != line.role
                text = (isFirst ? "[" : " ") + line.text + (isLast ? "]" : " ")
                colour = Self.colour(tag)
            }
            // Its middle stands above the mark.
            let x = label.x + label.label.width / 2 - Shown.width(of: text) / 2
            write(
                text.last == " " ? String(text.dropLast()) : text, x: x, y: label.y + number, colour: colour,
                isBold: line.role != .name || stop.isKept)
        }
    }

    private mutating func put(_ sign: Character, x: Int, y: Int, colour: Style.Colour?, isBold: Bool = false) {
        guard cells.indices.contains(y), cells[y].indices.contains(x) else { return }
        (cells[y][x].sign, cells[y][x].colour, cells[y][x].isBold) = (sign, colour, isBold)
    }

    private mutating func write(_ text: String, x: Int, y: Int, colour: Style.Colour?, isBold: Bool = false) {
        var x = x
        for character in text {
            let width = Shown.width(of: String(character))
            put(isUnicode ? character : Self.ascii(character), x: x, y: y, colour: colour, isBold: isBold)
            if isUnicode, width > 1, cells.indices.contains(y), cells[y].indices.contains(x + 1) {
                cells[y][x + 1].isCovered = true
            }
            x += max(1, width)
        }
    }

    private func fit(_ text: String) -> String { isUnicode ? text : String(text.map(Self.ascii)) }

    private static func ascii(_ character: Character) -> Character {
        switch character {
        case "×": "x"
        case "↻": "@"
        case "≤": "<"
        case "⚑": "*"
        case "…": "."
        default: character.isASCII ? character : "?"
        }
    }

    // MARK: Text

    private static let colours: [Style.Colour] = [
        .blue, .yellow, .magenta, .cyan, .red, .green, .brightBlue, .brightYellow, .brightMagenta, .brightCyan,
        .brightRed, .brightGreen,
    ]

    private static func colour(_ line: Int) -> Style.Colour { colours[line % colours.count] }

    private func text(_ row: [Cell]) -> String {
        var text = ""
        // Signs of one colour go together.
        var pending = (text: "", colour: Style.Colour?.none, isBold: false)
        func flush() {
            if pending.text.isEmpty { return }
            text +=
                pending.colour.map { style.paint(pending.text, $0, bold: pending.isBold) }
                ?? (pending.isBold ? style.bold(pending.text) : pending.text)
            pending.text = ""
        }
        let end = row.lastIndex { $0.sign != nil || !$0.tracks.isEmpty || $0.isCovered } ?? -1
        for cell in row[...end] where !cell.isCovered {
            let (sign, colour, isBold) = shown(cell)
            if sign != " ", colour != pending.colour || isBold != pending.isBold {
                flush()
                (pending.colour, pending.isBold) = (colour, isBold)
            }
            pending.text.append(sign)
        }
        flush()
        return text
    }

    private func shown(_ cell: Cell) -> (Character, Style.Colour?, Bool) {
        if let sign = cell.sign { return (sign, cell.colour, cell.isBold) }
        guard var first = cell.tracks.first else { return (" ", nil, false) }
        if let upright = cell.tracks.first(where: { $0.arms.isUpright }),
            let level = cell.tracks.first(where: { $0.arms.isLevel })
        {
            // Two that cross: one passes below the other.
            first = layout.nets[level.net].line != nil && layout.nets[upright.net].line == nil ? level : upright
        } else {
            for track in cell.tracks.dropFirst() {
                first.arms.join(track.arms)
                if layout.nets[first.net].line == nil { first.net = track.net }
            }
        }
        let sign = isUnicode ? BoxDrawing.sign(first.arms) : BoxDrawing.ascii(first.arms)
        return (sign, layout.nets[first.net].line.map(Self.colour) ?? .grey, false)
    }

    private var title: [String] {
        let title = fit(Shown.text(layout.graph.title, atMost: 100))
        let about = layout.graph.about.map { about in
            ": " + fit(Shown.text(about.split(whereSeparator: \.isWhitespace).joined(separator: " "), atMost: 400))
        }
        var lines = Lettering.lines(title + (about ?? ""), width: columns, atMost: 8) { Shown.width(of: $0) }
        if let first = lines.first {
            let name = first.hasPrefix(title) ? title : first
            lines[0] = style.bold(name) + first.dropFirst(name.count)
        }
        return lines + [""]
    }

    /// What the signs mean that stand on this map.
    private var legend: [String] {
        let stops = layout.graph.stops
        func said(_ sign: Character, _ means: String, _ isThere: Bool) -> String? {
            isThere ? "\(isUnicode ? sign : Self.ascii(sign)) \(means)" : nil
        }
        func said(_ kind: MapGraph.Stop.Kind, _ isInterchange: Bool, _ means: String) -> String? {
            stops.first { $0.kind == kind && (kind != .station || $0.isInterchange == isInterchange) }
                .map { "\(sign(of: $0)) \(means)" }
        }
        if stops.contains(where: { $0.state != nil }) { return legendOfRun }
        let entries = [
            said(.input, false, "input"), said(.station, false, "station"),
            said(.station, true, "station that takes things of other lines"),
            said(.metro, false, "metro in this one (--open shows its inside)"),
            said("×", "runs for each", stops.contains { $0.often.contains("×") }),
            said("↻", "runs in turns", stops.contains { $0.often.contains("↻") }),
            said("⚑", "among the results", stops.contains { $0.isKept }),
        ].compactMap { $0 }
        return inLines(entries)
    }

    private var legendOfRun: [String] {
        let states = layout.graph.stops.compactMap(\.state)
        return inLines(
            StopState.Phase.allCases.compactMap { phase in
                let count = states.count { $0.phase == phase }
                return count == 0 ? nil : "\(sign(of: phase)) \(phase.words)"
            })
    }

    private func inLines(_ entries: [String]) -> [String] {
        var lines: [String] = []
        for entry in entries {
            if let last = lines.last, Shown.width(of: last) + 3 + Shown.width(of: entry) <= columns {
                lines[lines.count - 1] = last + "   " + entry
            } else {
                lines.append(entry)
            }
        }
        return lines.map { style.paint($0, .grey) }
    }
}
