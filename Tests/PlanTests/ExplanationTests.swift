import Files
import Glibc
import Metro
import TestSupport
import Testing

@testable import Plan

/// What `las explain` says. `Explained/METRO.txt` holds it for the eight scenarios of docs/metro-file.md; `Explained/renew` writes
/// them anew: read the difference.
@Suite struct ExplanationTests {
    static let scenarios = [
        "once", "several-times", "for-every-input", "several-inputs", "several-times-several-inputs", "in-sequence",
        "several-inputs-in-sequence", "until",
    ]

    private func plan(_ text: String, files: [String: String] = [:]) throws -> Plan {
        try withScratch("explained") { folder in
            for (name, text) in files {
                try Folder.make(File.parent(of: "\(folder)/\(name)"))
                try File.write(text, to: "\(folder)/\(name)")
            }
            try File.write(text, to: "\(folder)/metro.yml")
            let metro = try MetroReader.read(path: "\(folder)/metro.yml")
            return try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))
        }
    }

    private func explained(_ station: String, _ text: String, files: [String: String] = [:]) throws -> String {
        try #require(Explanation(of: StationID(station), in: try plan(text, files: files))).text
    }

    @Test(arguments: scenarios) func eachOfTheEightScenariosIsTold(_ name: String) throws {
        let text = try #require(try GoodMetros.all().first { $0.text.hasPrefix("metro: \(name)\n") }).text
        let plan = try plan(
            text, files: ["texts/a.txt": "one two", "texts/b.txt": "one two three", "texts/c.txt": ""])
        let told = plan.stations.compactMap { Explanation(of: $0.id, in: plan)?.text }.joined(separator: "\n\n—\n\n")
        let golden = File.parent(of: #filePath) + "/Explained/\(name).txt"
        if getenv("LAS_RENEW") != nil { try File.write(told + "\n", to: golden) }
        #expect(told + "\n" == String(decoding: try File.read(golden), as: UTF8.self))
    }

    /// What is told is what is run: the command of the first task that the graph hands out.
    @Test func theCommandIsThatOfTheFirstTask() throws {
        let plan = try plan(
            """
            metro: m
            inputs: { reads: "*.fq" }
            lines:
              main:
                - { station: trim, for_each: reads, command: "trim '{each}' > {out}", out: "{name}.fq" }
                - { station: all, in: trim, command: "cat {in} | sort", out: all.txt }
            """, files: ["it's.fq": "", "two words.fq": ""])
        var graph = try TaskGraph(plan)
        for station in ["trim", "all"] {
            let tasks = graph.takeReady()
            let told = try #require(Explanation(of: StationID(station), in: plan)).text
            guard case .shell(let command) = try #require(tasks.first).command else { return }
            #expect(told.contains("\n    \(command)\n"), "\(told)")
            for task in tasks {
                try graph.finished(task.id, made: task.outputs.map { MadeFile(path: $0.path, isFolder: false) })
            }
        }
    }

    @Test func allThatAStationMaySayIsTold() throws {
        let told = try explained(
            "work",
            """
            metro: m
            needs: { debian: jq }
            inputs: { list: { text: abc } }
            lines:
              main:
                - station: work
                  in: list
                  command: work --seed {seed} {in} > {out}
                  out: a.txt
                  uses: { cpus: 2, memory: 2 GB, gpus: 1, time: 2 hours }
                  retry: 2
                  network: yes
                  seed: 42
                  env: { LC_ALL: C, B: "x y" }
                  needs: { debian: [bc, dc] }
                - { station: next, in: work/*.txt, command: "cat {in}", out: b.txt }
                - { station: third, for_each: work, command: "cat {each}", out: "{name}.txt" }
            results: [work/a.*, next]
            """)
        for sentence in [
            "It uses 2 cpus, 2 GB of memory and 1 gpu, and is ended after 2 hours.",
            "A task that fails is tried again, up to 2 times, because of “retry: 2”.",
            "Its command may use the network, because of “network: yes”.",
            "Its command sees the variables B=x y and LC_ALL=C.",
            "{seed} is a number that stays the same for the same task, ",
            "It runs in the environment “work”, with bc and dc, and all that they depend on.",
            "What it makes is taken by “next” (what “*.txt” selects) and “third” (once for each file).",
            "Of it what “a.*” selects is copied to the results: results/work/.",
        ] { #expect(told.contains(sentence), "\(told)") }
    }

    @Test func whatOnlyTheRunShowsIsCalledNAME() throws {
        let text = """
            metro: m
            inputs:
              all: { files: https://example.org/all.tar.gz, unpack: yes }
              image: { image: "/usr/share/doc/*/[ab]*.txt" }
              one: https://example.org/one.fa
            lines:
              main:
                - { station: first, for_each: all, in: [image, one], command: "a {each} {image} {one} > {out}", out: "{name}.x" }
                - { station: split, in: first, command: "split {in} {out}", out: parts/ }
                - { station: rows, for_each: split/*.csv, command: "wc {each} > {out}", out: "{name}.count" }
                - { station: plain, in: one, command: "cat {in}", out: plain.txt }
            """
        let first = try explained("first", text)
        #expect(first.contains("how many there are is known when the metro is packed."))
        #expect(first.contains("What is not known before the run is called NAME here:"))
        #expect(
            first.contains(
                "    a /.las/inputs/all/NAME /usr/share/doc/NAME/aNAME.txt /.las/inputs/one/one.fa > NAME.x\n"),
            "\(first)")
        let rows = try explained("rows", text)
        #expect(rows.contains("how many there are is known when “split” has run."), "\(rows)")
        #expect(rows.contains("    wc /.las/made/split/parts/NAME.csv > NAME.count\n"), "\(rows)")
        let plain = try explained("plain", text)
        #expect(plain.contains("    cat /.las/inputs/one/one.fa") && !plain.contains("NAME"), "\(plain)")
    }

    @Test func ofAStationWithUntilTheFirstTurnIsTakenForTheLast() throws {
        let told = try explained(
            "show",
            """
            metro: m
            inputs: { start: { text: a } }
            lines:
              main:
                - { station: grow, in: start, feed: start, until: unchanged, at_most: 9, command: "cat {start}", out: a.txt }
                - { station: show, command: "cat {in}", out: b.txt }
            """)
        #expect(
            told.contains("The last turn of “grow” is called 1 here:\n\n    cat /.las/made/grow/1/a.txt\n"), "\(told)")
    }

    @Test func aStationOfAMetroOnALineIsToldByItsWholeName() throws {
        let outer = """
            metro: outer
            inputs: { reads: "*.fq" }
            lines: { main: [{ metro: inner, as: qc, in: { samples: reads } }, { station: all, command: "cat {in}", out: a.txt }] }
            """
        let inner = """
            metro: inner
            inputs: { samples: { text: a } }
            lines: { trimming: [{ station: trim, for_each: samples, command: "trim {each} > {out}", out: "{name}.fq" }] }
            """
        let told = try explained("qc/trim", outer, files: ["s1.fq": "", "s2.fq": "", "inner/metro.yml": inner])
        #expect(told.hasPrefix("“qc/trim” is a station of the line “trimming” of the metro “qc”.\n"))
        #expect(
            told.contains("each file of the input “reads”, because of “for_each: samples”: 2 times (s1, s2)."),
            "\(told)")
        #expect(told.contains("What it makes is taken by “all” (whole)."))
    }

    @Test func aHostileNameIsFitForATerminal() throws {
        let told = try explained(
            "s",
            """
            metro: m
            inputs: { x: "*.txt" }
            lines: { main: [{ station: s, for_each: x, command: "echo \\e {each}", out: "{name}" }] }
            """, files: ["a\u{1B}[31m.txt": ""])
        #expect(!told.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    @Test func thereIsNoSuchStation() throws {
        let plan = try plan("metro: m\nlines: { l: [{ station: s, command: a, out: b }] }\n")
        #expect(Explanation(of: StationID("t"), in: plan) == nil)
    }
}
