import Files
import TestSupport
import Testing

/// Stations on several hosts that share files while they run.
@Suite(.serialized, .enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) struct SharedWorkspaceTests
{
    private func write(_ metro: String, in folder: String) throws {
        for name in ["words", "refs"] { try Folder.make("\(folder)/m/\(name)") }
        try File.write(metro, to: folder + "/m/metro.yml")
        try File.write("of the panel\n", to: folder + "/m/refs/ref.txt")
        for number in 1...9 { try File.write("word \(number)\n", to: "\(folder)/m/words/w\(number).txt") }
    }

    @Test func stationsOnThreeHostsPassFilesByAWorkspaceAlone() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb", "altair"], in: folder)
            try write(
                """
                metro: shared
                inputs:
                  words: words/*.txt
                workspaces:
                  panel: { files: refs/*, via: ssh, on_collision: keep_both }
                  scratch: {}
                lines:
                  one:
                    - station: add
                      for_each: words
                      workspaces: [panel, scratch]
                      command: |
                        mkdir -p {panel}/found
                        cat {each} {panel}/ref.txt > {panel}/found/{name}
                        ln -s found/{name} {panel}/link-{name}
                        echo {name} > {scratch}/{name}
                        rm {scratch}/{name}
                        echo done
                      out: "{name}.txt"
                    - station: all
                      in: add
                      command: cat {in}
                      out: all.txt
                    - station: look
                      for_each: words
                      in: all
                      workspaces: { panel: read, scratch: read }
                      command: ls {panel} {panel}/found {scratch}; cat {panel}/found/* {panel}/link-{name}
                      out: "{name}.seen"
                results: [look]
                """, in: folder)
            let here = try bench.las("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            let difference = try Program("diff").run("-r", folder + "/here", folder + "/there")
            #expect(difference.status == 0, "\(difference.output)")
            let report = try bench.las("report", "--json")
            for host in bench.hosts { #expect(report.output.contains("\"host\": \"\(host.name)\""), "\(host.name)") }
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// Each takes all of a host's processors, and waits for what the other one writes.
    @Test func tasksOnTwoHostsTalkToEachOther() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            func station(_ own: String, _ other: String) -> String {
                """
                    - station: \(own)
                      in: words
                      workspaces: panel
                      uses: { cpus: 2 }
                      command: |
                        echo hello from \(own) > {panel}/new; mv {panel}/new {panel}/\(own)
                        for i in $(seq 600); do [ -e {panel}/\(other) ] && break; sleep 0.1; done
                        cat {panel}/\(other)
                      out: heard.txt

                """
            }
            try write(
                "metro: talk\ninputs: { words: words/w1.txt }\nworkspaces: [panel]\nlines:\n  one:\n"
                    + station("left", "right") + "  two:\n" + station("right", "left") + "results: [left, right]\n",
                in: folder)
            let ended = try bench.las(["deploy", "m", "--fresh"] + bench.all)
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(try bench.result("left/heard.txt") == "hello from right\n")
            #expect(try bench.result("right/heard.txt") == "hello from left\n")
        }
    }
}
