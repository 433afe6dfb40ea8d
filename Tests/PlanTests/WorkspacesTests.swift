import Files
import JSON
import Metro
import TestSupport
import Testing

@testable import Plan

/// Workspaces from the metro to its tasks, also those of metros in it.
@Suite struct WorkspacesTests {
    private static let files = [
        "main/metro.yml": """
        metro: main
        workspaces:
          panel: { files: refs/** }
          scratch: {}
        lines:
          one:
            - station: write
              command: cp {panel}/a.fa {scratch}/copy; ls {scratch}
              out: list
              workspaces: { panel: read, scratch: write }
            - metro: ../qc
              as: left
            - metro: ../qc
              as: right
        """,
        "main/refs/a.fa": "a", "main/refs/deep/b.fa": "b",
        "qc/metro.yml": """
        metro: qc
        workspaces: { panel: own/x.txt }
        lines:
          one:
            - station: look
              command: ls {panel}
              out: list
              workspaces: panel
              repeat: 2
        """,
        "qc/own/x.txt": "x",
    ]

    private func plan() throws -> Plan {
        try withScratch { try NestedMetrosTests().plan(Self.files, in: $0) }
    }

    @Test func eachMetroHasItsOwn() throws {
        let plan = try plan()
        #expect(plan.workspaces.map(\.name) == ["panel", "scratch", "left/panel", "right/panel"])
        #expect(
            try plan.workspaces.map { try $0.firstFiles().map(\.string) }
                == [["a.fa", "deep/b.fa"], [], ["x.txt"], ["x.txt"]])
        let commands = try NestedMetrosTests().commands(plan)
        #expect(
            commands["write"]
                == .shell("cp /.las/workspaces/panel/a.fa /.las/workspaces/scratch/copy; ls /.las/workspaces/scratch"))
        #expect(commands["left/look/1"] == .direct(["ls", "/.las/workspaces/left/panel"]))
        #expect(commands["right/look/2"] == .direct(["ls", "/.las/workspaces/right/panel"]))
    }

    @Test func aTaskKnowsWhichItMayChangeAndIsNeverReused() throws {
        var graph = try TaskGraph(try plan())
        let task = try #require(graph.takeReady().first { $0.id.name == "write" })
        #expect(task.workspaces.map(\.name) == ["panel", "scratch"])
        #expect(task.workspaces.map(\.isReadOnly) == [true, false])
        #expect(!task.dependsOnItsContentsOnly)
    }

    @Test func firstFilesArePackedWhereNoTaskSeesThem() throws {
        let packed = try plan().packedFiles.map(\.path).filter { $0.hasPrefix("workspaces/") }
        #expect(
            packed == [
                "workspaces/left/panel/x.txt", "workspaces/panel/a.fa", "workspaces/panel/deep/b.fa",
                "workspaces/right/panel/x.txt",
            ])
        #expect(try plan().packedFolders.contains("workspaces"))
    }

    @Test func thePlanTellsThemAndComesBackFromItsText() throws {
        let plan = try plan()
        let text = plan.text
        #expect(text.contains("\nWorkspaces\n  panel       refs/**: 2 files at first\n  scratch     begins empty\n"))
        #expect(text.contains("shares   panel (reads), scratch\n"))
        // What lies on the packing machine is in no plan that is written down.
        let back = try JSONText.decode(Plan.self, from: JSONText.encode(plan))
        #expect(back.workspaces.map(\.name) == plan.workspaces.map(\.name))
        #expect(back.stations.map(\.workspaces) == plan.stations.map(\.workspaces))
        let explained = try #require(Explanation(of: StationID("write"), in: plan)).text
        #expect(
            explained.contains(
                "At {panel} it finds the workspace “panel”, which it only reads: no other station uses it."))
    }

    /// What each task needs, and of which workspaces a host has only that.
    @Test func aTaskKnowsWhatItNeeds() throws {
        let files = [
            "main/metro.yml": """
            metro: main
            inputs: { words: words/*.txt }
            workspaces:
              panel: { limit: 20 GB }
              whole: { ahead: yes, limit: 1 GB }
              other: { limit: 1 GB }
            lines:
              one:
                - station: look
                  for_each: words
                  command: cat {panel}/{name}.idx {whole}/x {other}/x > {out}
                  out: "{name}.out"
                  workspaces:
                    panel: { files: ["{name}.idx", common/], access: read }
                    whole: { files: x }
                    other: write
            """,
            "main/words/a[1].txt": "a",
        ]
        let plan = try withScratch { try NestedMetrosTests().plan(files, in: $0) }
        #expect(plan.workspaces.map(\.isPartial) == [true, false, false])
        #expect(plan.workspaces.map(\.limit) == [20_000_000_000, nil, nil])
        #expect(
            plan.notes.filter { $0.contains("does nothing") } == [
                "“limit” of the workspace “whole” does nothing, since “ahead: yes” has each host hold all of them",
                "“limit” of the workspace “other” does nothing, since no station says which files of it it needs, so that each host has all of them",
            ])
        var graph = try TaskGraph(try JSONText.decode(Plan.self, from: JSONText.encode(plan)))
        let task = try #require(graph.takeReady().first)
        #expect(task.workspaces.map(\.isReadOnly) == [true, false, false])
        #expect(task.workspaces[2].needs == nil)
        let mount = task.workspaces[0]
        let globs = try #require(mount.needs).map { Glob($0) }
        func isNeeded(_ path: String) -> Bool { mount.needs(globs, RelativePath(path)!) }
        let own = "\(task.id.name.split(separator: "/").last ?? "")"
        #expect(isNeeded("\(own).idx") && isNeeded("common/a") && isNeeded("common/deep/b"))
        #expect(!isNeeded("b.idx") && !isNeeded("commons") && !isNeeded("deep/\(own).idx"))
    }

    /// Each host has then what it is told to have, and what its tasks need.
    @Test func howManyMachinesHoldAFile() throws {
        let files = [
            "main/metro.yml": """
            metro: main
            workspaces:
              panel: { copies: 3, limit: 1 GB }
              usual: { copies: 1 }
            lines:
              one:
                - station: look
                  command: ls {panel} {usual}
                  out: list
                  workspaces: [panel, usual]
            """
        ]
        let plan = try withScratch { try NestedMetrosTests().plan(files, in: $0) }
        let back = try JSONText.decode(Plan.self, from: JSONText.encode(plan))
        #expect(back.workspaces.map(\.copies) == [3, 1])
        #expect(back.workspaces.map(\.isPartial) == [true, false])
        #expect(back.workspaces.map(\.limit) == [1_000_000_000, nil])
        #expect(plan.text.contains(" begins empty; each file on 3 machines\n"), "\(plan.text)")
        #expect(!plan.notes.contains { $0.contains("does nothing") }, "\(plan.notes)")
    }

    @Test func whatCanNotBeNeededIsTold() throws {
        func told(_ use: String, _ workspace: String = "{}", each: String = "") throws -> String {
            let metro = """
                metro: m
                inputs: { words: words/a.txt }
                workspaces: { panel: \(workspace) }
                lines: { l: [{ station: s, \(each.isEmpty ? "in" : "for_each"): words, command: "ls {panel}", out: x, workspaces: { panel: \(use) } }] }

                """
            do { _ = try MetroReader.read(text: metro, file: "metro.yml") } catch { return "\(error)" }
            return ""
        }
        #expect(try told("{ files: a }") == "")
        #expect(try told("{ files: \"{name}.txt\" }").contains("has no meaning in a station that runs once"))
        #expect(try told("{ files: \"{each}.txt\" }").contains("“{each}” has no meaning in “files”"))
        for path in ["../a", "/a", "a//b"] {
            #expect(try told("{ files: \(path) }").contains("is no file of a workspace"))
        }
        #expect(try told("{ files: a, access: sometimes }").contains("can “read” or “write” a workspace"))
        #expect(try told("{ files: a }", "{ path: /mnt/x }").contains("is a folder that all machines see"))
        #expect(try told("read", "{ path: /mnt/x, limit: 2 GB }").contains("“limit” says nothing of a folder"))
        #expect(try told("read", "{ limit: much }").contains("“limit” is a size"))
        #expect(try told("read", "{ copies: 2 }") == "")
        #expect(try told("read", "{ copies: 0 }").contains("“copies” is a whole number, and not “0”"))
        #expect(try told("read", "{ copies: 1000 }").contains("“copies” is at most 100, and not 1000"))
        #expect(try told("read", "{ copies: 2, ahead: yes }").contains("“copies” and “ahead” do not go together"))
        #expect(try told("read", "{ path: /mnt/x, copies: 2 }").contains("“copies” says nothing of a folder"))
    }

    @Test func aPlanThatNoLasWroteIsRefused() throws {
        func refused(_ workspaces: [PlannedWorkspace], uses: String = "panel") -> Bool {
            let station = PlannedStation(
                id: StationID("a"), line: "l", environment: .main, takes: [], forEach: [], command: "ls {panel}",
                outputs: ["x"], workspaces: [WorkspaceMount(uses, word: "panel")])
            let plan = Plan(
                metro: "m", environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [],
                workspaces: workspaces, stations: [station], results: [])
            return (try? TaskGraph(plan)) == nil
        }
        func file(_ path: String) -> PlannedFile { PlannedFile(name: "x", path: path) }
        #expect(!refused([PlannedWorkspace(name: "panel")]))
        #expect(!refused([PlannedWorkspace(name: "panel", copies: 2)]))
        #expect(refused([PlannedWorkspace(name: "panel", copies: 1_000_000)]))
        #expect(refused([]))
        #expect(refused([PlannedWorkspace(name: "../panel")], uses: "../panel"))
        #expect(refused([PlannedWorkspace(name: "panel"), PlannedWorkspace(name: "panel/x")]))
        #expect(refused([PlannedWorkspace(name: "panel", files: [file("/.las/workspaces/panel/../x")])]))
        #expect(refused([PlannedWorkspace(name: "panel", files: [file("/.las/inputs/x")])]))
    }
}
