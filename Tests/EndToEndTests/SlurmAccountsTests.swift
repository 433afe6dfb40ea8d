import Files
import Foundation
import TestSupport
import Testing

/// A Slurm cluster that keeps accounts, knows limits and a reservation, and has graphics processors.
@Suite(
    .serialized,
    .enabled(if: SlurmCluster.missingAccounts == nil, "slurmdbd, mariadbd and Slurm's daemons, as root, are needed"))
struct SlurmAccountsTests: SlurmSuite {
    static let cluster = start("accounts", hasAccounts: true).flatMap { cluster in
        Result {
            let reserved = try cluster.run(
                "scontrol", "create", "reservation", "reservationname=course", "users=root", "starttime=now",
                "duration=1-00:00:00", "nodes=n4", "flags=ignore_jobs")
            guard reserved.status == 0 else { throw TestSupportError("no reservation: \(reserved.errors)") }
            return cluster
        }
    }

    private static let words = [
        "--slurm", "local", "--partition", "all", "--account", "lab", "--qos", "quick", "--reservation", "course",
    ]

    @Test func jobsAreChargedToTheAccountAndRunInTheReservation() throws {
        let metro = """
            metro: charged
            lines:
              l:
                - station: part
                  repeat: 2
                  command: echo {turn} > {out}
                  out: part.txt
                - station: all
                  in: part
                  command: cat {in} > {out}; ls /dev >&2
                  out: all.txt
                  uses: { gpus: 1 }
            """
        try bench(metro) { cluster, folder, las in
            let ended = try las(["deploy", "m", "--results", "there"] + Self.words)
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(String(decoding: try File.read(folder + "/there/all/all.txt"), as: UTF8.self) == "1\n2\n")
            // The accounts are kept by another daemon, which hears of it later.
            var done: [String] = []
            let isKept = try waits {
                done = try cluster.run(
                    "sacct", "-X", "-n", "-P", "--starttime=now-1days", "-o",
                    "jobname,account,qos,reservation,partition,nodelist,state,alloctres"
                ).lines.filter { $0.contains("|COMPLETED|") }
                return done.count == 3
            }
            #expect(isKept, "\(done)")
            #expect(done.allSatisfy { $0.contains("|lab|quick|course|all|n4|") }, "\(done)")
            let gpus = done.filter { $0.contains("gres/gpu=1") }
            #expect(gpus.count == 1 && gpus.first?.hasPrefix("las-all|") == true, "\(done)")

            for (option, value, words) in [
                ("--account", "other", "Invalid account"), ("--qos", "none", "Invalid qos"),
                ("--reservation", "none", "reservation is invalid"),
            ] {
                let refused = try las(["deploy", "m", "--fresh", "--slurm", "local", option, value])
                #expect(refused.status == 6 && refused.errors.contains(words), "\(refused.errors)")
                #expect(refused.errors.contains("--account"), "\(refused.errors)")
            }
        }
    }

    @Test func whatALimitHoldsBackIsSaid() throws {
        let metro = """
            metro: long
            lines:
              l:
                - station: part
                  command: echo > {out}
                  out: part.txt
                  time: 3 hours
            """
        try bench(metro) { cluster, folder, las in
            let started = try las(["deploy", "m", "--detach"] + Self.words)
            let run = try #require(started.lines.first, "\(started.errors)")
            let journal = "\(las.lash)/runs/\(run)/journal"
            let isSaid = try waits {
                String(decoding: try File.read(journal), as: UTF8.self).contains("QOSMaxWallDurationPerJobLimit")
            }
            #expect(isSaid)
            #expect(try las("cancel", run).status == 0)
            #expect(try waits { try isIdle(cluster) })

            let nodes = try las(["deploy", "m", "--nodes", "1", "--node-time", "3 hours"] + Self.words)
            #expect(nodes.status == 6 && nodes.errors.contains("QOSMaxWallDurationPerJobLimit"), "\(nodes.errors)")
            #expect(nodes.errors.contains("--node-time"), "\(nodes.errors)")
        }
    }

    /// Two tasks with one each are at work side by side on one node: it has two, though the run asks for one.
    @Test func tasksOnANodeThatIsKeptHaveAllItsGPUs() throws {
        let gate = try Gate()
        let metro = """
            metro: graphics
            lines:
              l:
                - station: part
                  repeat: 2
                  network: yes
                  command: ls /dev/nvidia? > {out}; \(gate.command)
                  out: part.txt
                  uses: { gpus: 1 }
            """
        try bench(metro) { cluster, folder, las in
            let started = try las(
                [
                    "deploy", "m", "--detach", "--nodes", "1", "--node-time", "30 minutes", "--node-folder",
                    cluster.own, "--cpus", "2", "--results", "there",
                ] + Self.words)
            let run = try #require(started.lines.first, "\(started.errors)")
            #expect(gate.waits(for: 2))
            let kept = try cluster.run("squeue", "-h", "-o", "%j|%a|%q|%v|%N|%T")
            #expect(kept.output == "las-nodes|lab|quick|course|n4|RUNNING\n")
            gate.open()
            let ended = try las("attach", run)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(try las("fetch", run).status == 0)
            let seen = try (1...2).map {
                String(decoding: try File.read("\(folder)/there/part/\($0)/part.txt"), as: UTF8.self)
            }
            #expect(Set(seen) == ["/dev/nvidia0\n", "/dev/nvidia1\n"])
            withExtendedLifetime(gate) {}
        }
    }
}
