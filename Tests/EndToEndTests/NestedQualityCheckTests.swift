import Files
import TestSupport
import Testing

/// The template nested-quality-check: one metro in two others, in a fourth.
@Suite struct NestedQualityCheckTests {
    @Test func bothReportsSayWhatPythonFindsInTheSameFiles() throws {
        try withScratch { folder in
            let check = try Template("nested-quality-check", in: folder)
            try check.run()
            #expect(try Folder.names(in: check.results) == ["left-out.txt", "overview", "reads", "tables"])

            let reads = try check.unpacked("bowtie2-examples") + "/usr/share/doc/bowtie2/examples/reads"
            let judgedReads = try check.judge(
                """
                import glob, gzip, os, sys
                print("reads|number|average length|longest|unknown letters|verdict")
                for path in sorted(glob.glob(sys.argv[1] + "/*.fq.gz")):
                    lines = gzip.open(path, "rt").read().splitlines()
                    reads = lines[1::4]
                    good = len(set(zip(lines[0::4], reads, lines[3::4]))) == len(reads) >= 1000 and all(reads)
                    print("|".join([os.path.basename(path)[:-6], str(len(reads)), f"{sum(map(len, reads)) / len(reads):.1f}",
                        str(max(map(len, reads))), str(sum(r.count("N") for r in reads)), "good" if good else "bad"]))
                """, reads)
            #expect(try check.rows("reads/report/report.tsv") == judgedReads)
            #expect(judgedReads.count == 4)

            let tables = try check.unpacked("gnuplot-doc") + "/usr/share/doc/gnuplot/examples"
            let judgedTables = try check.judge(
                """
                import glob, os, sys
                for path in glob.glob(sys.argv[1] + "/*.dat"):
                    text = open(path, encoding="utf-8", errors="replace", newline="\\n").read()
                    if "\\t" not in text: continue
                    rows = [r.rstrip("\\r") for r in text.split("\\n") if r.strip() and not r.lstrip(" ").startswith("#")]
                    cells = [r.split("\\t") for r in rows]
                    widths = [len(c) for c in cells]
                    good = len(rows) > 1 and len(set(widths)) == 1 and len(set(rows)) == len(rows) and all(c.strip(" ") for r in cells for c in r)
                    print("|".join([os.path.basename(path)[:-4], str(len(rows)), str(max(widths)), "good" if good else "bad"]))
                """, tables
            ).sorted()
            let told = try check.rows("tables/report/report.tsv").dropFirst().map { row in
                row.hasSuffix("|good") ? row : row.split(separator: "|").prefix(3).joined(separator: "|") + "|bad"
            }
            #expect(told.sorted() == judgedTables)
            #expect(judgedTables.contains { $0.hasSuffix("good") } && judgedTables.contains { $0.hasSuffix("bad") })
            // What passed, and only that, was gone on with.
            let ranges = try check.rows("tables/ranges/ranges.tsv")
            #expect(ranges.contains("cities|3|9135|2110420"), "\(ranges)")
            #expect(!ranges.contains { $0.hasPrefix("immigration|") })

            let page = try check.judge(pageJudge, check.results + "/overview/overview.html")
            #expect(page.filter { $0.hasPrefix("reads ") } == judgedReads.map { "reads " + $0 })
            #expect(page.contains("tables immigration|9|25|9 empty cells"), "\(page)")
        }
    }

    @Test func theCheckAloneIsAMetroToo() throws {
        try withScratch { folder in
            let check = try Template("nested-quality-check", in: folder)
            let run = try check.las("run", "metro/qc")
            #expect(run.status == 0, "\(run.errors)")
            #expect(
                try check.rows("summary/summary.tsv") == [
                    "table|rows|columns|verdict", "rivers|4|2|1 shorter rows, 1 rows twice", "towns|3|2|good",
                ])
            #expect(try files(in: check.results) == ["passed/passed/towns.tsv", "summary/summary.tsv"])
        }
    }
}

extension Template {
    /// The rows of a table, with | for each tab.
    func rows(_ path: String) throws -> [String] {
        try lines(path).map { $0.split(separator: "\t", omittingEmptySubsequences: false).joined(separator: "|") }
    }
}
