import Files
import Glibc
import Metro
import Plan
import Terminal
import TestSupport
import Testing

@testable import Map

private let plain = Style(isTerminal: false, hasColour: false)

/// The map of a metro that is written here.
func graph(_ text: String, opening: MapGraph.Opening = .none) throws -> MapGraph {
    let metro = try MetroReader.read(text: text, file: "metro.yml")
    return MapGraph(try Planner.plan(metro, files: InputFiles()), opening: opening)
}

@Suite struct MapGraphTests {
    @Test func aStationThatTakesOfAnotherLineIsAnInterchange() throws {
        let graph = try graph(
            """
            metro: two
            inputs:
              words: { text: a b }
            lines:
              left:
                - { station: first, in: words, command: "cat {in}", out: a }
                - { station: second, command: "cat {in}", out: b }
              right:
                - { station: third, in: first, command: "cat {in}", out: c }
            """)
        #expect(graph.lines == ["left", "right"])
        #expect(graph.stops.map(\.id) == ["words", "first", "second", "third"])
        #expect(graph.stops.map(\.isInterchange) == [false, false, false, true])
        #expect(graph.stops.map(\.isKept) == [false, false, true, true])
        #expect(graph.connections.map { [$0.from, $0.to] } == [[0, 1], [1, 2], [1, 3]])
        #expect(graph.connections.map(\.line) == [nil, 0, nil])
    }

    @Test func howOftenAStationRunsIsToldWhereItIsNotOnce() throws {
        func station(_ name: String, forEach: [Taken] = [], turns: Turns? = nil) -> PlannedStation {
            PlannedStation(
                id: StationID(name), line: "one", environment: .main, takes: [], forEach: forEach, command: "true",
                outputs: ["a/"], turns: turns)
        }
        let files = ["a", "b"].map { PlannedFile(name: $0, path: "/.las/inputs/x/\($0)") }
        let plan = Plan(
            metro: "often", environments: [PlannedEnvironment(id: .main, needs: Needs())],
            inputs: [PlannedInput(name: "x", kind: .files, files: files)],
            stations: [
                station("single"), station("each-file", forEach: [Taken(.input("x"))]),
                station("made", forEach: [Taken(.station(StationID("single")))]),
                station("turning", turns: Turns(count: 10)),
                station("until-then", turns: Turns(count: 100, until: [.unchanged])),
            ], results: [])
        #expect(MapGraph(plan).stops.map(\.often) == ["", "", "×2", "×n", "↻10", "↻≤100"])
    }

    /// A metro with a metro in it, which has one too.
    private func nested(_ opening: MapGraph.Opening) throws -> MapGraph {
        try withScratch { folder in
            let metros = [
                "metro.yml": """
                metro: outer
                inputs: { reads: reads.txt }
                lines:
                  main:
                    - { metro: qc, in: { samples: reads } }
                    - { station: report, in: qc/sum, command: "cat {in}", out: r }
                """,
                "qc/metro.yml": """
                metro: qc
                inputs: { samples: none.txt, adapters: a.txt }
                lines:
                  cleaning:
                    - { metro: trim, as: cut, in: { all: samples } }
                    - { station: sum, in: [cut, adapters], command: "cat {in}", out: s }
                """,
                "qc/trim/metro.yml": """
                metro: trim
                inputs: { all: none.txt }
                lines:
                  one: [{ station: trim, in: all, command: "cat {in}", out: t }]
                """,
                "reads.txt": "r", "qc/a.txt": "a",
            ]
            for (path, text) in metros {
                try Folder.make(File.parent(of: "\(folder)/\(path)"))
                try File.write(text, to: "\(folder)/\(path)")
            }
            let metro = try MetroReader.read(path: folder + "/metro.yml")
            let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))
            #expect(MapGraph.metros(in: plan) == ["qc", "qc/cut"])
            return MapGraph(plan, opening: opening)
        }
    }

    @Test func aMetroInAnotherOneIsOneStopUntilItIsOpened() throws {
        let closed = try nested(.none)
        #expect(closed.stops.map(\.id) == ["reads", "qc", "report"])
        #expect(closed.stops.map(\.kind) == [.input, .metro, .station])
        #expect(closed.lines == ["main"])
        #expect(closed.connections.map { [$0.from, $0.to] } == [[0, 1], [1, 2]])

        let half = try nested(.these(["qc"]))
        #expect(half.stops.map(\.id) == ["reads", "qc/adapters", "report", "qc/cut", "qc/sum"])
        #expect(half.lines == ["main", "qc/cleaning"])

        let open = try nested(.all)
        #expect(open.stops.map(\.id) == ["reads", "qc/adapters", "report", "qc/sum", "qc/cut/trim"])
        #expect(open.connections.count == 4)
        #expect(try nested(.these(["qc/cut"])) == open)
    }
}

