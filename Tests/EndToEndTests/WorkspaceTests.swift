import Files
import TestSupport
import Testing

/// Workspaces as a user meets them: from the metro's folder to the results.
@Suite struct WorkspaceTests {
    private static let metro = """
        metro: panel-of-words
        workspaces:
          panel: { files: refs/* }
        lines:
          main:
            - station: add
              workspaces: panel
              command: sort {panel}/*.txt > {panel}/all; wc -l < {panel}/all
              out: count.txt
            - station: look
              in: add
              workspaces: { panel: read }
              command: head -1 {panel}/all; ls {panel}
              out: first.txt
          other:
            - station: alone
              command: echo alone
              out: alone.txt
        results: [add, look, alone]
        """

    @Test func whatStationsShareComesAlongAndIsLookedAtAnew() throws {
        guard BuiltPrograms.areThere else { return }
        try withScratch { folder in
            try Folder.make(folder + "/m/refs")
            try File.write(Self.metro, to: folder + "/m/metro.yml")
            try File.write("b\n", to: folder + "/m/refs/one.txt")
            try File.write("a\nc\n", to: folder + "/m/refs/two.txt")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            for _ in 1...2 {
                let ended = try las("run", "m")
                #expect(ended.status == 0, "\(ended.errors)")
                #expect(try File.read(folder + "/results/add/count.txt") == Array("3\n".utf8))
                #expect(try File.read(folder + "/results/look/first.txt") == Array("a\nall\none.txt\ntwo.txt\n".utf8))
            }
            let plan = try las("plan", "m").output
            #expect(plan.contains("  panel       refs/*: 2 files at first\n"), "\(plan)")
            #expect(plan.contains("  add         it uses a workspace\n"), "\(plan)")
            #expect(plan.contains("  alone       nothing: it is done\n"), "\(plan)")
            // Where they lay goes with a run that ended well.
            let runs = try Folder.names(in: folder + "/lash/runs")
            #expect(!runs.isEmpty && runs.allSatisfy { !File.exists("\(folder)/lash/runs/\($0)/workspaces") })
        }
    }
}
