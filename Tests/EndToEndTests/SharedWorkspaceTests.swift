import Files
import Glibc
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
            let metro = """
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
                """
            try write(metro, in: folder)
            let here = try bench.las("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let names = bench.hosts.map(\.name)
            try bench.labelByName()
            // No host is through with its tasks before the others have got some.
            let meeting = try SeveralHostsTests.meeting(metro, names)
            try write(meeting.replacing("mkdir -p", with: "sleep 0.5; mkdir -p"), in: folder)
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            let difference = try Program("diff").run("-r", folder + "/here", folder + "/there")
            #expect(difference.status == 0, "\(difference.output)")
            #expect(try bench.who(did: "add") == Set(names))
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// A host has of a workspace what its tasks say that they need, and all of it where one says nothing.
    @Test func aHostHasWhatItsTasksNeed() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            for (host, label) in [("vega", "writes"), ("deneb", "reads")] {
                let labelled = try bench.las("host", "label", host, label)
                try #require(labelled.status == 0, "\(labelled.errors)")
            }
            try write(
                """
                metro: needed
                inputs:
                  words: words/*.txt
                workspaces:
                  panel: { files: refs/*, limit: 1 KB }
                lines:
                  one:
                    - station: add
                      for_each: words
                      at: writes
                      workspaces: panel
                      command: mkdir -p {panel}/deep; seq 1000 | tee {panel}/{name}.big > {panel}/deep/{name}; echo done
                      out: "{name}.txt"
                    - station: all
                      in: add
                      command: cat {in}
                      out: all.txt
                    - station: look
                      in: all
                      at: reads
                      workspaces: { panel: { files: [w3.big, deep/w*], access: read } }
                      command: cat {panel}/w3.big | tail -1; ls {panel} | grep -c big; ls {panel}/deep | wc -l
                      out: seen.txt
                    - station: whole
                      in: look
                      at: reads
                      workspaces: panel
                      command: cat {panel}/*.big | wc -l
                      out: seen.txt
                results: [look, whole]
                """, in: folder)
            let ended = try bench.las(["deploy", "m", "--fresh"] + bench.all)
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(try bench.result("look/seen.txt") == "1000\n1\n9\n")
            #expect(try bench.result("whole/seen.txt") == "9000\n")
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// A person looks into a workspace and changes it, from another process, while a run over two hosts goes on and after it.
    @Test func aPersonLooksIntoItAndChangesIt() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try write(
                """
                metro: asked
                inputs: { words: words/w1.txt }
                workspaces:
                  panel: { files: refs/*, keep: yes }
                  scratch: {}
                lines:
                  one:
                    - station: wait
                      in: words
                      workspaces: [panel, scratch]
                      command: |
                        echo one > {panel}/made; echo two > {panel}/made; rm -f {panel}/ref.txt; : > {scratch}/here
                        for i in $(seq 6000); do [ -e {panel}/answer ] && break; sleep 0.1; done
                        cat {panel}/answer
                      out: heard.txt
                results: [wait]
                """, in: folder)
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            var listed = ""
            defer { _ = try? bench.las("cancel") }
            // One place after another is told.
            func isTold() -> Bool {
                listed.contains("made: head, ") && listed.contains("here: head, ") && !listed.contains("ref.txt")
            }
            for _ in 0..<2400 where !isTold() {
                usleep(100_000)
                listed = try bench.las("workspace", "ls").output
            }
            #expect(listed.hasPrefix("panel:\n  made: head, "), "\(listed)")
            #expect(listed.contains("scratch:\n  here: head, "), "\(listed)")
            let json = try bench.las("workspace", "ls", "panel", "--json")
            #expect(json.output.contains("\"places\": [\n") || json.output.contains("\"head\""), "\(json.output)")
            let place = try bench.las("workspace", "where", "panel", "made").output.split(separator: "\n")
            #expect(place.first == "head" && place.count == 2, "\(place)")
            let history = try bench.las("workspace", "history", "panel", "ref.txt").output.split(separator: "\n")
            #expect(history.first?.hasPrefix("there at first") ?? false, "\(history)")
            #expect(history.last?.contains("removed") ?? false, "\(history)")
            #expect(try bench.las("workspace", "stat", "panel", "made").output.contains("4 bytes"))
            try File.write("from a person\n", to: folder + "/note")
            let put = try bench.las("workspace", "put", "panel", "note", "answer")
            #expect(put.status == 0, "\(put.errors)")
            let ended = try bench.las("attach", run)
            try #require(ended.status == 0, "\(ended.errors)")
            _ = try bench.las("fetch")
            #expect(try bench.result("wait/heard.txt") == "from a person\n")
            // “keep: yes”: it is here still; of the other one there is what is known of it.
            let got = try bench.las("workspace", "get", "panel", ".", "got")
            #expect(got.status == 0, "\(got.errors)")
            #expect(try Folder.names(in: folder + "/got") == ["answer", "made"])
            let removed = try bench.las("workspace", "rm", "panel", "made")
            #expect(removed.status == 0, "\(removed.errors)")
            #expect(try bench.las("workspace", "ls", "panel").output == "panel:\n  answer: head\n")
            let gone = try bench.las("workspace", "ls", "scratch")
            #expect(gone.output == "scratch:\n  here: nowhere\n", "\(gone.output)")
            #expect(gone.errors.contains("went with it"))
            #expect(try bench.las("workspace", "get", "scratch", "here").status == 2)
            let other = try bench.las("workspace", "stat", "panel", "nothing")
            #expect(other.status == 2 && other.errors.contains("there is no nothing"), "\(other.errors)")
        }
    }

    @Test func aCollisionIsToldAndResolvedAndMayStopTheRun() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            func metro(_ rule: String) -> String {
                // Each waits for the other one, and writes the same name over and over, so that some two writes come at
                // once; and then waits until the run is stopped, where it is to be.
                func station(_ own: String, _ other: String) -> String {
                    """
                        - station: \(own)
                          in: words
                          workspaces: panel
                          uses: { cpus: 2 }
                          command: |
                            : > {panel}/\(own)
                            for i in $(seq 6000); do [ -e {panel}/\(other) ] && break; sleep 0.1; done
                            for i in $(seq 3000); do echo "\(own) $i" > {panel}/new-\(own); mv {panel}/new-\(own) {panel}/both; sleep 0.05; ls {panel}/*collision* > /dev/null 2>&1 && break; done
                            sleep \(rule == "stop" ? 60 : 1); echo done
                          out: said.txt

                    """
                }
                return
                    "metro: both\ninputs: { words: words/w1.txt }\nworkspaces: { panel: { on_collision: \(rule), keep: yes } }\n"
                    + "lines:\n  one:\n" + station("left", "right") + "  two:\n" + station("right", "left")
                    + "results: [left, right]\n"
            }
            try write(metro("keep_both"), in: folder)
            let kept = try bench.las(["deploy", "m", "--fresh"] + bench.all)
            try #require(kept.status == 0, "\(kept.errors)")
            #expect(kept.errors.contains("two machines wrote one file of the workspace “panel” at once"))
            let run = try bench.las("ps", "--all").lines.last?.split(separator: " ").first.map(String.init) ?? ""
            let events = try File.read("\(folder)/lash/runs/\(run)/journal")
            #expect(String(decoding: events, as: UTF8.self).contains("\"kind\":\"collision\""))
            #expect(try bench.las("report").output.contains("two machines wrote one file"))
            let found = try bench.las("workspace", "collisions")
            #expect(found.output.hasPrefix("panel: both\n"), "\(found.output)")
            let versions = found.output.split(separator: "\n").dropFirst().compactMap { $0.split(separator: " ").first }
            try #require(versions.count >= 2, "\(found.output)")
            let wanted = String(versions[1])
            let beside = try #require(
                found.output.split(separator: "\n").dropFirst(2).first?.split(separator: " ").last)
            let text = try File.read("\(folder)/lash/runs/\(run)/workspaces/panel/files/\(beside)")
            let resolved = try bench.las("workspace", "resolve", "panel", "both", "--keep", wanted)
            #expect(resolved.status == 0, "\(resolved.errors)")
            #expect(try File.read("\(folder)/lash/runs/\(run)/workspaces/panel/files/both") == text)
            #expect(try bench.las("workspace", "ls").output == "panel:\n  both: head\n  left: head\n  right: head\n")
            // The same with “stop”.
            try write(metro("stop"), in: folder)
            let stopped = try bench.las(["deploy", "m", "--fresh"] + bench.all)
            #expect(stopped.status == 1, "\(stopped.errors)")
            #expect(
                stopped.errors.contains("the run was stopped, since two machines wrote one file"), "\(stopped.errors)")
        }
    }

    /// A folder that all machines see: nothing is sent, and nothing is left there.
    @Test func aFolderThatAllMachinesSee() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try Folder.make(folder + "/common")
            try write(
                """
                metro: common
                inputs:
                  words: words/*.txt
                workspaces:
                  panel: { files: refs/*, via: path, path: \(folder)/common }
                lines:
                  one:
                    - station: add
                      for_each: words
                      workspaces: panel
                      command: cat {each} {panel}/ref.txt > {panel}/{name}; echo done
                      out: "{name}.txt"
                    - station: all
                      in: add
                      workspaces: { panel: read }
                      command: cat {panel}/w*
                      out: all.txt
                results: [all]
                """, in: folder)
            let here = try bench.las("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            #expect(try bench.result("all/all.txt", in: "here") == bench.result("all/all.txt", in: "there"))
            for _ in 0..<1800 where try !Folder.names(in: folder + "/common").isEmpty { usleep(100_000) }
            #expect(try Folder.names(in: folder + "/common").isEmpty)
            // One that is no such folder is refused with its path.
            try Folder.remove(folder + "/common")
            let missing = try bench.las("run", "m", "--fresh", "--results", "no")
            #expect(missing.status != 0 && missing.errors.contains("is not here"), "\(missing.errors)")
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
                        echo hello from \(own) > {panel}/new-\(own); mv {panel}/new-\(own) {panel}/\(own)
                        for i in $(seq 6000); do [ -e {panel}/\(other) ] && break; sleep 0.1; done
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
