import Failures
import Files
import Metro
import Plan
import Terminal
import TestSupport
import Testing

@testable import Map

/// Maps as people see them: the picture, and the lines of a terminal of 80 columns.
@Suite struct PictureTests {
    private func expectOrder(_ graph: MapGraph, _ comment: String) {
        let picture = SVGMap(MapLayout.picture(of: graph)).text
        Picture(picture).expectOrder(comment)
        for style in [Style(isTerminal: false, hasColour: false), Style(isTerminal: true, hasColour: true)] {
            let lines = TerminalMap(MapLayout(graph, width: 78), columns: 80, style: style).lines.map(Self.bare)
            for line in lines where Shown.width(of: line) > 80 {
                Issue.record("\(comment): \(Shown.width(of: line)) columns: \(line)")
            }
        }
    }

    /// Without colours.
    private static func bare(_ line: String) -> String { line.replacing(#/\u{1B}\[[0-9;]*m/#, with: "") }

    @Test func whatOverlapsIsSeen() {
        let two = """
            <svg width="200" height="40"><text class="name" x="40" y="20">preparation</text>\
            <g transform="translate(40 4)"><text class="name" x="40" y="16">report</text></g></svg>
            """
        withKnownIssue { Picture(two).expectOrder("two texts") }
        Picture(two.replacing("translate(40", with: "translate(100")).expectOrder("further apart")
        withKnownIssue { Picture(two.replacing("translate(40", with: "translate(160")).expectOrder("outside") }
    }

    @Test(arguments: TemplateMapTests.names) func ofATemplateNoTwoLabelsOverlap(_ name: String) throws {
        expectOrder(try TemplateMapTests.graph(name), name)
        let picture = Picture(SVGMap(MapLayout.picture(of: try TemplateMapTests.graph(name))).text)
        #expect(!picture.texts.isEmpty && !picture.marks.isEmpty && !picture.plates.isEmpty, "something was read")
    }

    @Test func openedMetrosStandInOrderToo() throws {
        let graph = try TemplateMapTests.graph("nested-quality-check", opening: .all)
        #expect(graph.lines.count == 10 && graph.stops.contains { $0.id == "reads/qc/check" })
        expectOrder(graph, "all open")
        expectOrder(try TemplateMapTests.graph("nested-quality-check", opening: .these(["reads/qc"])), "one open")
    }

    @Test(arguments: [1, 5, 30, 200]) func ofAGeneratedMetroNoTwoLabelsOverlap(_ stations: Int) {
        for seed in 1...(stations > 100 ? 2 : 12) {
            expectOrder(RandomMetro.graph(stations: stations, seed: UInt64(seed)), "\(stations) stations, \(seed)")
        }
    }

    @Test func longNamesAndDescriptionsGoOnInFurtherLines() {
        let long = String(repeating: "everything-that-was-measured_", count: 3)
        func stop(_ name: String, _ line: Int) -> MapGraph.Stop { MapGraph.Stop(id: name, kind: .station, line: line) }
        var stops = [
            MapGraph.Stop(id: "input-" + long, kind: .input), stop(long, 0), stop(String(repeating: "M", count: 90), 0),
            stop(String(repeating: "i", count: 90), 1), stop("s", 1), stop("W_m_w_M_W_m_w", 2), stop("eeeeeeeeeeee", 2),
        ]
        for number in stops.indices {
            (stops[number].isKept, stops[number].often) = (true, number % 2 == 0 ? "×12345 ↻≤1000" : "")
        }
        let graph = MapGraph(
            title: "title-" + long, about: String(repeating: "many words about it ", count: 30),
            lines: ["line-" + long, String(repeating: "W", count: 99), "mmm-mmm"], stops: stops,
            connections: [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (1, 6), (0, 6)])
        expectOrder(graph, "long names")
        let lines = TerminalMap(MapLayout(graph, width: 78), style: Style(isTerminal: false, hasColour: false)).lines
        #expect(lines[0].hasPrefix("title-everything") && lines[4].hasPrefix("words about it"), "\(lines)")
    }

    @Test func lettersOfEastAsiaTakeTwoColumns() {
        let names = ["配列データ", "正規化と品質管理", "とても長い名前の駅がここにあります", "합계-그리고-통계", "größe_é"]
        let stops = names.enumerated().map { number, name in
            MapGraph.Stop(id: name, kind: number == 0 ? .input : .station, line: number == 0 ? nil : number / 3)
        }
        let graph = MapGraph(
            title: "地下鉄の路線図", about: String(repeating: "日本語の名前を持つ駅がいくつもある。", count: 9),
            lines: ["準備の路線", "집계"], stops: stops, connections: [(0, 1), (1, 2), (1, 3), (3, 4)])
        expectOrder(graph, "East Asia")
        let lines = TerminalMap(MapLayout(graph, width: 78), style: Style(isTerminal: false, hasColour: false)).lines
        #expect(lines[1].hasSuffix("いくつもある。") || Shown.width(of: lines[1]) > 74, "\(lines)")
    }

    @Test func twelveLinesAreToldApart() {
        let stops = (0..<36).map { MapGraph.Stop(id: "s\($0 / 3)_\($0 % 3)", kind: .station, line: $0 / 3) }
        let pairs = (0..<36).flatMap { stop -> [(Int, Int)] in
            stop % 3 == 0 ? (stop == 0 ? [] : [(stop - 2, stop)]) : [(stop - 1, stop)]
        }
        let graph = MapGraph(
            title: "twelve", lines: (0..<12).map { "line\($0)" }, stops: stops, connections: pairs)
        expectOrder(graph, "twelve lines")
        let picture = SVGMap(MapLayout.picture(of: graph)).text
        // Eight colours; from the ninth on a line has a stripe.
        #expect(picture.contains("class=\"track line7\"") && picture.contains("class=\"stripe\""))
    }

    @Test func aLabelOfSeveralLinesHasOnePlate() {
        let graph = MapGraph(
            title: "x", lines: ["preparation-of-everything"],
            stops: [MapGraph.Stop(id: "a", kind: .station, line: 0)], connections: [])
        let picture = Picture(SVGMap(MapLayout.picture(of: graph)).text)
        #expect(picture.plates.count == 1 && picture.texts.contains { $0.what == "of-everything" })
        let lines = TerminalMap(MapLayout(graph, width: 78), style: Style(isTerminal: false, hasColour: false)).lines
        #expect(lines[2].contains("[preparation-"), "\(lines)")
        #expect(lines.filter { $0.contains("[") }.count == 1 && lines.filter { $0.contains("]") }.count == 1)
    }
}
