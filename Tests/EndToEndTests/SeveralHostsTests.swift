import Files
import Foundation
import JSON
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

    /// Each gets its own name as a label.
    func labelByName() throws {
        for host in hosts {
            let labelled = try las("host", "label", host.name, host.name)
            try #require(labelled.status == 0, "\(labelled.errors)")
        }
    }

    /// Which hosts did tasks of a station in the newest run.
    func who(did station: String) throws -> Set<String> {
        let report = try JSONText.parse(Array(try las("report", "--json").output.utf8))
        let tasks = (report["byTask"]?.array ?? []).filter { $0["station"]?.string == station }
        return Set(tasks.compactMap { $0["host"]?.string })
    }

    /// What lies there of runs.
    func left() throws -> [String] {
        var left: [String] = []
        // They put it away while who waited for the run's end has its results already.
        for _ in 0..<1800 {
            left = try hosts.flatMap { host in
                try File.exists(host.lash + "/runs")
                    ? Program("find").run(host.lash + "/runs", "-mindepth", "1", "-maxdepth", "2").lines : []
            }
            if left.isEmpty { break }
            usleep(100_000)
        }
        return left
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

    /// The same, of tasks that no host is through with before another one has got some.
    private static let unhurried = metro.replacingOccurrences(of: "mkdir -p", with: "sleep 0.5; mkdir -p")

    /// A metro whose first tasks for each word begin when every one of the hosts, which have their names as labels, has
    /// done a task: a host that takes its time to come would find nothing left to do.
    static func meeting(_ metro: String, _ names: [String]) throws -> String {
        let stations = names.map {
            "    - station: met-\($0)\n      at: \($0)\n      command: echo here > {out}\n      out: here.txt\n"
        }
        let all = names.map { "met-\($0)" }.joined(separator: ", ")
        let first = "for_each: words\n"
        let place = try #require(metro.range(of: first))
        return metro.replacingCharacters(in: place, with: "\(first)      in: [\(all)]\n")
            .replacingOccurrences(of: "  one:\n", with: "  one:\n" + stations.joined())
    }

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
            let names = bench.hosts.map(\.name)
            try bench.labelByName()
            try Self.write(Self.meeting(Self.unhurried, names), items: 24, in: folder)
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            #expect(try Program("diff").run("-r", folder + "/here", folder + "/there").status == 0)
            // All of them did some of it, and the machine that leads the run has what they printed.
            #expect(try bench.who(did: "upper") == Set(names))
            #expect(try bench.las("logs").output.contains("upper word word"))
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
            // What is known by its contents is not run again, wherever it was made.
            #expect(try bench.las(["deploy", "m", "--width", "0"] + bench.all).status == 2)
            let again = try bench.las(["deploy", "m", "--width", "1", "--results", "again"] + bench.all)
            #expect(
                again.status == 0 && again.errors.contains("52 of 52 tasks had been done before"), "\(again.errors)")
        }
    }

    @Test func aRunIsLeftGoingOnAndLookedAfterFromElsewhere() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            // One task that all others wait for takes so long that the run goes on while it is asked for.
            let slow = Self.metro.replacingOccurrences(
                of: "  one:\n",
                with: "  one:\n    - station: long\n      command: sleep 20; echo on > {out}\n      out: on.txt\n"
            ).replacingOccurrences(of: "for_each: words\n", with: "for_each: words\n      in: long\n")
            try Self.write(slow, items: 12, in: folder)
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            // It goes on although nobody is there any more.
            #expect(try bench.las("ps").output.contains(run))
            #expect(try bench.las("fetch", run).status == 2)
            let attached = try bench.las("attach", run)
            #expect(attached.status == 0 && attached.errors.contains("las fetch \(run)"), "\(attached.errors)")
            #expect(try bench.las("status", run).output.contains("done, 26 of 26 done"))
            #expect(try bench.las("fetch", run, "nobody").status == 2)
            #expect(try bench.las("fetch", run, "sum", "--results", "some").status == 0)
            #expect(try Folder.names(in: folder + "/some") == ["sum"])
            let fetched = try bench.las("fetch", run)
            #expect(fetched.status == 0, "\(fetched.errors)")
            #expect(try Folder.names(in: folder + "/results") == ["count", "sum"])
            #expect(try bench.las("fetch", run).errors.contains("were brought already"))

            // One that is cancelled from elsewhere, and goes on.
            let second = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            let other = try #require(second.lines.first)
            #expect(try bench.las("cancel", other).status == 0)
            #expect(try bench.las("attach", other).errors.contains("the run was cancelled"))
            let resumed = try bench.las("resume", other, "--results", "resumed")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try Program("diff").run("-r", folder + "/results", folder + "/resumed").status == 0)
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// On two hosts, watched and left going on, cut off and resumed: what it is lies nowhere.
    @Test func secretsAreGivenToSeveralHostsAndLieNowhere() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            // Another one than other tests have: what processes show is looked through below.
            let token = "potato-4713-potato"
            try Folder.make(folder + "/m/words")
            for number in 1...6 { try File.write("\(number)", to: "\(folder)/m/words/w\(number).txt") }
            func write(seconds: String) throws {
                try File.write(
                    """
                    metro: upload
                    inputs:
                      words: words/*.txt
                    lines:
                      main:
                        - station: count
                          for_each: words
                          command: sleep \(seconds); echo ${#TOKEN} > {out}; echo "using $TOKEN" >&2
                          out: "{name}.length"
                          secrets: [TOKEN]
                        - station: all
                          in: count
                          command: cat {in} > {out}; echo "none ${TOKEN-}" >&2
                          out: all.txt
                    """, to: folder + "/m/metro.yml")
            }
            try write(seconds: "0.5")
            let missing = try bench.las(["deploy", "m"] + bench.all)
            #expect(missing.status == 2 && missing.errors.contains("las secret set TOKEN"), "\(missing.errors)")
            try File.write(token, to: folder + "/token.txt")
            try bench.las("secret", "set", "TOKEN", "--file", "token.txt")
            File.remove(folder + "/token.txt")
            func expectNothing(_ moment: String) throws {
                let found = try Program("grep").run("-r", "-l", "-a", token, folder)
                #expect(found.output.isEmpty, "\(moment): \(found.output)")
            }
            func expectRight(_ results: String) throws {
                #expect(
                    try bench.result("all/all.txt", in: results)
                        == String(repeating: "\(token.utf8.count)\n", count: 6))
                try expectNothing(results)
            }
            let watched = try bench.las(["deploy", "m", "--fresh", "--results", "watched"] + bench.all)
            try #require(watched.status == 0, "\(watched.errors)")
            try expectRight("watched")
            // What they print is masked.
            #expect(try bench.las("logs").output.contains("using ***"))

            // So long that it goes on until what leads it dies.
            try write(seconds: "12")
            let begun = try bench.las(["deploy", "m", "--fresh", "--detach"] + bench.all)
            try #require(begun.status == 0, "\(begun.errors)")
            let run = try #require(begun.lines.first)
            func told() throws -> String {
                String(decoding: try File.read("\(bench.las.lash)/runs/\(run)/journal"), as: UTF8.self)
            }
            for _ in 0..<6000 where try !told().contains("\"taskStarted\"") { usleep(20_000) }
            try expectNothing("while it runs")
            // Nor among anybody's arguments and variables, but those of the stations' commands.
            for process in try Folder.names(in: "/proc").compactMap(Int32.init) {
                let line = (try? File.read("/proc/\(process)/cmdline", atMost: 1 << 20)) ?? []
                #expect(!String(decoding: line, as: UTF8.self).contains(token))
                let name = String(decoding: (try? File.read("/proc/\(process)/comm", atMost: 64)) ?? [], as: UTF8.self)
                if !name.hasPrefix("las") { continue }
                let variables = (try? File.read("/proc/\(process)/environ", atMost: 1 << 20)) ?? []
                // One that was about to become a station's command is that by now.
                let still = (try? File.read("/proc/\(process)/comm", atMost: 64)) ?? []
                if String(decoding: still, as: UTF8.self) != name { continue }
                #expect(!String(decoding: variables, as: UTF8.self).contains(token), "\(process) \(name)")
            }
            // What leads it dies; who goes on with it gives the secret again.
            let pid = String(decoding: try File.read("\(bench.las.lash)/runs/\(run)/pid"), as: UTF8.self)
            kill(try #require(pid_t(pid.trimmingCharacters(in: .whitespacesAndNewlines))), SIGKILL)
            let resumed = try bench.las("resume", run, "--results", "resumed")
            try #require(resumed.status == 0, "\(resumed.errors)")
            try expectRight("resumed")
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    /// Hosts that start only what is signed take tasks of a signed metro, each of which they hold against its plan.
    @Test func signedMetrosRunOnHostsThatDemandIt() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try Self.write(Self.metro, items: 6, in: folder)
            try bench.las("key", "new", "anna")
            try bench.las("pack", "m", "--output", "m.las")
            for host in bench.hosts {
                try Folder.make(host.lash)
                try File.write(#"{"signature": "required"}"#, to: host.lash + "/policy.json")
            }
            let unsigned = try bench.las(["deploy", "m.las", "--fresh"] + bench.all)
            #expect(
                unsigned.status == 5 && unsigned.errors.contains("starts only what is signed"), "\(unsigned.errors)")
            #expect(try bench.las("sign", "m.las").status == 0)
            // Nobody there knows the key yet.
            let stranger = try bench.las(["deploy", "m.las", "--fresh"] + bench.all)
            #expect(stranger.status != 0 && stranger.errors.contains("which it does not trust"), "\(stranger.errors)")
            let key = try #require(try Program("find").run(bench.las.lash, "-name", "anna.pub").lines.first)
            for host in bench.hosts {
                try Folder.make(host.lash + "/trusted")
                try File.write(try File.read(key), to: host.lash + "/trusted/anna.pub")
            }
            let here = try bench.las("run", "m.las", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let there = try bench.las(["deploy", "m.las", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            #expect(try Program("diff").run("-r", folder + "/here", folder + "/there").status == 0)
        }
    }

    @Test func stationsGoToTheHostsWithTheirLabel() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            let labelled = Self.unhurried.replacingOccurrences(
                of: "station: count", with: "station: count\n      at: big")
            try Self.write(labelled, items: 8, in: folder)
            let here = try bench.las("run", "m")
            #expect(here.status == 2)
            #expect(here.errors.contains("the station count is for hosts with the label “big”"), "\(here.errors)")
            let nobody = try bench.las(["deploy", "m"] + bench.all)
            #expect(nobody.status == 2 && nobody.errors.contains("none of the hosts has it"), "\(nobody.errors)")
            try bench.labelByName()
            #expect(try bench.las("host", "label", "deneb", "big").status == 0)
            try Self.write(Self.meeting(labelled, ["vega", "deneb"]), items: 8, in: folder)
            let ended = try bench.las(["deploy", "m"] + bench.all)
            try #require(ended.status == 0, "\(ended.errors)")
            // By its name: one that failed before may be of the same second.
            let run = try #require(ended.errors.firstMatch(of: #/running (\S+) on /#)?.1)
            let report = try bench.las("report", String(run), "--json").output
            let tasks = try JSONText.parse(Array(report.utf8))["byTask"]?.array ?? []
            func who(did station: String) -> Set<String> {
                Set(tasks.filter { $0["station"]?.string == station }.compactMap { $0["host"]?.string })
            }
            #expect(who(did: "count") == ["deneb"])
            #expect(who(did: "met-vega") == ["vega"] && who(did: "met-deneb") == ["deneb"])
            #expect(who(did: "upper") == ["vega", "deneb"])
            try Self.write(labelled, items: 8, in: folder)
            // One host that has the label may run it by itself.
            #expect(try bench.las("deploy", "m", "--host", "vega").status == 2)
            let alone = try bench.las("deploy", "m", "--host", "deneb")
            #expect(alone.status == 0, "\(alone.errors)")
        }
    }

    @Test func aHostGetsOnlyTheEnvironmentsOfStationsThatItMayRun() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            try Self.write(
                Self.meeting(
                    """
                    metro: two
                    inputs:
                      words: words/*.txt
                    lines:
                      one:
                        - station: shout
                          for_each: words
                          command: sleep 0.5; tr a-z A-Z < {each} > {out}
                          out: "{name}.up"
                        - station: quote
                          at: big
                          needs: { debian: [jq] }
                          for_each: shout
                          command: jq -R . {each} > {out}
                          out: "{name}.json"
                    """, ["vega", "deneb"]), items: 6, in: folder)
            try bench.labelByName()
            #expect(try bench.las("host", "label", "deneb", "big").status == 0)
            let ended = try bench.las(["deploy", "m"] + bench.all)
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(try bench.result("quote/w2.json") == "\"WORD WORD \"\n")
            // The metro and the small base lie on both, what holds jq on one of them.
            let counts = try bench.hosts.map { host in
                try Program("find").run(host.lash + "/parts", "-name", "*.extents").lines.count
            }
            #expect(counts == [2, 3])
            #expect(try bench.who(did: "shout") == ["vega", "deneb"])
        }
    }

    @Test func whatAHostHasOfGPUsIsKnown() throws {
        try withScratch { folder in
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try Self.write(
                Self.metro.replacingOccurrences(of: "station: upper", with: "station: upper\n      uses: { gpus: 2 }"),
                items: 1, in: folder)
            #expect(try las("host", "add", "vega", "127.0.0.1:1", "--unchecked").status == 0)
            let facts = """
                {"name": "vega", "architecture": "x86_64", "kernel": "6.1", "cpus": 8, "memory": 8000000000, "freeDisk": 1,
                 "isRoot": false, "engine": "fuse", "reason": "", "notes": [],
                 "offers": {"cgroups": "v2", "gpus": COUNT}}
                """
            try Folder.make(las.lash + "/facts")
            for (count, isEnough) in [(1, false), (2, true)] {
                try File.write(
                    facts.replacingOccurrences(of: "COUNT", with: "\(count)"), to: las.lash + "/facts/vega.json")
                let told = try las("check", "m")
                #expect(told.errors.contains("upper wants 2 gpus") != isEnough, "\(told.errors)")
            }
        }
    }
}
