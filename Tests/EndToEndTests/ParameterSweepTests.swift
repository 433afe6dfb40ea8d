import Files
import TestSupport
import Testing

/// The template parameter-sweep: one simulation, run in all the ways that turns have.
@Suite struct ParameterSweepTests {
    /// Holds each table against what must be so in any town, and against the mathematics of epidemics.
    static let judge = """
        import math, sys
        def rows(path):
            lines = [line.rstrip("\\n").split("\\t") for line in open(sys.argv[1] + path)]
            return lines[0], [[float(cell) for cell in line] for line in lines[1:]]
        # With 10 people met × 0.03 × 6 days, one infects 1.8: then this share falls ill at the end.
        share = 0.5
        for _ in range(200): share = 1 - math.exp(-1.8 * share)

        head, lucky = rows("/chance/chance.tsv")
        assert head == ["ill", "days"] and len(lucky) == 20
        ill = [line[0] for line in lucky]
        assert len(set(ill)) > 10, "chances are alike"
        assert all(abs(n / 1000 - share) < 0.1 for n in ill if n > 200), (share, ill)

        head, swept = rows("/table/sweep.tsv")
        assert head == ["vaccinated", "average", "least", "most"]
        assert [line[0] for line in swept] == list(range(0, 61, 6))
        assert all(least <= average <= most for _, average, least, most in swept)
        assert abs(swept[0][1] / 1000 - share) < 0.1 and swept[-1][1] < 60
        assert all(later[1] < earlier[1] for earlier, later in zip(swept, swept[2:]))

        head, days = rows("/diary/diary.tsv")
        assert head == ["day", "never ill", "ill", "immune"] and days[0] == [0, 990, 10, 0]
        assert [line[0] for line in days] == list(range(len(days)))
        assert all(sum(line[1:]) == 1000 for line in days)
        assert [line[2] > 0 for line in days] == [True] * (len(days) - 1) + [False]
        assert all(a[1] >= b[1] and a[3] <= b[3] for a, b in zip(days, days[1:]))
        def caught(first, last): return days[first][1] - days[last][1]
        assert caught(20, 30) > 2 * caught(35, 45), "closed schools change nothing"
        print(len(days))
        """

    @Test func whatManyTurnsGiveIsWhatEpidemicsDo() throws {
        try withScratch { folder in
            let sweep = try Template("parameter-sweep", in: folder)
            let run = try sweep.run()
            let days = try #require(Int(try sweep.judge(Self.judge, sweep.results).first ?? ""))
            // After thirty days, and thirty more, each further one is a turn until nobody is ill.
            #expect(run.errors.contains("to-the-end/\(days - 61)"), "\(run.errors)")
            #expect(!run.errors.contains("to-the-end/\(days - 60)"))
            for picture in ["sweep-picture/sweep.svg", "diary-picture/diary.svg"] {
                let read = try sweep.judge(
                    """
                    import sys, xml.etree.ElementTree as tree
                    root = tree.parse(sys.argv[1]).getroot()
                    print(root.tag.split("}")[1], "|".join(t.strip() for t in root.itertext() if t.strip()))
                    """, "\(sweep.results)/\(picture)")
                let words = try #require(read.first)
                #expect(
                    words.hasPrefix("svg ") && words.contains(picture.hasPrefix("sweep") ? "fall ill" : "never ill"))
            }
        }
    }

    @Test func theSameSeedsGiveTheSameFiguresAndOthersOthers() throws {
        try withScratch { folder in
            let sweep = try Template("parameter-sweep", in: folder)
            try sweep.run("--results", "results")
            try sweep.run("--results", "again")
            let tables = ["chance/chance.tsv", "table/sweep.tsv", "diary/diary.tsv"]
            for table in tables {
                #expect(try File.read("\(folder)/again/\(table)") == File.read("\(folder)/results/\(table)"))
            }
            let metro = String(decoding: try File.read(sweep.metro + "/metro.yml"), as: UTF8.self)
            try File.write(
                metro.split(separator: "\n", omittingEmptySubsequences: false).map {
                    $0.hasPrefix("      seed: 1") ? "      seed: 2" : String($0)
                }.joined(separator: "\n"), to: sweep.metro + "/metro.yml")
            try sweep.run("--results", "others")
            for table in tables {
                #expect(try File.read("\(folder)/others/\(table)") != File.read("\(folder)/results/\(table)"))
            }
        }
    }
}
