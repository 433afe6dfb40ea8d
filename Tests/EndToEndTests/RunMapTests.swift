import Files
import TestSupport
import Testing

/// A run on the subway map, as a user sees it.
@Suite struct RunMapTests {
    @Test func theMapShowsWhatIsDoneAndWhatFailed() throws {
        try withScratch { folder in
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            las.variables["LANG"] = "C.UTF-8"
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: demo
                lines:
                  main:
                    - { station: fine, repeat: 3, command: "echo {turn} > {out}", out: a }
                    - { station: bad, command: "exit 3", out: b }
                    - { station: last, command: "cat {in} > {out}", out: c }
                """, to: folder + "/m/metro.yml")
            let ran = try las("run", "m", "--map")
            #expect(ran.status == 1)
            // Where there is no terminal it is drawn once, at the end.
            #expect(ran.errors.contains("fine 3/3") && ran.errors.contains("● done   ✗ failed   ⊘ not run"), "\(ran)")
            let run = try #require(try Folder.names(in: folder + "/lash/runs").first)
            let map = try las("map", "--run", run)
            #expect(map.status == 0 && map.output.contains("● done   ✗ failed   ⊘ not run"), "\(map)")
            #expect(try las("map", "m", "--run", run).status == 2)
            #expect(try las("map", "--run", run, "--svg", "map.svg").status == 0)
            let svg = String(decoding: try File.read(folder + "/map.svg"), as: UTF8.self)
            #expect(svg.contains("data-stop=\"bad\" data-state=\"failed\""))
            #expect(try las("report", run, "--html", "report.html").status == 0)
            let page = String(decoding: try File.read(folder + "/report.html"), as: UTF8.self)
            #expect(page.contains("data-stop=\"fine\" data-state=\"done\""))
        }
    }
}
