import Files
import Glibc
import TestSupport
import Testing

/// A folder that hosts see by a mount of their own each, as the machines of a cluster do.
@Suite(
    .serialized,
    .enabled(
        if: HostBench.missing == nil && SSHServer.missing == nil && SharedMount.missingSSHFS == nil
            && File.exists("/usr/lib/openssh/sftp-server"), "namespaces, sshd and sshfs are needed"))
struct CommonFolderTests {
    /// Two of them write one file while tasks of both run: the run tells of it. What tasks write one after another, and files that one of
    /// them writes, it does not tell of.
    @Test func filesThatTwoHostsWriteAtOnceAreTold() throws {
        try withScratch { folder in
            try Folder.make(folder + "/hosts")
            let common = folder + "/common"
            try Folder.make(common)
            let bench = try HostBench(["vega", "deneb", "store"], in: folder + "/hosts")
            for name in ["vega", "deneb"] {
                let mounted = try bench.run(
                    on: name, "sshfs", "-F", bench.clientConfiguration, "-o",
                    "IdentityFile=\(bench.key),BatchMode=yes,sftp_server=/usr/lib/openssh/sftp-server,dir_cache=no",
                    "\(bench.address(of: "store")):\(common)", common)
                try #require(mounted.status == 0, "\(mounted.errors)")
            }
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try Folder.make(folder + "/m")
            func station(_ name: String, _ host: String, _ more: String, _ command: String) -> String {
                """
                    - station: \(name)
                      at: \(host)
                \(more)      workspaces: panel
                      command: \(command)
                      out: said.txt

                """
            }
            func both(_ own: String, _ other: String) -> String {
                func waits(_ name: String) -> String {
                    "for i in $(seq 6000); do [ -e {panel}/\(name) ] && break; sleep 0.1; done"
                }
                return
                    "touch {panel}/\(own); \(waits(other)); echo \(own) > {panel}/both; touch {panel}/end-\(own); \(waits("end-" + other)); echo done"
            }
            try File.write(
                "metro: both\nworkspaces: { panel: { via: path, path: \(common) } }\nlines:\n  one:\n"
                    + station("left", "vega", "", both("left", "right"))
                    + station("first", "vega", "      in: [left, right]\n", "echo first > {panel}/later; echo done")
                    + station("second", "deneb", "      in: first\n", "cat {panel}/later; echo second > {panel}/later")
                    + "  two:\n" + station("right", "deneb", "", both("right", "left")) + "results: [second]\n",
                to: folder + "/m/metro.yml")
            // Where packages can be had, too: in the hosts' network there is nothing else.
            let packed = try las("pack", "m")
            try #require(packed.status == 0, "\(packed.errors)")
            las.prefix = bench.prefix
            las.variables["LAS_SSH_CONFIG"] = bench.clientConfiguration
            for name in ["vega", "deneb"] {
                let added = try las(
                    "host", "add", name, bench.address(of: name), "--identity", bench.key, "--host-lash",
                    bench.lash(of: name), "--unchecked")
                try #require(added.status == 0, "\(added.errors)")
                let labelled = try las("host", "label", name, name)
                try #require(labelled.status == 0, "\(labelled.errors)")
            }
            let ended = try las("deploy", "m", "--fresh", "--host", "vega", "--host", "deneb")
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(try File.read(folder + "/results/second/said.txt") == Array("first\n".utf8))
            let report = try las("report").output
            #expect(
                report.contains("vega and deneb both wrote both of the workspace “panel” while tasks of both ran"),
                "\(report)")
            #expect(!report.contains("both wrote later") && !report.contains("both wrote left"), "\(report)")
            for _ in 0..<1800 where try !Folder.names(in: common).isEmpty { usleep(100_000) }
            #expect(try Folder.names(in: common) == [])
        }
    }
}
