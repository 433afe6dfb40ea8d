import Files
import Foundation
import JSON
import TestSupport
import Testing
import Threads

/// Real hosts that die, lose their link, or lie, while a metro runs on them.
@Suite(
    .serialized, .enabled(if: HostBench.missing == nil && SSHServer.missing == nil, "namespaces and sshd are needed"))
struct LostHostsTests {
    /// Tasks that take a while, each of which leaves what only it can make, and one that takes all of it.
    static let metro = """
        metro: slow
        inputs:
          words: words/*.txt
        lines:
          one:
            - station: slow
              for_each: words
              command: sleep 0.4; wc -c < {each} > {out}; sha256sum < {each} >> {out}
              out: "{name}.n"
            - station: twice
              for_each: slow
              command: sleep 0.2; cat {each} {each} > {out}
              out: "{name}.2"
            - station: sum
              in: twice
              command: cat {in} > {out}
              out: all.txt
        """

    private struct Bench {
        let hosts: HostBench
        let las: LasCommand
        let folder: String
        /// Runs that were there already.
        private let before: [String]
        var all: [String] { hosts.names.flatMap { ["--host", $0] } }

        /// - Parameters:
        ///   - seconds: what each of the first tasks takes: so long that the run goes on while a host is dealt with.
        ///   - label: of the host that the last station is for.
        init(
            _ names: [String], in folder: String, items: Int = 40, seconds: String = "0.4", last label: String? = nil,
            tampering: [String: String] = [:]
        ) throws {
            self.folder = folder
            try Folder.make(folder + "/hosts")
            hosts = try HostBench(names, in: folder + "/hosts", tampering: tampering)
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            las.prefix = hosts.prefix
            las.variables["LAS_SSH_CONFIG"] = hosts.clientConfiguration
            self.las = las
            for name in names {
                let added = try las(
                    "host", "add", name, hosts.address(of: name), "--identity", hosts.key, "--host-lash",
                    hosts.lash(of: name), "--unchecked")
                try #require(added.status == 0, "\(added.errors)")
            }
            // Here without waiting.
            let quick = LostHostsTests.metro.replacingOccurrences(of: "sleep 0.4; ", with: "").replacingOccurrences(
                of: "sleep 0.2; ", with: "")
            try SeveralHostsTests.write(quick, items: items, in: folder)
            // Where packages can be had, too: in the hosts' network there is nothing else.
            let here = try LasCommand(in: folder, lash: las.lash)("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            var metro = LostHostsTests.metro.replacingOccurrences(of: "sleep 0.4", with: "sleep \(seconds)")
            if let label {
                let labelled = try las("host", "label", names[0], label)
                try #require(labelled.status == 0, "\(labelled.errors)")
                metro = metro.replacingOccurrences(of: "station: sum", with: "station: sum\n      at: \(label)")
            }
            try SeveralHostsTests.write(metro, items: items, in: folder)
            before = try Folder.names(in: las.lash + "/runs")
        }

        /// What it must come to: what this machine has made of it.
        func expect(_ results: String) throws {
            #expect(try Program("diff").run("-r", folder + "/here", folder + "/" + results).status == 0)
        }

        func deploy(lostAfter seconds: Int = 6) throws -> Program.Ended {
            try las(["deploy", "m", "--fresh", "--results", "there", "--lost-after", "\(seconds)"] + all)
        }

        /// The newest run's tasks.
        func tasks() throws -> [JSONValue] {
            try JSONText.parse(Array(try las("report", "--json").output.utf8))["byTask"]?.array ?? []
        }

        /// The newest run, if it is another one than those before.
        func run() throws -> String? { try Folder.names(in: las.lash + "/runs").last { !before.contains($0) } }

        /// What the newest run's journal tells.
        func events() throws -> [JSONValue] {
            guard let run = try run(), let bytes = try? File.read("\(las.lash)/runs/\(run)/journal") else { return [] }
            // What is just being written is no line yet.
            return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
                try? JSONText.parse(Array(line.drop { $0 != UInt8(ascii: "{") }))
            }
        }

        /// Waits until the newest run has told what is looked for: by its journal, since a command may take as long as
        /// the run.
        func wait(until what: String, _ body: ([JSONValue]) -> Bool) throws {
            for _ in 0..<12_000 {
                if try body(events()) { return }
                usleep(20_000)
            }
            Issue.record("the run does not come to \(what)")
        }

        /// Waits until so many tasks of the newest run are done, and one runs on a host.
        func wait(for count: Int, on host: String? = nil) throws {
            try wait(until: "\(count) tasks") { events in
                func tasks(_ kind: String, on host: String? = nil) -> Set<String> {
                    Set(
                        events.filter { $0["kind"]?.string == kind && (host == nil || $0["host"]?.string == host) }
                            .compactMap { $0["task"]?.string })
                }
                let done = tasks("taskDone")
                return done.count >= count && (host == nil || !tasks("taskStarted", on: host).isSubset(of: done))
            }
        }

        func meanwhile(_ body: @escaping @Sendable () throws -> Void) throws -> OwnThread {
            try OwnThread { do { try body() } catch { Issue.record(error) } }
        }
    }

