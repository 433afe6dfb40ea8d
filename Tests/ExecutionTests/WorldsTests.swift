import Files
import Foundation
import Glibc
import JSON
import Plan
import TestSupport
import Testing
import Threads

/// The same bundle, with the static runtime, on machines that offer different things: each tells its rung and gives the same results.
@Suite struct WorldsTests {
    let bundles = BundleRunTests()

    let metro = plan([
        station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
        station("script", "embrace \"$(cat {hello})\" > {out}", takes: [from("hello")]),
        station("parts", "for i in 1 2 3; do echo $i > {out}/$i.txt; done", out: ["f/"]),
        station("each", "cat {each} {each} > {out}", out: ["{name}.copy"], forEach: [from("parts", "f/*.txt")]),
        station(
            "all", "ls {each} > /dev/null; cat {each} | wc -c > {out}", out: ["{name}.size"], forEach: [from("each")]),
    ])

    @Test(arguments: World.allCases) func aBundleRunsEverywhere(_ world: World) throws {
        guard BuiltPrograms.areThere else { return }
        try withScratch { scratch in
            let path = try bundles.bundle(metro, runtime: BuiltPrograms.runtime, in: scratch)
            let lash = scratch + "/lash"
            guard
                let ended = try world.run(
                    path, ["run", "--results", scratch + "/out", "--lash", lash], in: scratch)
            else { return }
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("engine: \(world.engine), because "), "\(ended.errors)")
            #expect(ended.errors.contains(world.reason), "\(ended.errors)")
            #expect(try SampleTree.listing(of: scratch + "/out").contains("f/3.txt"))
            for (file, text) in [
                ("hello/out.txt", "hello\n"), ("script/out.txt", "<hello>\n"), ("parts/f/2.txt", "2\n"),
                ("each/2.copy", "2\n2\n"), ("all/2.size", "4\n"),
            ] {
                let found = try File.read("\(scratch)/out/\(file)")
                #expect(String(decoding: found, as: UTF8.self) == text, "\(file)")
            }
            let left = try Folder.names(in: lash + "/runs")
            #expect(left.isEmpty)
            #expect(Self.servers(of: scratch).isEmpty)
            let doctor = try world.run(path, ["doctor", "--json", "--lash", lash], in: scratch)
            let facts = try JSONText.parse(doctor?.output ?? "")
            #expect(facts["engine"]?.string == world.engine, "\(facts)")
        }
    }

    /// A mount goes away with its last user, whatever ended that, and not before.
    @Test(arguments: [World.root, .userWithFuse, .rootWithoutLoopDevices])
    func nothingIsLeftOfARunThatIsKilled(_ world: World) throws {
        guard OrdinaryUser.isRootHere, BuiltPrograms.areThere else { return }
        try withScratch { scratch in
            let seconds = "96.\(Int.random(in: 100_000...999_999))"
            let path = try bundles.bundle(
                plan([station("long", "sleep \(seconds); : {out}")]), runtime: BuiltPrograms.runtime, in: scratch)
            let running = try OwnThread { _ = try? world.run(path, ["run", "--lash", scratch + "/lash"], in: scratch) }
            defer { running.join() }
            let started = Date()
            while !isRunning(seconds), Date().timeIntervalSince(started) < 60 { usleep(2000) }
            let run = try #require(try Folder.names(in: scratch + "/lash/runs").first)
            let pid = try #require(Int32(text(of: "\(scratch)/lash/runs/\(run)/pid")))
            kill(pid, SIGKILL)
            let killed = Date()
            while isRunning(seconds) || !Self.servers(of: scratch).isEmpty || loopDevices(of: path) > 0,
                Date().timeIntervalSince(killed) < 20
            { usleep(2000) }
            #expect(!isRunning(seconds))
            #expect(Self.servers(of: scratch) == [])
            #expect(loopDevices(of: path) == 0)
        }
    }

    private func text(of path: String) throws -> String {
        String(decoding: try File.read(path), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func loopDevices(of path: String) -> Int {
        ((try? Folder.names(in: "/sys/block")) ?? []).filter { $0.hasPrefix("loop") }.count { name in
            (try? text(of: "/sys/block/\(name)/loop/backing_file")) == path
        }
    }

    /// Processes that serve images of bundles in this folder.
    static func servers(of folder: String) -> [String] {
        ((try? Folder.names(in: "/proc")) ?? []).filter { pid in
            guard Int32(pid) != nil, let name = try? File.read("/proc/\(pid)/comm"),
                name.starts(with: "las-images".utf8)
            else { return false }
            return ((try? Folder.names(in: "/proc/\(pid)/fd")) ?? []).contains {
                File.real("/proc/\(pid)/fd/\($0)")?.hasPrefix(folder) ?? false
            }
        }
    }
}
