import Execution
import Files
import Glibc
import HostProtocol
import Plan
import TestSupport
import Testing

/// Runs that go on are paused, looked at and ended from outside; what they leave is listed and removed.
@Suite struct RunControlTests {
    private func until(_ holds: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<20_000 {
            if try holds() { return true }
            usleep(5000)
        }
        return false
    }

    @Test func aRunIsPausedGoesOnAndIsCancelled() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            let client = try HostClient(lash: lash.root)
            // By two at once they take a hundred seconds, so that it goes on however late this is looked at; and no
            // time once the gate is open.
            let gate = try AcceptingPort(isOpen: false)
            let pass = "(exec 3<> /dev/tcp/127.0.0.1/\(gate.port)) 2> /dev/null || sleep 5"
            let long = (1...40).map {
                station("s\($0)", "echo \($0) >&2; \(pass); echo \($0) > {out}", usesNetwork: true)
            }
            let metro = try ShippedMetro(plan(long), in: scratch)
            try metro.ship(over: client)
            _ = try client.start("r", metro.all, cpus: 2)
            let run = RunID("r")!
            let control = RunControl(RunFolder(run, in: lash))
            func summary() -> RunSummary { RunSummary(run, in: lash) }
            #expect(until { summary().done > 0 })
            #expect(summary().state == .running && RunList(lash).isGoingOn(run))

            #expect(try control.ask(.pause))
            #expect(until { summary().state == .paused && summary().running.isEmpty })
            let done = summary().done
            usleep(300_000)
            #expect(summary().done == done && done < 40)
            #expect(summary().tasks == 40)

            #expect(try control.ask(.goOn))
            #expect(until { summary().done > done })
            #expect(summary().state == .running)
            #expect(try control.ask(.cancel))
            #expect(until { !RunList(lash).isGoingOn(run) })
            #expect(summary().state == .cancelled && summary().running.isEmpty)
            #expect(try !control.ask(.cancel))
            #expect(RunList(lash).unfinished == run)
            #expect(RunLogs(RunFolder(run, in: lash)).logs(of: "s1").map(\.path) == ["s1.err"])

            gate.open()
            #expect(throws: Error.self) { try client.resume("other") }
            _ = try client.resume("r")
            #expect(try client.follow("r").last?.kind == .runEnded)
            while RunList(lash).isGoingOn(run) { usleep(1000) }
            #expect(summary().state == .done && summary().done == 40)
            #expect(RunList(lash).unfinished == nil)
            ResumeTests.expectNothingTwice(Journal.read(RunFolder(run, in: lash).journal))
            try RunList(lash).leaveRecord(of: run)
            #expect(
                try Folder.names(in: RunFolder(run, in: lash).path) == ["journal", "logs", "plan.json", "start.json"])
            #expect(summary().state == .done)
            try RunList(lash).remove(run)
            #expect(RunList(lash).names == [])
        }
    }

    @Test func runsThatBeganInOneSecondAreInTheOrderInWhichTheyBegan() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch)
            let second = "20261126-101010-m"
            let names = ["20261126-101009-z-f", "\(second)-9", "\(second)-1", "\(second)-5", "20261126-101011-a-0"]
            for name in names.shuffled() { try Folder.make("\(lash.runs)/\(name)") }
            var last = (Int64(0), Int64(0))
            for name in names {
                // The clock of files goes on in steps, and no two of them are to have the same time.
                let path = "\(lash.runs)/\(name)/start.json"
                var time = last
                while time <= last {
                    usleep(1000)
                    try File.write("{}", to: path)
                    let status = try #require(File.status(path))
                    time = (Int64(status.modified), Int64(status.modifiedNanoseconds))
                }
                last = time
            }
            #expect(RunList(lash).names.map(\.name) == names)
            // Written to later on, as by resuming.
            try File.write("", to: "\(lash.runs)/\(second)-9/journal")
            #expect(RunList(lash).names.map(\.name) == names)
        }
    }

    @Test func whatIsPrintedIsFollowedUpToTheEnd() throws {
        try withScratch { scratch in
            let lash = LASH(root: scratch + "/lash")
            let client = try HostClient(lash: lash.root)
            let metro = try ShippedMetro(
                plan([
                    station("one", "for i in 1 2 3 4 5; do echo $i >&2; sleep 0.1; done; echo {out}; : > {out}"),
                    station("again", "echo again >&2; echo half > {out}; (( RANDOM % 2 )) || exit 1", retry: 20),
                ]), in: scratch)
            try metro.ship(over: client)
            _ = try client.start("r", metro.all)
            let logs = RunLogs(RunFolder(RunID("r")!, in: lash))
            var printed: [String: String] = [:]
            while !File.exists(lash.runs + "/r/journal") { usleep(1000) }
            try logs.follow("one") { printed[$0.path, default: ""] += String(decoding: $1, as: UTF8.self) }
            #expect(printed == ["one.err": "1\n2\n3\n4\n5\n", "one.out": "out.txt\n"])
            _ = try client.follow("r")
            let again = logs.logs(of: "again")
            #expect(again.map(\.attempt) == Array(1...max(1, again.count)) && again.allSatisfy { $0.name == "again" })
            #expect(again.allSatisfy { (try? logs.read($0)) == Array("again\n".utf8) })
        }
    }
}