    @Test func oneOfFourHostsDiesForGood() throws {
        try withScratch { folder in
            let bench = try Bench(["vega", "deneb", "altair", "spica"], in: folder, seconds: "4")
            let killing = try bench.meanwhile {
                try bench.wait(for: 12, on: "deneb")
                try bench.hosts.kill("deneb")
            }
            let ended = try bench.deploy()
            killing.join()
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("deneb is lost"), "\(ended.errors)")
            try bench.expect("there")
            // What had begun there ran again elsewhere, and that is told; what was done counts once.
            let moved = try bench.tasks().filter {
                $0["moved"]?.array?.contains { $0["from"]?.string == "deneb" } ?? false
            }
            #expect(!moved.isEmpty)
            for task in moved { #expect(task["host"]?.string != "deneb", "\(task)") }
            let report = try bench.las("report")
            #expect(report.output.contains("moved from deneb to "), "\(report.output)")
            #expect(report.output.contains(", and ran again"), "\(report.output)")
        }
    }

    @Test func aLinkIsCutForAMoment() throws {
        try withScratch { folder in
            let bench = try Bench(["vega", "deneb"], in: folder, items: 24)
            let cutting = try bench.meanwhile {
                for count in [6, 20] {
                    try bench.wait(for: count)
                    try bench.hosts.cut("vega")
                    usleep(1_500_000)
                    try bench.hosts.mend("vega")
                }
            }
            let ended = try bench.deploy(lostAfter: 300)
            cutting.join()
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(!ended.errors.contains("is lost"), "\(ended.errors)")
            try bench.expect("there")
            // What ran went on: nothing ran twice.
            for task in try bench.tasks() { #expect(task["attempts"]?.integer == 1, "\(task)") }
        }
    }

    @Test func aLinkIsCutForLongAndComesBack() throws {
        try withScratch { folder in
            // The last task is for it alone: the run does not end before it is here again.
            let bench = try Bench(["vega", "deneb"], in: folder, items: 60, seconds: "1", last: "far")
            let cutting = try bench.meanwhile {
                try bench.wait(for: 6, on: "vega")
                try bench.hosts.cut("vega")
                try bench.wait(until: "the loss of vega") {
                    $0.contains { $0["text"]?.string?.hasPrefix("vega is lost") ?? false }
                }
                try bench.hosts.mend("vega")
            }
            // After ten times as long nobody hopes for it any more.
            let ended = try bench.deploy(lostAfter: 10)
            cutting.join()
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(
                ended.errors.contains("vega is lost") && ended.errors.contains("vega is here again"), "\(ended.errors)")
            try bench.expect("there")
        }
    }

    @Test func whatLeadsTheRunIsKilledAndTheRunResumed() throws {
        try withScratch { folder in
            let bench = try Bench(["vega", "deneb"], in: folder, items: 24, seconds: "4")
            let killing = try bench.meanwhile {
                try bench.wait(for: 8)
                let run = try #require(try bench.run())
                let pid = String(decoding: try File.read("\(bench.las.lash)/runs/\(run)/pid"), as: UTF8.self)
                kill(try #require(pid_t(pid.trimmingCharacters(in: .whitespacesAndNewlines))), SIGKILL)
            }
            let cut = try bench.deploy()
            killing.join()
            #expect(cut.status != 0)
            // What ran on the hosts at that moment goes on.
            usleep(1_000_000)
            let resumed = try bench.las("resume")
            try #require(resumed.status == 0, "\(resumed.errors)")
            try bench.expect("there")
            let tasks = try bench.tasks()
            #expect(tasks.count == 49)
            for host in bench.hosts.names {
                let runs = bench.hosts.lash(of: host) + "/runs"
                // They put it away while who waited for the run's end has its results already.
                for _ in 0..<1800 where try !Folder.names(in: runs).isEmpty { usleep(100_000) }
                #expect(try Folder.names(in: runs).isEmpty)
            }
        }
    }

    /// It changes what a task made, on its way, or has it go elsewhere: whichever task that is.
    @Test(arguments: [("  -\\n", "  +\\n"), ("slow/w", "../x/w")])
    func aHostThatLiesIsNotUsedAnyMore(_ what: String, _ instead: String) throws {
        try withScratch { folder in
            try File.write(
                """
                import os, sys
                what, instead = (text.encode().decode("unicode_escape").encode() for text in sys.argv[1:3])
                while data := os.read(0, 1 << 20):
                    data = data.replace(what, instead)
                    while data:
                        data = data[os.write(1, data):]
                """, to: folder + "/tamper.py")
            let python = try #require(Program.find("python3"))
            let bench = try Bench(
                ["vega", "deneb"], in: folder, items: 12, seconds: "3",
                tampering: ["vega": "\(python) \(folder)/tamper.py '\(what)' '\(instead)'"])
            let ended = try bench.deploy()
            // The one that can be trusted does all of it.
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("vega is not used any more: the other machine sends"), "\(ended.errors)")
            try bench.expect("there")
            #expect(!File.exists(bench.las.lash + "/runs/x"))
        }
    }
}
