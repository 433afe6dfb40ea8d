import Files
import Glibc
import TestSupport
import Testing

/// Workspaces on real file systems that the machines of a run have in common.
@Suite(.serialized, .enabled(if: SSHServer.missing == nil && geteuid() == 0, "needs sshd and its tools, and root"))
struct MountedWorkspaceTests {
    @Test(.enabled(if: SharedMount.missingSSHFS == nil, "needs sshfs"))
    func bySSHFS() throws { try runs("sshfs") { try SharedMount.sshfs(in: $0) } }

    @Test(.enabled(if: SharedMount.missingGluster == nil, "needs GlusterFS"))
    func byGlusterFS() throws { try runs("gluster") { try SharedMount.gluster(in: $0) } }

    /// On one machine and on two, with the same results, and nothing left behind.
    private func runs(_ way: String, _ mount: (String) throws -> SharedMount) throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            let mount = try mount(folder)
            defer { mount.end() }
            for name in ["words", "refs"] { try Folder.make("\(folder)/m/\(name)") }
            try File.write("of the panel\n", to: folder + "/m/refs/ref.txt")
            for number in 1...6 { try File.write("word \(number)\n", to: "\(folder)/m/words/w\(number).txt") }
            func write(_ way: String, meeting names: [String] = []) throws {
                let metro = """
                    metro: common
                    inputs:
                      words: words/*.txt
                    workspaces:
                      panel: { files: refs/*, via: \(way), path: \(mount.path) }
                    lines:
                      one:
                        - station: add
                          for_each: words
                          workspaces: panel
                          command: |
                            sleep 0.5
                            mkdir -p {panel}/deep
                            cat {each} {panel}/ref.txt > {panel}/deep/{name}.new
                            mv {panel}/deep/{name}.new {panel}/deep/{name}
                            ln -s deep/{name} {panel}/link-{name}
                            echo done
                          out: "{name}.txt"
                        - station: all
                          in: add
                          workspaces: { panel: read }
                          command: cat {panel}/link-w*; if touch {panel}/no 2> /dev/null; then echo written; fi
                          out: all.txt
                    results: [all]
                    """
                try File.write(
                    names.isEmpty ? metro : SeveralHostsTests.meeting(metro, names), to: folder + "/m/metro.yml")
            }
            try write(way)
            let here = try bench.las("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let names = bench.hosts.map(\.name)
            try bench.labelByName()
            try write(way, meeting: names)
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            let all = (1...6).map { "word \($0)\nof the panel\n" }.joined()
            #expect(try bench.result("all/all.txt", in: "here") == all)
            #expect(try bench.result("all/all.txt", in: "there") == all)
            #expect(try bench.who(did: "add") == Set(names))
            func left() throws -> [String] { try Folder.names(in: mount.path).filter { $0.hasPrefix("las-") } }
            for _ in 0..<1800 where try !left().isEmpty { usleep(100_000) }
            #expect(try left().isEmpty)
            // A folder that is not what the metro says is refused, also where it looks the same.
            try write("nfs")
            let other = try bench.las("run", "m", "--fresh", "--results", "no")
            #expect(other.status != 0 && other.errors.contains("is no nfs file system here"), "\(other.errors)")
            // What serves it is gone: the run says so, and does not hang.
            try write(way)
            mount.end()
            let gone = try bench.las("run", "m", "--fresh", "--results", "no")
            #expect(gone.status != 0 && gone.errors.contains("is no \(way) file system here"), "\(gone.errors)")
        }
    }
}
