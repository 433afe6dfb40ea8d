import Digests
import Files
import Foundation
import JSON
import Parts
import TestSupport
import Testing
import Threads

/// The link is cut, in every way that there is, at random moments of a ship and of a run over four hosts: what comes of it is right, and
/// nothing is sent or counted twice. A hundred moments in the soak.
@Suite(
    .serialized,
    .enabled(
        if: HostBench.missing == nil && SSHServer.missing == nil && Program.find("iptables") != nil,
        "namespaces, sshd and iptables are needed"))
struct CutTests {
    private static let isSoak = Program("true").environment["LAS_SOAK"] == "1"
    private static let (ships, runs, momentsOfRun) = isSoak ? (50, 5, 10) : (5, 1, 5)

    /// What is done to a host, its connections, or las.
    private enum Cut: CaseIterable {
        case linkDown, reset, serverKilled, lasKilled, runtimeKilled
    }

    /// Processes whose command line and folder fit.
    private static func processes(_ fits: (_ words: [String], _ folder: String) -> Bool) -> [pid_t] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(pid_t.init).filter { pid in
            guard let line = try? File.read("/proc/\(pid)/cmdline", atMost: 1 << 20) else { return false }
            let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            let folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")) ?? ""
            return fits(words, folder)
        }
    }

    private static func perform(_ cut: Cut, _ bench: HostBench, host: String, las: LasCommand) throws {
        switch cut {
        case .linkDown:
            try bench.cut(host)
            usleep(.random(in: 300_000...1_500_000))
            try bench.mend(host)
        case .reset: try bench.reset(host)
        case .serverKilled: try bench.killSessions(host)
        case .lasKilled:
            for pid in processes({ words, folder in
                words.first.map { $0.hasSuffix("/las") || $0 == "las" } == true
                    && (words.contains(las.lash) || folder == las.folder)
            }) {
                kill(pid, SIGKILL)
            }
        case .runtimeKilled:
            let lash = bench.lash(of: host)
            for pid in processes({ words, _ in
                words.contains(lash) && words.contains { ["serve", "piece"].contains($0) }
            }) {
                kill(pid, SIGKILL)
            }
        }
    }

    private func add(_ names: [String], _ bench: HostBench, _ las: inout LasCommand) throws {
        las.prefix = bench.prefix
        las.variables["LAS_SSH_CONFIG"] = bench.clientConfiguration
        for name in names {
            let added = try las(
                "host", "add", name, bench.address(of: name), "--identity", bench.key, "--host-lash",
                bench.lash(of: name), "--unchecked")
            try #require(added.status == 0, "\(added.errors)")
        }
    }

    /// Bytes of a part that lie on the host, each extent of them verified, as it would be there.
    private func verified(_ digest: Digest, _ host: LASH, _ store: PartStore) throws -> Int64 {
        guard !File.exists("\(host.parts)/\(digest.hex)") else { return 0 }
        let names = (try? Folder.names(in: host.incoming)) ?? []
        // One that has become the part by now is no longer there.
        let files = names.filter { $0.hasPrefix(digest.hex) }.compactMap { try? File.read("\(host.incoming)/\($0)") }
        var (sum, offset): (Int64, Int) = (0, 0)
        for extent in try store.extents(of: digest).extents {
            let range = offset..<offset + Int(extent.length)
            offset = range.upperBound
            if files.contains(where: { $0.count >= range.upperBound && Digest(of: $0[range]) == extent.digest }) {
                sum += extent.length
            }
        }
        return sum
    }

    /// Removes a folder that what ran before may still be putting something into, or taking something from.
    private static func remove(_ folder: String) throws {
        for _ in 0..<600 {
            if (try? Folder.remove(folder)) != nil { return }
            usleep(100_000)
        }
        try Folder.remove(folder)
    }

    @Test func aShipThatIsCutSendsNothingTwice() throws {
        try withScratch { folder in
            try Folder.make(folder + "/hosts")
            let bench = try HostBench(["vega"], in: folder + "/hosts")
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try add(["vega"], bench, &las)
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: heavy
                inputs:
                  data: data.bin
                lines:
                  one:
                    - station: sum
                      in: data
                      command: sha256sum < {in} > {out}
                      out: sum.txt
                """, to: folder + "/m/metro.yml")
            var generator = SystemRandomNumberGenerator()
            let words = (0..<(12 << 20) / 8).map { _ in generator.next() }
            let bytes = words.withUnsafeBytes { Array($0) }
            try File.write(bytes, to: folder + "/m/data.bin")
            // Packed, and the runtime brought, in the network that has something.
            var here = las
            here.prefix = []
            try #require(try here("pack", "m", "--output", "m.las").status == 0)
            let (host, store) = (LASH(root: bench.lash(of: "vega")), PartStore(LASH(root: las.lash)))
            let first = try las("deploy", "m.las", "--host", "vega")
            try #require(first.status == 0, "\(first.errors)")
            let digests = try Folder.names(in: host.parts).compactMap { Digest(hex: $0) }
            let sizes = try digests.map { digest in
                try store.extents(of: digest).extents.reduce(Int64(0)) { $0 + $1.length }
            }
            var (cuts, partly): ([Cut: Int], Int) = ([:], 0)
            for number in 0..<Self.ships {
                for place in [host.parts, host.incoming, host.tasks, folder + "/results"] { try Self.remove(place) }
                let cut = Cut.allCases[number % Cut.allCases.count]
                let limited = las
                let sending = try OwnThread {
                    _ = try? limited("deploy", "m.las", "--fresh", "--host", "vega", "--limit-rate", "8M")
                }
                usleep(.random(in: 200_000...2_200_000))
                try Self.perform(cut, bench, host: "vega", las: las)
                // Where nobody said goodbye it takes its time to notice: it is given up.
                usleep(300_000)
                if cut == .linkDown { try Self.perform(.lasKilled, bench, host: "vega", las: las) }
                sending.join()
                cuts[cut, default: 0] += 1
                // What is told afterwards is what the host really lacks. It may still be looking for what came.
                let missing = zip(digests, sizes).filter { !File.exists("\(host.parts)/\($0.0.hex)") }
                let there = try missing.reduce(Int64(0)) { try $0 + verified($1.0, host, store) }
                if there > 0 { partly += 1 }
                let again = try las("deploy", "m.las", "--fresh", "--host", "vega")
                try #require(again.status == 0, "\(cut): \(again.errors)")
                #expect(
                    try File.read(folder + "/results/sum/sum.txt") == Array("\(Digest(of: bytes))  -\n".utf8), "\(cut)")
                let lacking = missing.reduce(Int64(0)) { $0 + $1.1 } - there
                let told = try #require(
                    again.errors.firstMatch(of: #/shipping to vega: \d+ parts?, ([0-9.]+) (B|KB|MB)/#))
                let unit = told.2 == "MB" ? 1e6 : told.2 == "KB" ? 1e3 : 1
                // It is rounded for people: to a tenth below ten, to a whole above.
                let atLeast = ((Double(told.1) ?? -1) - (told.1.contains(".") ? 0.05 : 0.5)) * unit
                #expect(atLeast <= Double(lacking), "\(cut): \(again.errors), lacking \(lacking)")
            }
            print("ships cut: \(cuts), \(partly) of them with something verified")
            #expect(!Self.isSoak || partly > Self.ships / 4)
        }
    }

    @Test func aRunThatIsCutCountsNothingTwice() throws {
        try withScratch { folder in
            let names = ["vega", "deneb", "altair", "spica"]
            try Folder.make(folder + "/hosts")
            let bench = try HostBench(names, in: folder + "/hosts")
            var las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try add(names, bench, &las)
            try SeveralHostsTests.write(
                LostHostsTests.metro.replacingOccurrences(of: "sleep 0.4", with: "sleep 0.3")
                    .replacingOccurrences(of: "sleep 0.2", with: "sleep 0.15"), items: 200, in: folder)
            let here = try LasCommand(in: folder, lash: las.lash)("run", "m", "--fresh", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let before = try Set(Folder.names(in: las.lash + "/runs"))
            let all = names.flatMap { ["--host", $0] }
            var (cuts, within): ([Cut: Int], Int) = ([:], 0)
            for number in 0..<Self.runs {
                try Folder.remove(folder + "/there")
                let command = las
                var leading = try OwnThread {
                    _ = try? command(
                        ["deploy", "m", "--fresh", "--results", "there", "--lost-after", "6"] + all)
                }
                func run() throws -> String? {
                    try Folder.names(in: las.lash + "/runs").last {
                        !before.contains($0) && File.exists("\(las.lash)/runs/\($0)/journal")
                    }
                }
                func done(_ kind: String) throws -> Int {
                    guard let run = try run() else { return 0 }
                    let journal = String(decoding: try File.read("\(las.lash)/runs/\(run)/journal"), as: UTF8.self)
                    return journal.components(separatedBy: "\"\(kind)\"").count - 1
                }
                for _ in 0..<6000 where try done("taskDone") < 5 { usleep(50_000) }
                for moment in 0..<Self.momentsOfRun {
                    usleep(.random(in: 100_000...1_500_000))
                    let count = try done("taskDone")
                    if count > 0, count < 401 { within += 1 }
                    let cut = Cut.allCases[(number + moment) % Cut.allCases.count]
                    try Self.perform(cut, bench, host: names.randomElement() ?? "vega", las: las)
                    cuts[cut, default: 0] += 1
                    guard cut == .lasKilled else { continue }
                    leading.join()
                    leading = try OwnThread { _ = try? command("resume", "--results", "there") }
                }
                leading.join()
                let name = try #require(try run())
                // The last cut may have been that of las, or the run had ended before. Results that have not come whole
                // have no name yet.
                if !File.exists(folder + "/there/sum") {
                    let resumed = try las("resume", name, "--results", "there")
                    try #require(resumed.status == 0, "\(resumed.errors)")
                }
                #expect(try Program("diff").run("-r", folder + "/here", folder + "/there").status == 0)
                // Each task's end stands in the journal once.
                #expect(try done("taskDone") == 401)
                let tasks =
                    try JSONText.parse(Array(try las("report", name, "--json").output.utf8))["byTask"]?.array ?? []
                #expect(tasks.count == 401 && tasks.allSatisfy { $0["outcome"]?.string == "done" })
                try las("clean", name)
            }
            print("runs cut: \(cuts), \(within) of them with some of 401 tasks done")
            // Of a few moments chance may put all beside it.
            #expect(!Self.isSoak || within > Self.runs * Self.momentsOfRun / 3)
        }
    }
}
