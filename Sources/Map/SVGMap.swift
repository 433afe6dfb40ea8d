/// A map as a picture of its own: SVG without anything from elsewhere, with words for those who can't see it.
package struct SVGMap {
    private let layout: MapLayout

    package init(_ layout: MapLayout) { self.layout = layout }

    /// Points of the picture a unit of the layout is wide and high.
    private static let (wide, high) = (8, 16)
    /// How much of a corner is cut off, by 45 degrees.
    private static let corner = 8
    private static let margin = 24
    private static let keyHeight = 22
    /// What a title and a description need, also above a small map.
    private static let least = 420

    /// Told apart by colour-blind people too (after Okabe and Ito, and Tol); what is written on them is black or white.
    private static let colours: [(track: String, text: String)] = [
        ("#0072b2", "#fff"), ("#d55e00", "#fff"), ("#009e73", "#fff"), ("#cc79a7", "#000"), ("#e69f00", "#000"),
        ("#56b4e9", "#000"), ("#882255", "#fff"), ("#999933", "#000"),
    ]

    private static func colour(_ line: Int) -> (track: String, text: String) { colours[line % colours.count] }

    // MARK: The whole

    package var text: String {
        let lines = keyLines
        let (title, about) = (titleLines, aboutLines)
        let words = Self.margin + title.count * Self.titleHeight
        let keys = words + about.count * Self.noteHeight + (about.isEmpty ? 10 : 14)
        let top = keys + lines.count * Self.keyHeight + 14
        let width = room + 2 * Self.margin
        let height = top + layout.height * Self.high + Self.margin + 30
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
            role="img" aria-labelledby="map-title map-words" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif" \
            font-size="13">
            <title id="map-title">Map of the metro \(Self.escaped(layout.graph.title))</title>
            <desc id="map-words">\(Self.escaped(self.words))</desc>
            <style>
            .case { fill: none; stroke: #fff; stroke-width: 10 }
            .thin-case { fill: none; stroke: #fff; stroke-width: 6 }
            .track { fill: none; stroke-width: 6; stroke-linecap: round; stroke-linejoin: round }
            .stripe { fill: none; stroke: #fff; stroke-width: 2; stroke-linejoin: round }
            .dashed { stroke-dasharray: 6 6 }
            .connection { fill: none; stroke: #5f6670; stroke-width: 2; stroke-linejoin: round }
            .name { text-anchor: middle; fill: #16181c }
            .kept { font-weight: bold }
            .of-input { fill: #5f6670; font-style: italic }
            .title { fill: #16181c; font-size: 20px; font-weight: bold }
            .note { fill: #5f6670; font-size: 12px }
            .tag { text-anchor: middle; font-size: 12px; font-weight: bold }

            """
        for number in Self.colours.indices {
            svg += ".line\(number) { stroke: \(Self.colours[number].track) }\n"
        }
        svg += """
            </style>
            <rect width="\(width)" height="\(height)" fill="#fff"/>

            """
        for (number, line) in title.enumerated() {
            svg +=
                "<text class=\"title\" x=\"\(Self.margin)\" y=\"\(Self.margin + number * Self.titleHeight + 14)\">"
                + "\(Self.escaped(line))</text>\n"
        }
        for (number, line) in about.enumerated() {
            svg +=
                "<text class=\"note\" x=\"\(Self.margin)\" y=\"\(words + number * Self.noteHeight + 14)\">"
                + "\(Self.escaped(line))</text>\n"
        }
        for (number, line) in lines.enumerated() {
            svg += key(line, y: keys + number * Self.keyHeight + Self.keyHeight / 2)
        }
        svg += "<g transform=\"translate(\(Self.margin) \(top))\">\n"
        svg += tracks
        for passage in layout.passages { svg += self.passage(passage) }
        for mark in layout.marks { svg += self.mark(mark) }
        for label in layout.labels { svg += self.label(label) }
        svg += "</g>\n"
        svg += legend(y: top + layout.height * Self.high + Self.margin)
        return svg + "</svg>\n"
    }

    private var room: Int {
        let keys = layout.graph.lines.map(Self.keyWidth).max() ?? 0
        return max(layout.width * Self.wide, legendWidth, keys, Self.least)
    }

    private static let (titleHeight, noteHeight) = (24, 16)

    private var titleLines: [String] {
        // Bold letters are wider.
        Lettering.lines(layout.graph.title, width: room, atMost: 4) { Lettering.points($0, size: 22) }
    }

    private var aboutLines: [String] {
        let words = (layout.graph.about ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return Lettering.lines(words, width: room, atMost: 4) { Lettering.points($0, size: 12) }
    }

    private func x(_ x: Int) -> Int { x * Self.wide + Self.wide / 2 }
    private func y(_ y: Int) -> Int { y * Self.high + Self.high / 2 }

    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\n", "\t": escaped += " "
            // XML has no way to say these.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    // MARK: Tracks

    /// The pieces of a net's tracks: what is level, what is upright, and the corners between them.
    private struct Paths {
        var level = ""
        var upright = ""
        var corners = ""

        var all: String { level + corners + upright }
    }

    private var paths: [Paths] {
        var paths = Array(repeating: Paths(), count: layout.nets.count)
        for run in layout.runs {
            let from = x(run.from) + (run.isBentAtStart ? Self.corner : 0)
            let to = x(run.to) - (run.isBentAtEnd ? Self.corner : 0)
            if to > from { paths[run.net].level += "M\(from) \(y(run.y))H\(to)" }
        }
        for climb in layout.climbs {
            let (at, from, to) = (x(climb.x), y(climb.from), y(climb.to))
            let corner = from < to ? Self.corner : -Self.corner
            paths[climb.net].corners += "M\(at - Self.corner) \(from)L\(at) \(from + corner)"
            paths[climb.net].corners += "M\(at) \(to - corner)L\(at + Self.corner) \(to)"
            if to - corner != from + corner { paths[climb.net].upright += "M\(at) \(from + corner)V\(to - corner)" }
        }
        return paths
    }

    /// Lines lie above connections, and what is upright above what is level. A white edge parts what only crosses, and not
    /// what is joined.
    private var tracks: String {
        let nets = zip(layout.nets, paths).filter { !$1.all.isEmpty }
        let (lines, connections) = (nets.filter { $0.0.line != nil }, nets.filter { $0.0.line == nil })
        func path(_ kind: String, _ path: String) -> String {
            path.isEmpty ? "" : "<path class=\"\(kind)\" d=\"\(path)\"/>\n"
        }
        var svg = ""
        for (_, paths) in connections { svg += path("connection", paths.level + paths.corners) }
        for (_, paths) in connections { svg += path("thin-case", paths.upright) + path("connection", paths.upright) }
        for (_, paths) in lines { svg += path("case", paths.all) }
        for (_, paths) in connections { svg += path("connection", paths.corners) }
        for (net, paths) in lines { svg += Self.track(net.line ?? 0, paths.level + paths.corners) }
        for (net, paths) in lines where !paths.upright.isEmpty {
            svg += path("case", paths.upright) + Self.track(net.line ?? 0, paths.upright)
        }
        return svg
    }

    /// After so many lines the colours begin again, with a stripe.
    private static func track(_ line: Int, _ path: String) -> String {
        if path.isEmpty { return "" }
        let round = line / colours.count
        let stripe = round == 0 ? "" : "<path class=\"stripe\(round % 2 == 0 ? " dashed" : "")\" d=\"\(path)\"/>"
        return "<path class=\"track line\(line % colours.count)\" d=\"\(path)\"/>\(stripe)\n"
    }

    private func passage(_ passage: MapLayout.Passage) -> String {
        let (x, y) = (x(passage.x), y(passage.y))
        let fill = passage.line.map { Self.colour($0).track } ?? "#5f6670"
        guard let text = passage.text else {
            return "<path d=\"M\(x - 2) \(y - 7)l9 7l-9 7z\" fill=\"\(fill)\"/>\n"
        }
        return "<text class=\"note\" x=\"\(x - 8)\" y=\"\(y + 4)\" text-anchor=\"end\">\(Self.escaped(text))</text>\n"
    }

    // MARK: Stops

    private func mark(_ mark: MapLayout.Mark) -> String {
        let stop = layout.graph.stops[mark.stop]
        let state = stop.state.map { " data-state=\"\($0.phase.rawValue)\"" } ?? ""
        return "<g transform=\"translate(\(x(mark.x)) \(y(mark.y)))\" data-stop=\"\(Self.escaped(stop.id))\"\(state)>"
            + "<title>\(Self.escaped(words(of: stop)))</title>\(Self.sign(of: stop))</g>\n"
    }

    private static func sign(of phase: StopState.Phase) -> String {
        func ring(_ fill: String, _ stroke: String, _ inside: String = "") -> String {
            "<circle r=\"7\" fill=\"\(fill)\" stroke=\"\(stroke)\" stroke-width=\"2.5\"/>\(inside)"
        }
        func stroke(_ path: String) -> String {
            "<path d=\"\(path)\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.2\" stroke-linecap=\"round\"/>"
        }
        return switch phase {
        case .waiting: ring("#fff", "#8a9099")
        case .running: ring("#fff", "#b06f00", "<path d=\"M0 -5A5 5 0 0 1 0 5Z\" fill=\"#b06f00\"/>")
        case .done: ring("#1a7f37", "#1a7f37", stroke("M-3 0L-1 3L3.5 -2.5"))
        case .failed: ring("#b00020", "#b00020", stroke("M-2.5 -2.5L2.5 2.5M2.5 -2.5L-2.5 2.5"))
        case .skipped: ring("#8a9099", "#8a9099", stroke("M-3 0H3"))
        }
    }

    private static func sign(of stop: MapGraph.Stop) -> String {
        if let state = stop.state { return sign(of: state.phase) }
        let colour = stop.line.map { Self.colour($0).track } ?? "#5f6670"
        switch (stop.kind, stop.isInterchange) {
        case (.input, _): return "<path d=\"M-7 -7L7 0L-7 7Z\" fill=\"#5f6670\" stroke=\"#fff\" stroke-width=\"1\"/>"
        case (.metro, _):
            return "<circle r=\"9\" fill=\"#fff\" stroke=\"#16181c\" stroke-width=\"2.5\"/>"
                + "<circle r=\"4.5\" fill=\"#fff\" stroke=\"\(colour)\" stroke-width=\"3\"/>"
        case (.station, true): return "<circle r=\"7\" fill=\"#fff\" stroke=\"#16181c\" stroke-width=\"3\"/>"
        case (.station, false): return "<circle r=\"5.5\" fill=\"#fff\" stroke=\"\(colour)\" stroke-width=\"3.5\"/>"
        }
    }

    private func label(_ label: MapLayout.Label) -> String {
        var svg = ""
        let stop = layout.graph.stops[label.stop]
        // The mark stands in the middle of its column.
        let middle = x(label.x + label.label.width / 2)
        let texts = label.label.texts
        // The lines of a tag lie on one plate.
        if case .line(let line)? = texts.first?.role {
            let tag = texts.prefix { $0.role == .line(line) }
            svg += Self.plate(
                line, middle: middle, y: label.y * Self.high, width: (tag.map(\.width).max() ?? 0) * Self.wide,
                height: tag.count * Self.high - 1)
        }
        for (number, text) in texts.enumerated() {
            let y = (label.y + number) * Self.high + 12
            let kind: String
            switch text.role {
            case .name: kind = "name" + (stop.kind == .input ? " of-input" : stop.isKept ? " kept" : "")
            case .line(let line): kind = "tag\" fill=\"\(Self.colour(line).text)"
            }
            svg += "<text class=\"\(kind)\" x=\"\(middle)\" y=\"\(y)\">\(Self.escaped(text.text))</text>\n"
        }
        return svg
    }

    private static func plate(_ line: Int, middle: Int, y: Int, width: Int, height: Int) -> String {
        "<rect x=\"\(middle - width / 2)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"3\" "
            + "fill=\"\(colour(line).track)\"/>"
    }

    // MARK: What it means

    /// The lines with their colours, as many side by side as fit.
    private var keyLines: [[(line: Int, x: Int)]] {
        let room = room
        var rows: [[(line: Int, x: Int)]] = [[]]
        var x = 0
        for (number, name) in layout.graph.lines.enumerated() {
            let width = Self.keyWidth(name)
            if x > 0, x + width > room {
                rows.append([])
                x = 0
            }
            rows[rows.count - 1].append((number, x))
            x += width
        }
        return rows
    }

    private static func keyWidth(_ name: String) -> Int { 52 + Lettering.points(name) }

    private func key(_ entries: [(line: Int, x: Int)], y: Int) -> String {
        entries.map { line, x in
            let from = Self.margin + x
            return Self.track(line, "M\(from) \(y)H\(from + 24)")
                + "<text x=\"\(from + 34)\" y=\"\(y + 4)\" fill=\"#16181c\">\(Self.escaped(layout.graph.lines[line]))</text>\n"
        }.joined()
    }

    private var legendEntries: [(sign: String, means: String)] {
        let stops = layout.graph.stops
        var entries: [(String, String)] = []
        func add(_ stop: MapGraph.Stop?, _ means: String) {
            guard var stop else { return }
            stop.line = nil
            entries.append((Self.sign(of: stop), means))
        }
        add(stops.first { $0.kind == .input }, "input")
        let phases = Set(stops.compactMap { $0.state?.phase })
        if !phases.isEmpty {
            return entries
                + StopState.Phase.allCases.filter(phases.contains).map { (Self.sign(of: $0), $0.words) }
        }
        add(stops.first { $0.kind == .station && $0.isInterchange }, "takes things of other lines")
        add(stops.first { $0.kind == .metro }, "a metro in this one")
        if stops.contains(where: { $0.often.contains("×") }) { entries.append(("", "× runs for each")) }
        if stops.contains(where: { $0.often.contains("↻") }) { entries.append(("", "↻ runs in turns")) }
        if stops.contains(where: \.isKept) { entries.append(("", "⚑ among the results")) }
        return entries
    }

    private func legend(y: Int) -> String {
        var x = Self.margin
        var svg = ""
        for (sign, means) in legendEntries {
            if !sign.isEmpty {
                svg += "<g transform=\"translate(\(x + 8) \(y + 10))\">\(sign)</g>"
                x += 24
            }
            svg += "<text class=\"note\" x=\"\(x)\" y=\"\(y + 14)\">\(Self.escaped(means))</text>\n"
            x += Lettering.points(means, size: 12) + 18
        }
        return svg
    }

    private var legendWidth: Int {
        legendEntries.reduce(0) { $0 + ($1.sign.isEmpty ? 0 : 24) + Lettering.points($1.means, size: 12) + 18 }
    }

    /// The map for those who hear it.
    private var words: String {
        var words: [String] = []
        let graph = layout.graph
        let inputs = graph.stops.filter { $0.kind == .input }.map(\.id)
        if !inputs.isEmpty { words.append("It starts from \(inputs.joined(separator: ", ")).") }
        var stops: [[String]] = Array(repeating: [], count: graph.lines.count)
        for stop in graph.stops { if let line = stop.line { stops[line].append(stop.id) } }
        for (line, names) in zip(graph.lines, stops) {
            words.append("The line \(line) has \(names.joined(separator: ", ")).")
        }
        let kept = graph.stops.filter(\.isKept).map(\.id)
        if !kept.isEmpty { words.append("Its results are what \(kept.joined(separator: ", ")) make.") }
        return words.joined(separator: " ")
    }

    private func words(of stop: MapGraph.Stop) -> String {
        let line = stop.line.map { ", on the line \(layout.graph.lines[$0])" } ?? ""
        let often = stop.often.isEmpty ? "" : ", \(stop.often)"
        let state = stop.state.map { ", \($0.phase.words)" } ?? ""
        return "\(stop.kind.rawValue) \(stop.id)\(line)\(often)\(state)\(stop.isKept ? ", among the results" : "")"
    }
}
