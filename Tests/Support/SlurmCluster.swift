internal import Files
internal import Foundation

/// A real Slurm cluster on this machine: its controller and four nodes, as one user, on the loopback address alone. It ends with
/// the value, and with the test's process, however that ends.
package final class SlurmCluster: @unchecked Sendable {
    /// nil where this machine can run one, else why not.
    package static var missing: String? {
        for name in ["slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "scontrol"]
        where Program.find(name) == nil {
            return "\(name) is not installed"
        }
        return geteuid() == 0 ? nil : "nodes of Slurm start as root only"
    }

    package let folder: String
    private let leash: Pipe
    private let process: Process

    package var configuration: String { folder + "/slurm.conf" }
    /// A folder that is another one on each node, which the test does not see into: the node's own disk.
    package var own: String { folder + "/own" }
    /// What Slurm's commands need to find it.
    package var variables: [String: String] { ["SLURM_CONF": configuration] }

    /// - Parameters:
    ///   - folder: exists, and is the cluster's alone; a short path, since sockets lie in it.
    ///   - cpus: of each node.
    ///   - largestArray: MaxArraySize.
    ///   - hasAccounts: whether it keeps accounts, has limits, and graphics processors.
    package init(in folder: String, cpus: Int = 4, largestArray: Int = 1001, hasAccounts: Bool = false) throws {
        self.folder = folder
        (leash, process) = (Pipe(), Process())
        for name in ["state", "spool", "own"] { try Folder.make("\(folder)/\(name)") }
        try Data((0..<1024).map { _ in UInt8.random(in: 0...255) }).write(
            to: URL(fileURLWithPath: folder + "/munge.key"))
        chmod(folder + "/munge.key", 0o600)
        let host = try Program("hostname").run().lines.first ?? "localhost"
        var ports: Set<Int> = []
        while ports.count < 6 { ports.insert(try SSHServer.freePort()) }
        let port = ports.sorted()
        let nodes = (1...4).map {
            "NodeName=n\($0) NodeHostname=\(host) NodeAddr=127.0.0.1 Port=\(port[$0]) CPUs=\(cpus) RealMemory=16000 \(hasAccounts ? "Gres=gpu:\(Self.gpus) " : "")State=UNKNOWN"
        }
        if hasAccounts { try Self.writeAccounts(in: folder, host: host, port: port[5]) }
        try File.write(
            """
            ClusterName=test
            SlurmctldHost=\(host)(127.0.0.1)
            SlurmctldPort=\(port[0])
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            # A job that is requeued waits until its credential has run out: a minute, not two.
            AuthInfo=socket=\(folder)/munge.sock,cred_expire=60
            CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
            StateSaveLocation=\(folder)/state
            SlurmdSpoolDir=\(folder)/spool/%n
            SlurmctldPidFile=\(folder)/slurmctld.pid
            SlurmdPidFile=\(folder)/slurmd-%n.pid
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            \(hasAccounts ? Self.accounting(in: folder, port: port[5]) : "AccountingStorageType=accounting_storage/none")
            JobAcctGatherType=jobacct_gather/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_CPU
            SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,requeue_delay=1
            SlurmdParameters=config_overrides
            ReturnToService=2
            SlurmdTimeout=60
            MessageTimeout=100
            KillWait=5
            MaxArraySize=\(largestArray)
            MpiDefault=none
            \(nodes.joined(separator: "\n"))
            PartitionName=all Nodes=n[1-4] Default=YES MaxTime=INFINITE State=UP

            """, to: configuration)
        try File.write(
            """
            # Holds the daemons: when the pipe of its standard input closes, they end.
            d=$1
            export SLURM_CONF=$d/slurm.conf
            fail() { kill -9 $all; exit 1; }
            munged --foreground --force --key-file="$d/munge.key" --socket="$d/munge.sock" --pid-file="$d/munged.pid" \\
                --log-file="$d/munged.log" --seed-file="$d/munge.seed" < /dev/null & all=$!
            while [ ! -S "$d/munge.sock" ]; do sleep 0.05; done
            [ ! -e "$d/accounts.sh" ] || . "$d/accounts.sh"
            slurmctld -D -f "$d/slurm.conf" < /dev/null > "$d/slurmctld.log" 2>&1 & all="$all $!"
            for n in n1 n2 n3 n4; do
                unshare -m --propagation private sh "$d/node.sh" "$n" < /dev/null > "$d/slurmd-$n.log" 2>&1 & all="$all $!"
                echo $! > "$d/$n.number"
            done
            cat > /dev/null
            scancel --state=running --full > /dev/null 2>&1; scancel --state=pending > /dev/null 2>&1
            for i in 1 2 3 4 5 6 7 8 9 10; do [ -n "$(squeue -h)" ] || break; sleep 0.3; done
            kill -9 $all
            for f in "$d"/again-*; do [ -e "$f" ] && kill -9 "$(cat "$f")"; done 2> /dev/null
            wait

            """, to: folder + "/cluster.sh")
        try File.write(
            """
            mount -t tmpfs -o mode=1777 tmpfs '\(own)' || exit
            d='\(folder)'
            [ ! -e "$d/devices.sh" ] || . "$d/devices.sh"
            exec slurmd -D -N "$1" -f '\(configuration)'

            """, to: folder + "/node.sh")
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [folder + "/cluster.sh", folder]
        process.standardInput = leash
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Not for the children of other tests, which would hold the leash too.
        _ = fcntl(leash.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        try? leash.fileHandleForReading.close()
        for _ in 0..<6000 where process.isRunning {
            if try run("sinfo", "-h", "-t", "idle", "-o", "%D").lines.first == "4" { return }
            usleep(50_000)
        }
        let log = (try? String(contentsOfFile: folder + "/slurmctld.log", encoding: .utf8)) ?? ""
        stop()
        throw TestSupportError("Slurm does not start: \(log)")
    }

    deinit { stop() }

    package func stop() {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// One of Slurm's commands.
    @discardableResult
    package func run(_ name: String, _ arguments: String...) throws -> Program.Ended {
        var environment = ProcessInfo.processInfo.environment
        environment["SLURM_CONF"] = configuration
        return try Program(name, environment: environment).run(arguments)
    }

    /// Ends a node as if its power were cut: its daemon, and all that runs there.
    package func kill(node: String) throws {
        let text = try String(contentsOfFile: "\(folder)/\(node).number", encoding: .utf8)
        guard let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { return }
        Foundation.kill(pid, SIGKILL)
        // Who looks after the jobs there is no child of the daemon's, and would tell of their end: it goes first.
        var jobs: [Int32] = []
        var keepers: Set<Int32> = []
        for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let pid = Int32(entry),
                let variables = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/environ")),
                let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            else { continue }
            let text = String(decoding: variables, as: UTF8.self)
            guard text.contains("SLURM_CONF=\(configuration)"), text.contains("SLURMD_NODENAME=\(node)\0") else {
                continue
            }
            jobs.append(pid)
            let parent = stat.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { Int32($0) }
            if let parent, parent > 1, let line = try? String(contentsOfFile: "/proc/\(parent)/comm", encoding: .utf8),
                line.hasPrefix("slurmstepd")
            {
                keepers.insert(parent)
            }
        }
        for pid in keepers.sorted() + jobs { Foundation.kill(pid, SIGKILL) }
    }

    /// Lets a node that was ended start anew.
    package func start(node: String) throws {
        let script =
            "unshare -m --propagation private sh \(folder)/node.sh \(node) < /dev/null > /dev/null 2>&1 & echo $! > \(folder)/again-\(node)"
        try Program("sh", environment: ProcessInfo.processInfo.environment.merging(variables) { $1 }).run("-c", script)
    }
}
