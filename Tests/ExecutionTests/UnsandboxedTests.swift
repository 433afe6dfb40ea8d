import Execution
import Files
import Glibc
import HostProtocol
import Metro
import Plan
import TestSupport
import Testing

/// `--sandbox off`: the same comes of it, it is told, nothing of it is kept, and nothing outlives it.
@Suite struct UnsandboxedTests {
    private static func given(_ marker: String = "las-off") -> Plan {
        plan([
            station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
            station("twice", "cat {in} {in} | wc -l", takes: [from("hello")]),
            station("script", "embrace \"$(cat {hello})\" > {out}", takes: [from("hello")]),
            station("folder", "for i in 1 2 3; do echo $i > {out}/$i.txt; done", out: ["parts/"]),
            station("each", "cat {each} > {out}", out: ["{name}.copy"], forEach: [from("folder", "parts/*.txt")]),
            station(
                "turns", "cat {in} > {out}; echo {turn} >> {out}", takes: [from("hello")],
                turns: Turns(count: 5, feed: "hello")),
            station("world", "id -u; pwd; ls /task; echo $HOME $TMPDIR $PATH; ls /etc"),
            station("daemon", "(setsid bash -c 'exec -a \(marker) sleep 1000' > /dev/null 2>&1 &); echo d"),
        ])
    }

    @Test(arguments: Way.here) func theSameComesOfIt(_ way: Way) throws {
        try withScratch { scratch in
            let marker = "las-off-\(UInt32.random(in: 0 ... .max))"
            func run(_ name: String, isUnsandboxed: Bool) throws -> TestRun {
                let run = try TestRun.perform(
                    Self.given(marker), in: scratch, name: name, engine: way.engine,
                    asOrdinaryUser: way.isOrdinaryUser, isFresh: true, isUnsandboxed: isUnsandboxed)
                try #require(run.ended.succeeded, "\(run.events.filter { $0.kind == .taskFailed })")
                return run
            }
            let off = try run("off", isUnsandboxed: true)
            #expect(try Self.running(marker) == 0)
            #expect(!File.exists(off.folder.tasks))
            let on = try run("on", isUnsandboxed: false)
            #expect(off.events.last?.files == on.events.last?.files)
            #expect(File.areSame(off.folder.results, on.folder.results))
            #expect(off.first(.runStarted)?.sandbox == "off" && on.first(.runStarted)?.sandbox == nil)
            #expect(off.events.contains { $0.kind == .note && $0.text?.contains("the sandbox is off") ?? false })
            #expect(!on.events.contains { $0.kind == .note && $0.text?.contains("the sandbox is off") ?? false })
            let lash = LASH(root: scratch + "/lash")
            #expect(RunReport(RunID("off")!, in: lash).sandbox == "off")
            #expect(RunReport(RunID("on")!, in: lash).sandbox == nil)
        }
    }

