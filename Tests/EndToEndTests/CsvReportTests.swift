import Files
import TestSupport
import Testing

/// The template csv-report: a published table becomes one page.
@Suite struct CsvReportTests {
    @Test func thePageHasTheFiguresThatPythonFindsInTheTable() throws {
        try withScratch { folder in
            let report = try Template("csv-report", in: folder)
            try report.run()
            let table = try report.unpacked("gnuplot-doc") + "/usr/share/doc/gnuplot/examples/immigration.dat"
            let judged = try report.judge(
                """
                import csv, sys
                rows = [r for r in csv.reader(open(sys.argv[1]), delimiter="\\t") if r and not r[0].startswith("#")]
                head, rows = [h.replace("_", " ") for h in rows[0]], rows[1:]
                total = {h: sum(int(r[i]) for r in rows if r[i] != "-") for i, h in enumerate(head) if 0 < i < len(head) - 2}
                every = sum(total.values())
                for name in sorted(total, key=lambda n: -total[n]):
                    column = [(int(r[head.index(name)]), r[0]) for r in rows if r[head.index(name)] != "-"]
                    most, when = max(column, key=lambda pair: pair[0])
                    average = sum(v for v, _ in column) / len(column)
                    print(f"names {name}|{total[name]:,}|{100 * total[name] / every:.1f}|{average:,.0f}|{most:,}|{when}")
                """, table)
            let page = try report.judge(pageJudge, report.results + "/report/report.html")
            #expect(page.filter { $0.hasPrefix("names ") }.dropFirst() == judged[...])
            #expect(judged.count == 22)
            #expect(
                page.contains(
                    "h1 Where the people who came to the United States last lived, 1891–1970"), "\(page)")
            #expect(page.contains("periods 1901-1910|7,387,494|Italy|2,045,877"))
            // The table's own total of one decade is wrong, and five figures are not in it.
            #expect(
                page.filter { $0.hasPrefix("problems ") }.last
                    == "problems 1951-1960|TOTAL|the table says 1325727, its columns make 1320727")
            #expect(page.filter { $0.hasSuffix("|not known") }.count == 5)
            #expect(page.contains("pictures 1"))
            let words = try #require(page.last)
            for word in ["Italy", "Soviet Union", "Hungary", "1891-1900", "1961-1970"] {
                #expect(words.contains(word), "\(words)")
            }
        }
    }

    @Test func aTableOfOnesOwnTakesItsPlace() throws {
        try withScratch { folder in
            let report = try Template("csv-report", in: folder)
            try File.write(
                "# a note\r\nYear;\"Bonn; \"\"Beuel\"\"\";Köln <Süd>;Total\r\n2001;1200;;1200\r\n2002;1300.5;n/a;1300.5\r\n2003;7;many;8\r\n",
                to: folder + "/my table.csv")
            try report.run("--input", "table=my table.csv")
            #expect(
                try report.text("clean/table.csv") == """
                    period,name,value
                    2001,"Bonn; ""Beuel""\",1200
                    2002,"Bonn; ""Beuel""\",1300.5
                    2003,"Bonn; ""Beuel""\",7

                    """)
            #expect(
                try report.text("clean/problems.csv") == """
                    period,name,problem
                    2001,Köln <Süd>,not known
                    2002,Köln <Süd>,not known
                    2003,Köln <Süd>,“many” is not a number; left out
                    2003,TOTAL,"the table says 8, its columns make 7"

                    """)
            let page = try report.judge(pageJudge, report.results + "/report/report.html")
            #expect(page.contains("names Bonn; \"Beuel\"|2,507.5|100.0|836|1,300.5|2002"), "\(page)")
            #expect(page.contains("problems 2003|Köln <Süd>|“many” is not a number; left out"))
            #expect(page.contains("periods 2001|1,200|Bonn; \"Beuel\"|1,200"))
        }
    }
}
