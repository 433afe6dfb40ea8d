import Metro
import Testing

/// How the keys of turns are read.
@Suite struct TurnsReadingTests {
    private func station(_ keys: String, metro: String = "") throws -> Station {
        let text = """
            metro: m
            inputs:
              x: { text: "1" }
            lines:
              main:
                - station: a
                  in: x
                  command: step {x} {out}
                  out: a.txt
            \(keys.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n"))
            \(metro)
            """
        return try #require(try MetroReader.read(text: text, file: "metro.yml").stations.first)
    }

    @Test func turnsAreNoneUnlessTheyAreSaid() throws {
        let station = try station("")
        #expect(station.turns == nil && station.seed == nil && station.retry == 0 && !station.usesNetwork)
    }

    @Test(arguments: [
        ("repeat: 10", Turns(count: 10)),
        ("repeat: 10\none_by_one: yes", Turns(count: 10, isOneByOne: true)),
        ("repeat: 3\nfeed: x", Turns(count: 3, isOneByOne: true, feed: "x")),
        // That it goes one by one need not be said, and may be.
        ("repeat: 3\nfeed: in\none_by_one: yes", Turns(count: 3, feed: "in")),
        ("until: unchanged\nat_most: 5", Turns(count: 5, until: [.unchanged])),
        ("until: { unchanged: yes }\nat_most: 5\nfeed: x", Turns(count: 5, feed: "x", until: [.unchanged])),
        (
            "until: { output_contains: [a, b] }\nat_most: 5",
            Turns(count: 5, until: [.outputContains("a"), .outputContains("b")])
        ),
        (
            "until: { value_in: loss.txt, below: 1e-3, above: -2 }\nat_most: 5",
            Turns(count: 5, until: [.value(in: "loss.txt", .below(0.001)), .value(in: "loss.txt", .above(-2))])
        ),
        (
            "until: [unchanged, { passes: test -s x, file_exists: done, output_lacks: no }]\nat_most: 5",
            Turns(count: 5, until: [.unchanged, .outputLacks("no"), .fileExists("done"), .passes("test -s x")])
        ),
        ("until: { value_in: n, equals: 0 }\nat_most: 5", Turns(count: 5, until: [.value(in: "n", .equals(0))])),
    ]) func turnsAreRead(_ keys: String, _ turns: Turns) throws {
        let station = try station(keys)
        #expect(station.turns == turns)
    }

    @Test func whatTheMetroSaysIsItsStationsUnlessTheySayOtherwise() throws {
        let metro = "time: 2 hours\nretry: 3\nenv: { A: a, B: b }"
        let plain = try station("", metro: metro)
        #expect(plain.uses.time == 7200 && plain.retry == 3 && plain.variables == ["A": "a", "B": "b"])
        let own = try station("time: 5 s\nretry: 0\nenv: { B: own, C: c }", metro: metro)
        #expect(own.uses.time == 5 && own.retry == 0 && own.variables == ["A": "a", "B": "own", "C": "c"])
        let uses = try station("uses: { time: 1 day }", metro: metro)
        #expect(uses.uses.time == 86_400)
    }

    @Test func aSeedAndALabelOfTheWholeMetro() throws {
        let text = """
            metro: m
            seed: 42
            at: big
            lines:
              main:
                - { station: chance, command: "throw {seed}", out: a }
                - { station: own, seed: 7, at: small, command: "throw {seed}", out: b }
                - { station: plain, command: "cat {in}", out: c }
            """
        let stations = try MetroReader.read(text: text, file: "metro.yml").stations
        #expect(stations.map(\.seed) == [Seed(base: 42), Seed(base: 7), nil])
        #expect(stations.map(\.label) == ["big", "small", "big"])
    }

    @Test func theyAreToldInWords() {
        #expect(Turns(count: 10).words == "10 times, side by side")
        #expect(Turns(count: 1).words == "once")
        #expect(
            Turns(count: 100, feed: "x", until: [.value(in: "loss.txt", .below(0.1))]).words
                == "until loss.txt holds a number below 0.1, at most 100 times; each turn's first output takes the place of “x” in the next"
        )
    }
}