    @Test func nothingOfItIsKeptAndNothingIsTaken() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            func run(_ name: String, isUnsandboxed: Bool) throws -> TestRun {
                try TestRun.perform(Self.given(), in: scratch, name: name, isUnsandboxed: isUnsandboxed)
            }
            let off = try run("first", isUnsandboxed: true)
            #expect(off.ended.succeeded)
            #expect(!off.events.contains { $0.key != nil })
            #expect(((try? Folder.names(in: lash.tasks)) ?? []).isEmpty)
            let on = try run("second", isUnsandboxed: false)
            #expect(on.ended.succeeded && on.tasks(.taskReused).isEmpty)
            let kept = try Folder.names(in: lash.tasks)
            #expect(!kept.isEmpty)
            let again = try run("third", isUnsandboxed: true)
            #expect(again.ended.succeeded && again.tasks(.taskReused).isEmpty)
            #expect(again.tasks(.taskDone) == on.tasks(.taskDone))
            #expect(try Folder.names(in: lash.tasks) == kept)
        }
    }

    /// What is meant by off: the machine's network, and all that the run made.
    @Test func tasksAreNotKeptApart() throws {
        try withScratch { scratch in
            let port = try AcceptingPort()
            let given = plan([
                station("first", "echo one > {out}"),
                station("second", "cat {in} > {out}", takes: [from("first")]),
                station(
                    "third", "cat /.las/made/first/out.txt > {out}; exec 3<> /dev/tcp/127.0.0.1/\(port.port)",
                    takes: [from("second")]),
            ])
            let off = try TestRun.perform(given, in: scratch, name: "off", keepsMade: true, isUnsandboxed: true)
            #expect(off.ended.succeeded, "\(off.events.filter { $0.kind == .taskFailed })")
            #expect(try off.result("third/out.txt") == "one\n")
            let on = try TestRun.perform(given, in: scratch, name: "on", keepsMade: true)
            #expect(on.first(.taskFailed, "third") != nil)
        }
    }

    @Test func whatItCannotDoIsAnError() throws {
        try withScratch { scratch in
            let run = try TestRun.perform(Self.given(), in: scratch, engine: .proot, isUnsandboxed: true)
            #expect(run.ended.exitCode == .usage)
            #expect(run.events.last?.text?.contains("PRoot") ?? false)
        }
    }

    /// Killed and resumed, it goes on without a sandbox, to the same results; who is not this machine's own user can't have it.
    @Test func killedItGoesOnAsItBegan() throws {
        try withScratch { scratch in
            let marker = "las-off-\(UInt32.random(in: 0 ... .max))"
            // It hangs until it sees something that it does not take: without a sandbox it may.
            let hangs = """
                if [ ! -e /.las/made/go ]; then
                (setsid bash -c 'exec -a \(marker) sleep 1000' > /dev/null 2>&1 &); exec -a \(marker) sleep 1000; fi; cat {in} > {out}
                """
            let given = plan([station("first", "echo one > {out}"), station("hangs", hangs, takes: [from("first")])])
            let parts = try ShippedMetro(given, in: scratch)
            let lash = LASH(root: scratch + "/lash")
            let other = try HostClient(lash: lash.root)
            try parts.ship(over: other)
            #expect(throws: Refusal.self) { _ = try other.start("run", parts.all, sandbox: "off") }
            _ = other.close()

            let client = try HostClient(lash: lash.root, isOwn: true)
            _ = try client.start("run", parts.all, sandbox: "off")
            let folder = RunFolder(RunID("run")!, in: lash)
            try Self.wait { try Self.running(marker) == 2 }
            #expect(Journal.read(folder.journal).last { $0.kind == .taskStarted }?.task?.name == "hangs")
            let process = try #require(folder.process)
            #expect(kill(process, SIGKILL) == 0)
            try Self.wait { try Self.running(marker) == 0 }
            try Self.wait { !Journal.isHeld(folder.journal) }
            try File.write("", to: folder.made + "/go")
            _ = try client.resume("run")
            let events = try client.follow("run")
            #expect(events.last?.succeeded == true, "\(events)")
            #expect(events.first { $0.kind == .runResumed }?.sandbox == "off")
            ResumeTests.expectNothingTwice(Journal.read(folder.journal))
            #expect(try File.read(folder.results + "/hangs/out.txt") == Array("one\n".utf8))
            _ = client.close()
        }
    }

    /// However long it takes.
    private static func wait(_ isSo: () throws -> Bool) throws {
        for _ in 0..<60_000 {
            if try isSo() { return }
            usleep(10_000)
        }
        Issue.record("it has not happened within ten minutes")
    }

    /// How many processes there are of that name.
    private static func running(_ marker: String) throws -> Int {
        try Folder.names(in: "/proc").count { process in
            guard let number = Int32(process), number != getpid(),
                let bytes = try? File.read("/proc/\(process)/cmdline")
            else { return false }
            return bytes.starts(with: marker.utf8)
        }
    }
}
