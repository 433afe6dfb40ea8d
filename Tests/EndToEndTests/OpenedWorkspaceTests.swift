import Files
import Glibc
import TestSupport
import Testing

/// Files of a workspace that come to a host when a command opens them.
@Suite(.serialized, .enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) struct OpenedWorkspaceTests
{
    /// One host makes many files, and others, each with another way to show tasks their environment, open some of them. Where that goes by
    /// the kernel or by FUSE nothing else comes.
    @Test func onlyWhatACommandOpensComes() throws {
        try withScratch { folder in
            let engines =
                OrdinaryUser.isRootHere && File.exists("/dev/fuse")
                ? ["kernel", "fuse", "extraction", "proot"] : ["extraction"]
            let bench = try BareHosts(["vega"] + engines, in: folder)
            try bench.labelByName()
            for host in bench.hosts.dropFirst() {
                try Folder.make(host.lash)
                try File.write("{\"engine\": \"\(host.name)\"}", to: host.lash + "/policy.json")
            }
            try Folder.make(folder + "/m/refs")
            try File.write("of the panel\n", to: folder + "/m/refs/ref.txt")
            let look = engines.map { engine in
                """
                    - station: look-\(engine)
                      in: make
                      at: \(engine)
                      workspaces: { panel: { files: index, rest: when_opened } }
                      command: |
                        cat {panel}/data/$(cat {panel}/index) {panel}/ref.txt > {out}
                        ls {panel}/data | wc -l >> {out}
                        stat -c %s {panel}/data/100 >> {out}
                        echo by \(engine) > {panel}/data/\(engine)
                        for i in $(seq 6000); do [ -e {panel}/answer ] && break; sleep 0.1; done
                        cat {panel}/answer >> {out}
                      out: seen.txt
                """
            }.joined(separator: "\n")
            try File.write(
                """
                metro: opened
                workspaces:
                  panel: { files: refs/* }
                lines:
                  one:
                    - station: make
                      at: vega
                      workspaces: panel
                      command: |
                        mkdir {panel}/data
                        for i in $(seq 200); do echo file $i > {panel}/data/$i; done
                        for name in \(engines.joined(separator: " ")); do echo old > {panel}/data/$name; done
                        echo 17 > {panel}/index
                        echo made
                      out: made.txt
                \(look)
                    - station: check
                      in: [\(engines.map { "look-\($0)" }.joined(separator: ", "))]
                      at: vega
                      workspaces: { panel: read }
                      command: cd {panel}/data; cat \(engines.joined(separator: " ")); ls | wc -l
                      out: seen.txt
                results: [\(engines.map { "look-\($0)" }.joined(separator: ", ")), check]
                """, to: folder + "/m/metro.yml")
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            defer { _ = try? bench.las("cancel") }
            func places(of file: String) throws -> Set<String> {
                Set(try bench.las("workspace", "where", "panel", file).lines)
            }
            // What each has written is told.
            for engine in engines {
                for _ in 0..<2400 {
                    let told = try bench.las("workspace", "history", "panel", "data/\(engine)").output
                    if told.contains(engine) { break }
                    usleep(100_000)
                }
            }
            let whole = Set(engines).subtracting(["kernel", "fuse"])
            var (opened, others): (Set<String>, Set<String>) = ([], [])
            for _ in 0..<2400 {
                (opened, others) = (try places(of: "data/17"), try places(of: "data/18"))
                if opened == Set(["head", "vega"] + engines), others == whole.union(["head", "vega"]) { break }
                usleep(100_000)
            }
            #expect(opened == Set(["head", "vega"] + engines))
            #expect(others == whole.union(["head", "vega"]))
            try File.write("answered\n", to: folder + "/note")
            let put = try bench.las("workspace", "put", "panel", "note", "answer")
            #expect(put.status == 0, "\(put.errors)")
            let ended = try bench.las("attach", run)
            try #require(ended.status == 0, "\(ended.errors)")
            _ = try bench.las("fetch")
            for engine in engines {
                #expect(
                    try bench.result("look-\(engine)/seen.txt")
                        == "file 17\nof the panel\n\(200 + engines.count)\n9\nanswered\n")
            }
            // A file that was not there was replaced, and that was no collision.
            #expect(
                try bench.result("check/seen.txt")
                    == engines.map { "by \($0)\n" }.joined() + "\(200 + engines.count)\n")
            let report = try bench.las("report", run)
            for engine in whole {
                #expect(
                    report.output.contains("\(engine): files of workspaces can't be fetched here"), "\(report.output)")
            }
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// The runtime of a host is killed while a program of a task waits for a file: nothing of the task is left, and it runs again.
    @Test(.enabled(if: OrdinaryUser.isRootHere && File.exists("/dev/fuse"), "root and FUSE are needed"))
    func aRuntimeThatIsKilledLeavesNobodyWaiting() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try bench.labelByName()
            try Folder.make(folder + "/m/refs")
            try File.write("of the panel\n", to: folder + "/m/refs/ref.txt")
            let mark = "waited-for-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            try File.write(
                """
                metro: opened
                workspaces:
                  panel: { files: refs/* }
                lines:
                  one:
                    - station: make
                      at: vega
                      workspaces: panel
                      command: echo made | tee {panel}/\(mark)
                      out: made.txt
                    - station: look
                      in: make
                      at: deneb
                      workspaces: { panel: { rest: when_opened } }
                      command: |
                        until [ -e {panel}/go ]; do sleep 0.1; done
                        cat {panel}/\(mark) > {out}
                      out: seen.txt
                results: [look]
                """, to: folder + "/m/metro.yml")
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            defer { _ = try? bench.las("cancel") }
            func waits<Found>(_ look: () throws -> Found?) throws -> Found {
                for _ in 0..<2400 {
                    if let found = try look() { return found }
                    usleep(100_000)
                }
                throw FileFailure("find", folder, code: ENOENT)
            }
            func process(_ lash: String) throws -> pid_t? {
                let names = (try? Folder.names(in: lash + "/runs")) ?? []
                return names.lazy.compactMap { try? File.read("\(lash)/runs/\($0)/pid") }.compactMap {
                    pid_t(String(decoding: $0, as: UTF8.self).split(separator: "\n").first ?? "")
                }.first
            }
            let own = bench.hosts[1].lash
            let files = try waits { () -> String? in
                let names = (try? Folder.names(in: own + "/runs")) ?? []
                let places = names.map { "\(own)/runs/\($0)/workspaces/panel/files" }
                // The task runs, since what was made is known, and not here.
                return places.first { File.exists($0 + "/ref.txt") }
            }
            /// Programs that open the file.
            func opening() -> [pid_t] {
                ((try? Folder.names(in: "/proc")) ?? []).compactMap(pid_t.init).filter { number in
                    let words = (try? File.read("/proc/\(number)/cmdline", atMost: 1 << 16)) ?? []
                    return String(decoding: words, as: UTF8.self).hasPrefix("cat\0/.las/workspaces/panel/\(mark)")
                }
            }
            let head = try waits { try process(bench.las.lash) }
            let runtime = try waits { try process(own) }
            // Once it knows of the file it hears nothing more.
            _ = try waits {
                (try? bench.las("workspace", "where", "panel", mark))?.lines.contains("vega") ?? false ? 1 : nil
            }
            _ = try waits {
                try Program("find").run(own + "/runs", "-path", "*/shown/0").lines.isEmpty ? nil : 1
            }
            kill(head, SIGSTOP)
            defer { kill(head, SIGCONT) }
            try File.write("", to: files + "/go")
            _ = try waits { opening().isEmpty ? nil : 1 }
            kill(runtime, SIGKILL)
            _ = try waits { opening().isEmpty ? 1 : nil }
            kill(head, SIGCONT)
            let ended = try bench.las("attach", run)
            try #require(ended.status == 0, "\(ended.errors)")
            _ = try bench.las("fetch")
            #expect(try bench.result("look/seen.txt") == "made\n")
        }
    }
}
