import Files
import Glibc
import TestSupport
import Testing

/// Files of a workspace that several hosts hold.
@Suite(
    .serialized, .enabled(if: HostBench.missing == nil && SSHServer.missing == nil, "namespaces and sshd are needed"))
struct CopiedWorkspaceTests {
    /// “copies: 3”: a file that one host makes is held by another one, too, which has no task of the workspace; when that host dies, the
    /// third one gets it.
    @Test func aFileLiesOnAsManyMachinesAsTheMetroSays() throws {
        try withScratch { folder in
            try Folder.make(folder + "/hosts")
            let names = ["vega", "deneb", "altair"]
            let bench = try HostBench(names, in: folder + "/hosts")
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try Folder.make(folder + "/m/words")
            try File.write("word 1\n", to: folder + "/m/words/w1.txt")
            try Folder.make(folder + "/m/refs")
            try File.write("of the panel\n", to: folder + "/m/refs/ref.txt")
            try File.write(
                """
                metro: held
                inputs: { words: words/w1.txt }
                workspaces:
                  panel: { files: refs/*, copies: 3, limit: 1 KB }
                lines:
                  one:
                    - station: wait
                      in: words
                      at: writes
                      workspaces: panel
                      command: |
                        seq 1000 > {panel}/new; mv {panel}/new {panel}/made
                        for i in $(seq 3000); do [ -e {panel}/answer ] && break; sleep 0.1; done
                        cat {panel}/answer
                      out: heard.txt
                results: [wait]
                """, to: folder + "/m/metro.yml")
            // Where packages can be had, too: in the hosts' network there is nothing else.
            let packed = try las("pack", "m")
            try #require(packed.status == 0, "\(packed.errors)")
            las.prefix = bench.prefix
            las.variables["LAS_SSH_CONFIG"] = bench.clientConfiguration
            for name in names {
                let added = try las(
                    "host", "add", name, bench.address(of: name), "--identity", bench.key, "--host-lash",
                    bench.lash(of: name), "--unchecked")
                try #require(added.status == 0, "\(added.errors)")
            }
            let labelled = try las("host", "label", "vega", "writes")
            try #require(labelled.status == 0, "\(labelled.errors)")
            let begun = try las(
                ["deploy", "m", "--fresh", "--detach", "--lost-after", "3"] + names.flatMap { ["--host", $0] })
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            defer { _ = try? las("cancel") }
            /// Waits until so many machines have it.
            func places(but lost: String? = nil) throws -> [String] {
                var told: Program.Ended?
                for _ in 0..<2400 {
                    let asked = try las("workspace", "where", "panel", "made")
                    if asked.status == 0, asked.lines.count == 3, asked.lines[0] == "head",
                        asked.lines.contains("vega"), lost.map({ !asked.lines.contains($0) }) ?? true
                    {
                        return asked.lines
                    }
                    told = asked
                    usleep(100_000)
                }
                Issue.record("\(told?.output ?? "") \(told?.errors ?? "")")
                return []
            }
            let first = try places()
            let holder = try #require(first.first { $0 == "deneb" || $0 == "altair" })
            try bench.kill(holder)
            let then = try places(but: holder)
            #expect(Set(then) == Set(["head"] + names).subtracting([holder]))
            try File.write("from a person\n", to: folder + "/note")
            let put = try las("workspace", "put", "panel", "note", "answer")
            #expect(put.status == 0, "\(put.errors)")
            let ended = try las("attach", run)
            try #require(ended.status == 0, "\(ended.errors)")
            _ = try las("fetch")
            #expect(try File.read(folder + "/results/wait/heard.txt") == Array("from a person\n".utf8))
        }
    }
}
