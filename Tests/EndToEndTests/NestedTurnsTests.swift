import Files
import TestSupport
import Testing

/// Turns of every kind in a metro that stands in another one, twice.
@Suite struct NestedTurnsTests {
    private static let main = """
        metro: main
        inputs:
          one: { text: "1" }
          ten: { text: "10" }
        lines:
          first:
            - metro: ../grow
              as: small
              in: { start: one }
          second:
            - metro: ../grow
              as: large
              in: { start: ten }
          end:
            - station: both
              in: [small/doubled, small/until, large/doubled, small/tries, large/pairs]
              command: paste -d ' ' {in_1} {in_2} {in_3} && cat {in_4} && cat {in_5}
              out: both.txt
        results: [both, large]
        """

    private static let grow = """
        metro: grow
        inputs:
          start: none.txt
        lines:
          doubling:
            - station: doubled
              in: start
              repeat: 3
              feed: start
              command: awk '{{print 2 * $1}}' {start}
              out: number.txt
            - station: until
              feed: in
              until: { value_in: number.txt, above: 100 }
              at_most: 20
              command: awk '{{print 3 * $1}}' {in}
              out: number.txt
          tries:
            - station: tries
              in: start
              repeat: 2
              seed: yes
              command: echo $(({turn} * 10)) $(cat {start}) $(({seed} > 0))
              out: try.txt
            - station: pairs
              for_each: tries
              repeat: 2
              command: echo {name} {turn} $(cat {each})
              out: "{name}.txt"
        results: [doubled, until, tries, pairs]
        """

    @Test func turnsInAMetroInAMetro() throws {
        try withScratch { folder in
            for (name, text) in [("main", Self.main), ("grow", Self.grow)] {
                try Folder.make("\(folder)/\(name)")
                try File.write(text, to: "\(folder)/\(name)/metro.yml")
            }
            let ended = try LasCommand(in: folder)("run", "main", "--results", "out")
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("small/until/2") && ended.errors.contains("number was 72, not above 100"))
            let both = String(decoding: try File.read(folder + "/out/both/both.txt"), as: UTF8.self)
            #expect(both == "8 216 80\n10 1 1\n20 1 1\n1 1 10 10 1\n1 2 10 10 1\n2 1 20 10 1\n2 2 20 10 1\n")
            let made = ["1/1/1.txt", "1/2/1.txt", "2/1/2.txt", "2/2/2.txt"].map { "pairs/\($0)" }
            #expect(
                try files(in: folder + "/out/large")
                    == ["doubled/number.txt"] + made + ["tries/1/try.txt", "tries/2/try.txt", "until/number.txt"])
        }
    }
}