@Suite struct TemplateMapTests {
    static let folder = File.parent(of: File.parent(of: File.parent(of: #filePath))) + "/bundle-templates"
    static let names = ((try? Folder.names(in: folder)) ?? []).filter { File.exists("\(folder)/\($0)/metro.yml") }
    static let maps = File.parent(of: #filePath) + "/Maps"

    static func graph(_ name: String, opening: MapGraph.Opening = .none) throws -> MapGraph {
        let metro = try MetroReader.read(path: "\(folder)/\(name)/metro.yml")
        let files = try InputFiles.find(for: metro, in: "\(folder)/\(name)")
        return MapGraph(try Planner.plan(metro, files: files), opening: opening)
    }

    /// `Maps/NAME.txt` is what `las map` prints; `LAS_RENEW=1` writes it anew; read the difference.
    @Test(arguments: names) func itsMapIsAsItWas(_ name: String) throws {
        let layout = MapLayout(try Self.graph(name), width: 78)
        let drawn = TerminalMap(layout, style: plain).lines.joined(separator: "\n") + "\n"
        let golden = "\(Self.maps)/\(name).txt"
        if getenv("LAS_RENEW") != nil { try File.write(drawn, to: golden) }
        #expect(drawn == String(decoding: try File.read(golden), as: UTF8.self))
        layout.expectOrder()
    }

    @Test(arguments: names) func itsPictureIsXML(_ name: String) throws {
        try expectXML(SVGMap(MapLayout.picture(of: try Self.graph(name))).text)
    }
}

/// That a strict parser reads it.
func expectXML(_ text: String) throws {
    guard Program.find("python3") != nil else { return }
    let check =
        "import sys, xml.dom.minidom as d; print(d.parseString(sys.stdin.buffer.read()).documentElement.tagName)"
    let ended = try Program("python3").run("-c", check, input: text)
    #expect(ended.output == "svg\n", "\(ended.errors)")
}

/// A run on its metro's map.
@Suite struct RunOnMapTests {
    private let metro = """
        metro: two
        inputs:
          words: { text: a b }
        lines:
          left:
            - { station: first, in: words, command: "cat {in}", out: a }
            - { station: second, repeat: 12, command: "cat {in}", out: b }
            - { station: third, command: "cat {in}", out: c }
          right:
            - { station: other, in: words, command: "cat {in}", out: d }
            - { station: last, command: "cat {in}", out: e }
        """

    private let states: [String: StopState] = [
        "first": StopState(.done, done: 1, of: 1), "second": StopState(.running, done: 3, of: 12),
        "other": StopState(.failed, done: 0, of: 1), "last": StopState(.skipped),
    ]

    @Test func eachStationShowsHowFarItIs() throws {
        let graph = try graph(metro).showing(states)
        #expect(graph.stops.map { $0.state?.phase } == [nil, .done, .running, .waiting, .failed, .skipped])
        #expect(graph.stops.map(\.often) == ["", "", "3/12", "", "", ""])
        let text = TerminalMap(MapLayout(graph, width: 78), style: plain).lines.joined(separator: "\n")
        for sign in ["●", "◐", "○", "✗", "⊘", "3/12", "○ waiting   ◐ running   ● done   ✗ failed   ⊘ not run"] {
            #expect(text.contains(sign), "\(sign) in\n\(text)")
        }
        let ascii = TerminalMap(MapLayout(graph, width: 78), style: plain, isUnicode: false).lines
        #expect(ascii.joined().utf8.count == ascii.joined().count)
        #expect(ascii.last == "o waiting   ~ running   * done   X failed   - not run")
    }

    @Test func aPictureSaysItToo() throws {
        let svg = SVGMap(MapLayout.picture(of: try graph(metro).showing(states))).text
        #expect(svg.contains("data-stop=\"second\" data-state=\"running\""))
        #expect(svg.contains("data-stop=\"last\" data-state=\"skipped\""))
        #expect(svg.contains("station other, on the line right, failed"))
    }

    @Test func aClosedMetroIsAsFarAsWhatIsInIt() {
        func phase(_ phases: StopState.Phase...) -> StopState.Phase {
            StopState(phases.map { StopState($0, done: 1, of: 2) }).phase
        }
        #expect(phase(.done, .done) == .done && phase(.done, .waiting) == .running)
        #expect(phase(.waiting, .waiting) == .waiting && phase(.done, .running) == .running)
        #expect(phase(.done, .failed, .running) == .failed && phase(.done, .skipped) == .skipped)
        #expect(StopState([StopState(.done, done: 2, of: 2), StopState(.running, done: 1, of: 4)]).count == "3/6")
    }
}
