import Files
import Foundation
import Glibc
import JSON
import Parts
import Plan
import Sandbox
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
            try remember(path, in: lash)
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
            for run in try Folder.names(in: lash + "/runs") {
                #expect(((try? Folder.names(in: "\(lash)/runs/\(run)/mounts")) ?? []).isEmpty)
                #expect(!File.exists("\(lash)/runs/\(run)/tasks"))
            }
            // It is told by the kernel that nobody has the images mounted any more, maybe a moment after the run.
            let over = Date()
            while !Self.servers(of: scratch).isEmpty, Date().timeIntervalSince(over) < 120 { usleep(2000) }
            #expect(Self.servers(of: scratch) == [])
            let doctor = try world.run(path, ["doctor", "--json", "--lash", lash], in: scratch)
            let facts = try JSONText.parse(doctor?.output ?? "")
            #expect(facts["engine"]?.string == world.engine, "\(facts)")
        }
    }

    /// It is a part of every bundle, and is sent to every host.
    @Test func theRuntimeIsSmall() throws {
        guard BuiltPrograms.areThere else { return }
        let size = try #require(File.status(BuiltPrograms.runtime)).size
        #expect(size <= 16 << 20, "\(size) bytes")
    }

    /// As if it had been packed here.
    private func remember(_ bundle: String, in lash: String) throws {
        try PackedHere(LASH(root: lash)).remember(try BundleFile.open(bundle).metro.part.digest)
    }

    /// The kernel's own reader is not for what may be made to break it.
    @Test func theKernelMountsNoBundleOfAStranger() throws {
        guard BuiltPrograms.areThere else { return }
        try withScratch { scratch in
            let path = try bundles.bundle(metro, runtime: BuiltPrograms.runtime, in: scratch)
            let lash = scratch + "/lash"
            guard let ended = try World.root.run(path, ["run", "--lash", lash], in: scratch) else { return }
            #expect(ended.errors.contains("engine: fuse, because this bundle was packed elsewhere"), "\(ended.errors)")
            let asked = try World.root.run(path, ["run", "--lash", lash, "--engine", "kernel"], in: scratch)
            #expect(asked?.errors.contains("engine: kernel, because --engine asks for it") == true)
        }
    }

    /// What tries to get out, one attempt a line; each says what it could do.
    private static let attempts = #"""
        exec 2> /dev/null
        could() {{ echo "$1" >> {out}; }}
        : > {out}
        (echo x > /x) && could write-root
        (echo x > /bin/cat) && could write-program
        (echo x > /.las/plan.json) && could write-metro
        (echo x > /.las/made/taken/out.txt) && could write-input
        (echo x > "SCRATCH/x") && could write-host
        (echo x > "SCRATCH/lash/x") && could write-lash
        (echo x > "/proc/RUNTIME/root/SCRATCH/x") && could write-host-by-proc
        (echo x > "/proc/self/root/SCRATCH/x") && could write-host-by-root
        ls SCRATCH/lash/runs && could see-runs
        [ -e /proc/RUNTIME ] && could see-processes
        kill -0 RUNTIME && could signal-processes
        (exec 3<> /dev/tcp/127.0.0.1/PORT) && could reach-network
        [ "$(while read a b; do [ "$a" = CapEff: ] && echo $b; done < /proc/self/status)" = 0000000000000000 ] || could keep-capabilities
        [ "$(while read a b; do [ "$a" = NoNewPrivs: ] && echo $b; done < /proc/self/status)" = 1 ] || could gain-privileges
        setsid setsid bash -c 'exec -a stays-SECONDS sleep SECONDS' < /dev/null > /dev/null &
        sleep 0.3
        """#

    /// What each rung promises is held against attempts to get out; what it does not promise it says.
    @Test(arguments: World.allCases) func noTaskGetsOut(_ world: World) throws {
        guard BuiltPrograms.areThere, OrdinaryUser.isRootHere else { return }
        // Older kernels keep less apart, which the run says.
        if world.engine == "proot", !SandboxPlan.canLimitReach.signals { return }
        try withScratch { scratch in
            let server = try AcceptingPort()
            let seconds = "97.\(Int.random(in: 100_000...999_999))"
            let attempts = [
                ("SCRATCH", scratch), ("RUNTIME", String(getpid())), ("PORT", String(server.port)),
                ("SECONDS", seconds),
            ].reduce(Self.attempts) { $0.replacing($1.0, with: $1.1) }
            let metro = plan([
                station("taken", "echo t > {out}"), station("attempts", attempts, takes: [from("taken")]),
            ])
            let path = try bundles.bundle(metro, runtime: BuiltPrograms.runtime, in: scratch)
            try remember(path, in: scratch + "/lash")
            guard
                let ended = try world.run(
                    path, ["run", "--results", scratch + "/out", "--lash", scratch + "/lash"], in: scratch)
            else { return }
            #expect(ended.status == 0, "\(ended.errors)")
            let could = try text(of: scratch + "/out/attempts/out.txt").split(separator: "\n").map(String.init)
            #expect(could == world.weakness, "\(ended.errors)")
            #expect(!isRunning(seconds), "a process outlives its task")
            #expect(File.status(scratch + "/x") == nil)
            if !world.weakness.isEmpty { #expect(ended.errors.contains("note: "), "\(ended.errors)") }
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
            while !isRunning(seconds), Date().timeIntervalSince(started) < 120 { usleep(2000) }
            let run = try #require(try Folder.names(in: scratch + "/lash/runs").first)
            let pid = try #require(Int32(text(of: "\(scratch)/lash/runs/\(run)/pid")))
            kill(pid, SIGKILL)
            let killed = Date()
            while isRunning(seconds) || !Self.servers(of: scratch).isEmpty || loopDevices(of: path) > 0,
                Date().timeIntervalSince(killed) < 120
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
