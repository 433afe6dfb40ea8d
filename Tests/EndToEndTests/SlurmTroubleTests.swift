import Files
import Foundation
import TestSupport
import Testing

/// Runs in a real Slurm cluster that do not go well.
@Suite(.serialized, .enabled(if: SlurmCluster.missing == nil, "Slurm's daemons, as root, are needed"))
struct SlurmTroubleTests: SlurmSuite {
    static let cluster = start("slurm-trouble")

    /// Slurm itself lets a minute pass before it starts a job again: `cred_expire`.
    @Test func aNodeThatIsLostInMidRunAndAJobThatIsRequeuedCostNoResult() throws {
        let gate = try Gate()
        try bench(slow(gate), files: five) { cluster, folder, las in
            let process = try started(las, folder, "deploy", "m", "--slurm", "local", "--results", "there")
            #expect(gate.waits(for: 5))
            #expect(try waits { try running(cluster)?.count == 5 })
            var listed = try cluster.run("squeue", "-h", "-t", "running", "-o", "%i %N")
            for _ in 0..<30 where listed.status != 0 {
                listed = try cluster.run("squeue", "-h", "-t", "running", "-o", "%i %N")
            }
            let lines = listed.lines
            let node = try #require(lines.first?.split(separator: " ").last).description
            let other = try #require(lines.first { !$0.hasSuffix(" \(node)") }?.split(separator: " ").first)
            #expect(try cluster.run("scontrol", "requeue", String(other)).status == 0)
            try cluster.kill(node: node)
            // As whoever looks after it would; Slurm's own controller sees only after a minute that a node does not answer.
            let told = try cluster.run("scontrol", "update", "nodename=" + node, "state=down", "reason=lost")
            #expect(told.status == 0, "\(told.errors)")
            #expect(try waits { try running(cluster, on: node)?.isEmpty == true })
            gate.open()
            process.waitUntilExit()
            let said = try text(folder + "/err")
            #expect(process.terminationStatus == 0, "\(said)")
            #expect(try text(folder + "/there/all/all.txt") == "1\n2\n3\n4\n5\n")
            try cluster.start(node: node)
            #expect(try waits { try cluster.run("sinfo", "-h", "-t", "idle", "-o", "%D").lines.first == "4" })
            withExtendedLifetime(gate) {}
        }
    }

    @Test func aRunIsCancelledAndResumed() throws {
        let gate = try Gate()
        let metro = slow("if test {name} != 1; then \(gate.command); fi", network: "yes")
        try bench(metro, files: five) { cluster, folder, las in
            let process = try started(las, folder, "deploy", "m", "--slurm", "local", "--results", "there")
            #expect(gate.waits(for: 4))
            #expect(try waits { try running(cluster)?.count == 4 })
            let run = try run(las)
            #expect(try waits { try text("\(las.lash)/runs/\(run)/journal").contains("taskDone") })
            #expect(try las("ps").output.contains("slow"))
            try #require(try las("cancel", run).status == 0)
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            #expect(try waits { try isIdle(cluster) })
            gate.open()
            #expect(try text(folder + "/err").contains("the run was cancelled"))
            let resumed = try las("resume", run, "--results", "again")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try text(folder + "/again/all/all.txt") == "1\n2\n3\n4\n5\n")
            // What was done was not done again.
            let journal = try text("\(las.lash)/runs/\(run)/journal").split(separator: "\n")
            #expect(journal.filter { $0.contains("taskDone") && $0.contains("\"wait/1\"") }.count == 1)
            #expect(journal.contains { $0.contains("runResumed") })
            withExtendedLifetime(gate) {}
        }
    }

    @Test func aFailureStopsOnlyWhatDependsOnIt() throws {
        let metro = """
            metro: partly
            inputs: { words: "words/*.txt" }
            lines:
              l:
                - station: pick
                  for_each: words
                  command: |
                    if [ {name} = 3 ]; then echo no three >&2; exit 9; fi; cat {each} > {out}
                  out: "{name}.txt"
                - station: next
                  for_each: pick
                  command: cat {each} > {out}
                  out: "{name}.next"
                - station: all
                  in: next
                  command: cat {in} > {out}
                  out: all.txt
            results: [next, all]
            """
        try bench(metro, files: five) { cluster, folder, las in
            let ended = try las("deploy", "m", "--slurm", "local", "--results", "there")
            #expect(ended.status == 1)
            #expect(ended.errors.contains("exit code 9") && ended.errors.contains("no three"), "\(ended.errors)")
            #expect(
                try files(folder + "/there").keys.sorted() == [
                    "next/1.next", "next/2.next", "next/4.next", "next/5.next",
                ])
            #expect(try waits { try isIdle(cluster) })
        }
    }

    @Test func aJobThatEndsWithoutAWordFailsItsStep() throws {
        let gate = try Gate()
        try bench(slow(gate), files: five) { cluster, folder, las in
            let process = try started(las, folder, "deploy", "m", "--slurm", "local", "--results", "there")
            #expect(gate.waits(for: 5))
            var jobs: [String] = []
            let areRunning = try waits {
                jobs = try running(cluster) ?? []
                return jobs.count == 5
            }
            #expect(areRunning)
            let job = try #require(jobs.first)
            try cluster.run("scancel", job)
            // What is still ending is listed, too: nothing of it goes on when the others do.
            let isGone = try waits {
                let listed = try cluster.run("squeue", "-h", "-o", "%i")
                return listed.status == 0 && !listed.lines.contains(job)
            }
            #expect(isGone)
            gate.open()
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            #expect(try text(folder + "/err").contains("its job ended without a word"))
            withExtendedLifetime(gate) {}
        }
    }

    @Test func whatSlurmRefusesIsSaidAndNothingIsLeftThere() throws {
        try bench(slow("true"), files: five) { cluster, folder, las in
            let refused = try las("deploy", "m", "--slurm", "local", "--partition", "nonesuch")
            #expect(refused.status == 6, "\(refused.errors)")
            #expect(refused.errors.contains("Slurm did not take the run"), "\(refused.errors)")
            #expect(refused.errors.contains("invalid partition"), "\(refused.errors)")
            #expect(try waits { try isIdle(cluster) })
            for (option, value) in [
                ("--partition", "a\nb"), ("--account", "x --uid=0"), ("--qos", "-x"), ("--throttle", "0"),
            ] {
                let wrong = try las(["deploy", "m", "--slurm", "local", option, value])
                #expect(wrong.status == 2, "\(wrong.errors)")
            }
            #expect(try las("deploy", "m", "--slurm", "local", "--host", "x").status == 2)
            #expect(try las("deploy", "m", "--host", "x", "--partition", "y").status == 2)
        }
    }
}
