/// A node that Slurm keeps for a run, with all that it has.
package struct SlurmNode: Hashable, Sendable {
    /// The job that keeps it.
    package let job: Int
    /// As Slurm calls it.
    package let name: String
    /// Graphics processors of it that the job has.
    package var gpus = 0

    package init(job: Int, name: String, gpus: Int = 0) { (self.job, self.name, self.gpus) = (job, name, gpus) }

    /// How many of them a job has on a node, as “scontrol --details” tells: `gpu:a100:4(IDX:0-3),shard:0(CNT:0)`.
    static func gpus(_ text: some StringProtocol) -> Int {
        var (depth, entries) = (0, [""])
        // What stands in brackets has commas of its own.
        for character in text {
            if character == "(" { depth += 1 }
            if character == ",", depth == 0 {
                entries.append("")
            } else if depth == 0 {
                entries[entries.count - 1].append(character)
            }
            if character == ")" { depth -= 1 }
        }
        return entries.reduce(0) { sum, entry in
            let fields = entry.split(separator: ":")
            guard fields.count > 1, fields[0] == "gpu", let count = Int(fields[fields.count - 1]), count > 0 else {
                return sum
            }
            return sum + min(count, 1000)
        }
    }
}

/// What is asked of Slurm: whole nodes, for as long as a run needs them.
package struct SlurmRequest: Hashable, Sendable, Codable {
    /// The host that jobs are submitted from.
    package var login: String
    package var count: Int
    /// A folder on each node's own disk, in which the run gets one.
    package var folder: String
    /// What sbatch is given besides.
    package var arguments: [String]

    package init(login: String, count: Int, folder: String, arguments: [String]) {
        (self.login, self.count, self.folder, self.arguments) = (login, count, folder, arguments)
    }
}

/// A job that keeps nodes.
package struct SlurmAllocation: Hashable, Sendable, Codable {
    package var job: Int
    /// As Slurm calls them, in its order; none while they are waited for.
    package var nodes: [String]
    /// LASH on each of the nodes.
    package var lash: String
    /// By the nodes' names, where the run was to have graphics processors.
    package var gpus: [String: Int]?

    package init(job: Int, nodes: [String], lash: String, gpus: [String: Int]? = nil) {
        (self.job, self.nodes, self.lash, self.gpus) = (job, nodes, lash, gpus)
    }

    /// The nodes as hosts, which are reached through the one that jobs are submitted from.
    package func hosts(through login: Host) -> [Host] {
        nodes.enumerated().map { number, name in
            let full = "\(login.name).\(name)"
            return Host(
                Host.isName(full) ? full : "\(login.name.prefix(40)).node-\(number + 1)",
                node: SlurmNode(job: job, name: name, gpus: gpus?[name] ?? 0), through: login, lash: lash)
        }
    }
}
