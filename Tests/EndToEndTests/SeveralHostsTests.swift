import Files
import Foundation
import TestSupport
import Testing

/// Hosts on loopback, each an ssh server with a LASH of its own, and a las that knows them all.
struct BareHosts {
    let hosts: [BareHost]
    let folder: String
    let las: LasCommand

    init(_ names: [String], in folder: String) throws {
        self.folder = folder
        hosts = try names.map { name in
            try Folder.make("\(folder)/\(name)")
            return try BareHost(in: "\(folder)/\(name)", named: name)
        }
        var las = LasCommand(in: folder, lash: try makeLash(in: folder))
        // What each server's keys are, for all of them.
        try File.write(
            "Host *\n  UserKnownHostsFile \(hosts.map(\.server.knownHosts).joined(separator: " "))\n"
                + "  GlobalKnownHostsFile /dev/null\n  IdentityFile none\n", to: folder + "/client_config")
        las.variables["LAS_SSH_CONFIG"] = folder + "/client_config"
        self.las = las
        for host in hosts {
            let added = try host.add(las)
            try #require(added.status == 0, "\(added.errors)")
        }
    }

    /// `--host` for all of them.
    var all: [String] { hosts.flatMap { ["--host", $0.name] } }

    func result(_ path: String, in results: String = "results") throws -> String {
        String(decoding: try File.read("\(folder)/\(results)/\(path)"), as: UTF8.self)
    }

    /// What lies there of runs.
    func left() throws -> [String] {
        try hosts.flatMap { host in
            try File.exists(host.lash + "/runs")
                ? Program("find").run(host.lash + "/runs", "-mindepth", "1", "-maxdepth", "2").lines : []
        }
    }
}

@Suite(.serialized, .enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) struct SeveralHostsTests {
    /// Two stations for each of many items, folders and links among what they make, and one that takes all of it.
    static let metro = """
        metro: many
        inputs:
          words: words/*.txt
        lines:
          one:
            - station: upper
              for_each: words
              command: |
                mkdir -p {out}/deep
                tr a-z A-Z < {each} > {out}/deep/text
                ln -s deep/text {out}/link
                echo "upper $(cat {each})" >&2
              out: shown/
            - station: count
              for_each: upper
              command: cat {each}/link {each}/deep/text | wc -c > {out}
              out: "{name}.n"
            - station: sum
              in: [count, upper]
              command: |
                sort -n {count} > {out}
                for folder in {upper}; do cat $folder/link >> {out}; done
              out: all.txt
        results: [sum, count]
        """

    static func write(_ metro: String, items: Int, in folder: String) throws {
        try Folder.make(folder + "/m/words")
        try File.write(metro, to: folder + "/m/metro.yml")
        for number in 1...items {
            try File.write(String(repeating: "word ", count: number), to: "\(folder)/m/words/w\(number).txt")
        }
    }

    @Test func aMetroOverThreeHostsGivesWhatOneGives() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb", "altair"], in: folder)
            try Self.write(Self.metro, items: 24, in: folder)
            let here = try bench.las("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            #expect(try Program("diff").run("-r", folder + "/here", folder + "/there").status == 0)
            // All of them did some of it, and the machine that leads the run has what they printed.
            let report = try bench.las("report", "--json")
            for host in bench.hosts { #expect(report.output.contains("\"host\": \"\(host.name)\""), "\(host.name)") }
            #expect(try bench.las("logs").output.contains("upper word word"))
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
            // What is known by its contents is not run again, wherever it was made.
            let again = try bench.las(["deploy", "m", "--results", "again"] + bench.all)
            #expect(
                again.status == 0 && again.errors.contains("49 of 49 tasks had been done before"), "\(again.errors)")
        }
    }
}
