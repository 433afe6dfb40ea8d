/// Starts programs on a node that Slurm keeps, each as a step of its job: `srun`, on the host that jobs are submitted from, carries what they
/// read and write.
final class SlurmSteps: Transport {
    private let login: any Transport
    private let node: SlurmNode
    private let waiter: Waiter

    /// Where sites put Slurm's commands that the PATH of a login without a terminal does not name.
    static let path = "PATH=$PATH:/opt/slurm/bin:/usr/local/slurm/bin:/cm/shared/apps/slurm/current/bin; export PATH"

    init(_ node: SlurmNode, through login: any Transport, waiter: Waiter) {
        (self.node, self.login, self.waiter) = (node, login, waiter)
    }

    /// The words of a step on so many of the job's nodes.
    static func srun(_ job: Int, on count: Int = 1) -> String {
        "srun --jobid=\(job) --overlap --nodes=\(count) --ntasks=\(count) --ntasks-per-node=1 --chdir=/ --quiet"
    }

    func start(_ command: String) throws(HostFailure) -> any Channel {
        let word = "las-" + String(UInt64.random(in: 0 ... .max), radix: 36)
        let channel = try login.start("exec sh")
        let conversation = Conversation(channel, word: word, transport: login, waiter: waiter)
        let program = command.hasPrefix("exec ") ? command.dropFirst("exec ".count) : command[...]
        // A step sees as many as the job asked for, of all that a whole node has, if it does not say more.
        let gpus = node.gpus > 0 ? " --gres=gpu:\(node.gpus)" : ""
        // Unbuffered: else what ends with no line break stays on the node. When the shell says that it has begun, it has read its last
        // line: what follows is for the program.
        let script = """
            las() {
            \(Self.path)
            echo "\(word) begun"
            \(Self.srun(node.job))\(gpus) --unbuffered --nodelist=\(HostText.quoted(node.name)) \(program)
            }
            las; exit

            """
        try channel.write(Array(script.utf8))
        _ = try conversation.answer("begun")
        return channel
    }

    func failure(status: Int32?, errors: String?) -> HostFailure? {
        if let failure = login.failure(status: status, errors: errors) { return failure }
        guard let errors, errors.contains("srun: error") else { return nil }
        return HostFailure(.unreachable, "Slurm does not start anything on the node \(node.name)", cause: errors)
    }
}

/// This machine, by its shell.
final class LocalShell: Transport {
    private let environment: [String: String]
    private let waiter: Waiter

    init(environment: [String: String], waiter: Waiter) { (self.environment, self.waiter) = (environment, waiter) }

    func start(_ command: String) throws(HostFailure) -> any Channel {
        try ProcessChannel("/bin/sh", ["-c", command], environment: environment, waiter: waiter)
    }

    func failure(status: Int32?, errors: String?) -> HostFailure? { nil }
}
