import Files
import Foundation
import JSON
import TestSupport
import Testing

/// Nodes that Slurm keeps for a run, each with a disk of its own, of which las gives out the tasks itself.
@Suite(.serialized, .enabled(if: SlurmCluster.missing == nil, "Slurm's daemons, as root, are needed"))
struct SlurmNodesTests: SlurmSuite {
    static let cluster = start("slurm-nodes")

    /// What each of the hosts did, by the run's report.
    private func hosts(_ run: String, _ las: LasCommand) throws -> Set<String> {
        let report = try JSONText.parse(Array(try las("report", run, "--json").output.utf8))
        return Set((report["byTask"]?.array ?? []).compactMap { $0["host"]?.string })
    }

    @Test func nodesThatShareNothingGetWhatTheyNeedByBroadcasting() throws {
        // A task takes the two processors that a node may use: each node has one of the two that wait at the gate.
        let gate = try Gate()
        try bench(slow("if [ {name} != 5 ]; then \(gate.command); fi", network: "yes"), files: five) {
            cluster, folder, las in
            let process = try started(
                las, folder, "deploy", "m", "--slurm", "local", "--nodes", "2", "--node-folder", cluster.own,
                "--node-time", "1 hour", "--cpus", "2", "--results", "there")
            #expect(gate.waits(for: 2))
            let kept = try cluster.run("squeue", "-h", "-o", "%j %D %T")
            #expect(kept.output == "las-nodes 2 RUNNING\n")
            gate.open()
            process.waitUntilExit()
            let said = try text(folder + "/err")
            try #require(process.terminationStatus == 0, "\(said)")
            #expect(said.contains("broadcasting to 2 nodes") && !said.contains("each node is sent its own"), "\(said)")
            #expect(try text(folder + "/there/all/all.txt") == "1\n2\n3\n4\n5\n")
            #expect(try hosts(try run(las), las).isSuperset(of: ["local.n1", "local.n2"]))
            // The nodes are given back.
            #expect(try waits { try isIdle(cluster) })
            withExtendedLifetime(gate) {}
        }
    }

    @Test func aRunThatIsCancelledGivesItsNodesBackAndGetsNewOnes() throws {
        let gate = try Gate()
        try bench(slow("if test {name} != 1; then \(gate.command); fi", network: "yes"), files: five) {
            cluster, folder, las in
            let process = try started(
                las, folder, "deploy", "m", "--slurm", "local", "--nodes", "2", "--node-folder", cluster.own,
                "--cpus", "2", "--results", "there")
            #expect(gate.waits(for: 2))
            let run = try run(las)
            #expect(try waits { try text("\(las.lash)/runs/\(run)/journal").contains("taskDone") })
            try #require(try las("cancel", run).status == 0)
            process.waitUntilExit()
            let said = try text(folder + "/err")
            let log = (try? text("\(las.lash)/runs/\(run)/log")) ?? ""
            #expect(process.terminationStatus == 1, "\(said)\(log)")
            #expect(try waits { try isIdle(cluster) })
            gate.open()
            let resumed = try las("resume", run, "--results", "again")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try text(folder + "/again/all/all.txt") == "1\n2\n3\n4\n5\n")
            let journal = try text("\(las.lash)/runs/\(run)/journal").split(separator: "\n")
            #expect(journal.filter { $0.contains("taskDone") && $0.contains("\"wait/1\"") }.count == 1)
            #expect(try waits { try isIdle(cluster) })
            withExtendedLifetime(gate) {}
        }
    }

    @Test func nodesThatSlurmDoesNotGiveAreOneClearError() throws {
        try bench(slow("true"), files: five) { cluster, folder, las in
            let many = try las("deploy", "m", "--slurm", "local", "--nodes", "5", "--node-folder", cluster.own)
            #expect(many.status == 6 && many.errors.contains("error: Slurm does not give nodes"), "\(many.errors)")
            #expect(many.errors.contains("5 nodes: Partition") && many.errors.contains("sinfo"), "\(many.errors)")
            let both = try las("deploy", "m", "--slurm", "local", "--nodes", "2", "--throttle", "4")
            #expect(both.status == 2 && both.errors.contains("--throttle is for steps that are jobs"), "\(both.errors)")
            let folder = try las("deploy", "m", "--slurm", "local", "--node-folder", "/scratch")
            #expect(folder.status == 2 && folder.errors.contains("--nodes N"), "\(folder.errors)")
            #expect(try isIdle(cluster))
        }
    }
}
