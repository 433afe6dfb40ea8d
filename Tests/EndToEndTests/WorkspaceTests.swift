import Files
import Glibc
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

    /// All that a person does with a folder that shows a workspace, by the programs that there are.
    private static let visit = #"""
        set -eu
        las=$1
        shown() { grep -q " $PWD/mnt fuse" /proc/self/mounts; }
        mount() {
            "$las" workspace mount panel mnt 2> said &
            pid=$!
            for i in $(seq 2400); do shown && grep -q until said && return; sleep 0.05; done
            cat said; exit 1
        }
        mount
        ls mnt mnt/deep
        cat mnt/one.txt mnt/deep/link
        "$las" workspace mount panel mnt 2>&1 | grep -o "is shown at" || true
        echo new > mnt/deep/new
        mkdir mnt/made; mv mnt/deep/new "mnt/made/naïve name"; cat "mnt/made/naïve name"
        printf 'more\n' >> mnt/one.txt; cat mnt/one.txt
        rm mnt/two.txt; chmod 755 mnt/one.txt; stat -c %a mnt/one.txt
        python3 -c 'import os; print(os.getxattr("mnt/one.txt", "user.las.places").decode(), os.listxattr("mnt/one.txt"))'
        cat mnt/out 2>&1 | head -c 10 | wc -c
        "$las" workspace unmount mnt
        wait $pid && echo ended
        shown && echo still there
        ls -A mnt
        mount
        kill -TERM $pid; wait $pid && echo ended
        shown && echo still there
        mount
        kill -KILL $pid; wait $pid || echo killed
        # fusermount3 takes it away, as a rule: not where it looks before the kernel has noticed that the process is gone.
        for i in $(seq 40); do shown || break; sleep 0.05; done
        if shown; then "$las" workspace unmount mnt || ! shown; fi
        mount
        cat mnt/one.txt
        "$las" workspace unmount mnt
        wait $pid
        """#

    @Test(.enabled(if: access("/dev/fuse", R_OK | W_OK) == 0 && geteuid() == 0, "FUSE is needed"))
    func aWorkspaceIsAFolderOfThisMachine() throws {
        guard BuiltPrograms.areThere else { return }
        try withScratch { folder in
            try Folder.make(folder + "/m/refs/deep")
            let metro = Self.metro.replacing("panel: { files: refs/* }", with: "panel: { files: refs/**, keep: yes }")
            try File.write(metro, to: folder + "/m/metro.yml")
            try File.write("b\n", to: folder + "/m/refs/one.txt")
            try File.write("a\n", to: folder + "/m/refs/two.txt")
            try File.write("deep\n", to: folder + "/m/refs/deep/file")
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            let run = try las("run", "m")
            try #require(run.status == 0, "\(run.errors)")
            let name = try #require(try Folder.names(in: las.lash + "/runs").first)
            let files = "\(las.lash)/runs/\(name)/workspaces/panel/files"
            symlink("file", files + "/deep/link")
            symlink("/etc", files + "/out")
            var shell = Program(
                "sh", environment: ["PATH": "/usr/bin:/bin:/usr/sbin", "LASH": las.lash, "HOME": folder])
            shell.folder = folder
            let visit = try shell.run("-c", Self.visit, "sh", BuiltPrograms.las)
            #expect(
                visit.lines == [
                    "mnt:", "all", "deep", "one.txt", "out", "two.txt", "mnt/deep:", "file", "link", "b", "deep",
                    "is shown at", "new", "b", "more", "755", "head ['user.las.places']", "10", "ended", "ended",
                    "killed",
                    "b", "more",
                ], "\(visit.output)\n\(visit.errors)")
            #expect(try File.read(files + "/made/naïve name") == Array("new\n".utf8))
            #expect(!File.exists(files + "/two.txt"))
        }
    }

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
