/// A node that Slurm keeps for a run, with all that it has.
package struct SlurmNode: Hashable, Sendable {
    /// The job that keeps it.
    package let job: Int
    /// As Slurm calls it.
    package let name: String
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

    package init(job: Int, nodes: [String], lash: String) { (self.job, self.nodes, self.lash) = (job, nodes, lash) }

    /// The nodes as hosts, which are reached through the one that jobs are submitted from.
    package func hosts(through login: Host) -> [Host] {
        nodes.enumerated().map { number, name in
            let full = "\(login.name).\(name)"
            return Host(
                Host.isName(full) ? full : "\(login.name.prefix(40)).node-\(number + 1)",
                node: SlurmNode(job: job, name: name), through: login, lash: lash)
        }
    }
}
