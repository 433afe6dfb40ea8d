internal import Failures

/// What a person says of a Slurm cluster; none of it is the metro's.
package struct SlurmOptions: Hashable, Sendable, Codable {
    package var partition: String?
    package var account: String?
    package var qos: String?
    package var constraint: String?
    package var reservation: String?
    /// Steps of one station that run at a time, at most; nil for as many as the cluster starts.
    package var throttle: Int?
    /// Seconds that a step may take whose station says no `time`; nil for what the partition allows.
    package var time: Double?
    /// Whole nodes that are kept for the run, whose tasks las gives out itself; nil where each step is a job.
    package var nodes: Int?
    /// A folder on each node's own disk.
    package var nodeFolder = "/tmp"
    /// Seconds that nodes are kept, at most; nil for what the partition allows.
    package var nodeTime: Double?
    /// What all jobs' names begin with.
    package var prefix = "las"

    package init() {}

    /// By their names on the command line, without the dashes.
    package init(_ words: [String: String]) throws(EngineFailure) {
        (partition, account, qos) = (words["partition"], words["account"], words["qos"])
        (constraint, reservation) = (words["constraint"], words["reservation"])
        if let text = words["throttle"] {
            guard let number = Int(text), (1...1_000_000).contains(number) else {
                throw EngineFailure("--throttle takes how many steps may run at a time, not “\(Shown.text(text))”")
            }
            throttle = number
        }
        time = try words["step-time"].map { (text) throws(EngineFailure) in try Self.time("--step-time", text) }
        try readNodes(words)
        try check()
    }

    private mutating func readNodes(_ words: [String: String]) throws(EngineFailure) {
        nodeTime = try words["node-time"].map { (text) throws(EngineFailure) in try Self.time("--node-time", text) }
        if let text = words["nodes"] {
            guard let number = Int(text), (1...10_000).contains(number) else {
                throw EngineFailure("--nodes takes how many nodes to keep, not “\(Shown.text(text))”")
            }
            nodes = number
        }
        if let path = words["node-folder"] {
            let isPlain = path.utf8.allSatisfy { SlurmText.isPlain($0) || $0 == UInt8(ascii: "/") }
            guard path.hasPrefix("/"), isPlain, path.utf8.count <= 200 else {
                throw EngineFailure(
                    "--node-folder takes a whole path of letters, digits, “-”, “_” and “.”, not “\(Shown.text(path))”",
                    fix: "--node-folder /scratch, a folder on the nodes' own disks")
            }
            nodeFolder = path
        }
        for (word, other) in [("nodes", "throttle"), ("nodes", "step-time")]
        where words[word] != nil && words[other] != nil {
            throw EngineFailure(
                "--\(other) is for steps that are jobs, and with --nodes there are none", fix: "leave --\(other) out")
        }
        for word in ["node-time", "node-folder"] where words[word] != nil && nodes == nil {
            throw EngineFailure("--\(word) is for nodes that are kept", fix: "say how many: --nodes N")
        }
    }

    /// What sbatch is given for nodes that are kept.
    /// - Parameter gpus: that a node has to have.
    package func nodeArguments(gpus: Int) -> [String] {
        common + (gpus > 0 ? ["--gres=gpu:\(gpus)"] : [])
            + (nodeTime.map { ["--time=\(Int(($0 / 60).rounded(.up)))"] } ?? [])
    }

    /// What all jobs are submitted with.
    var common: [String] {
        [
            partition.map { "--partition=\($0)" }, account.map { "--account=\($0)" }, qos.map { "--qos=\($0)" },
            constraint.map { "--constraint=\($0)" }, reservation.map { "--reservation=\($0)" },
        ].compactMap(\.self)
    }

    package static let names = ["partition", "account", "qos", "constraint", "reservation", "throttle", "step-time"]
    /// Those that say that nodes are kept.
    package static let nodeNames = ["nodes", "node-time", "node-folder"]

    /// The words that it was made from.
    package var words: [String: String] {
        var words: [String: String] = [:]
        words["partition"] = partition
        words["account"] = account
        words["qos"] = qos
        words["constraint"] = constraint
        words["reservation"] = reservation
        words["throttle"] = throttle.map(String.init)
        words["step-time"] = time.map { "\(Int($0.rounded(.up))) seconds" }
        return words
    }

    /// - Throws: for what would end a line, or begin another option.
    private func check() throws(EngineFailure) {
        for (word, value) in words.sorted(by: { $0.key < $1.key }) where word != "throttle" && word != "step-time" {
            let more = word == "constraint" ? "&|[]()*," : ","
            let fits = value.utf8.allSatisfy { SlurmText.isPlain($0) || more.utf8.contains($0) }
            guard fits, (1...200).contains(value.utf8.count), !value.hasPrefix("-") else {
                throw EngineFailure(
                    "“\(Shown.text(value))” can't be given to Slurm as --\(word)",
                    fix: "use letters, digits, “-”, “_” and “.”, as sinfo and sacctmgr show them")
            }
        }
    }

    private static func time(_ word: String, _ text: String) throws(EngineFailure) -> Double {
        if let seconds = seconds(text) { return seconds }
        throw EngineFailure(
            "\(word) takes an amount of time, not “\(Shown.text(text))”", fix: "90 minutes, 2 hours, 1 day")
    }

    private static func seconds(_ text: String) -> Double? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).trimmed
        guard let number = Double(digits), number > 0, number < 1e7 else { return nil }
        switch unit {
        case "s", "second", "seconds": return number
        case "m", "min", "minute", "minutes": return number * 60
        case "h", "hour", "hours": return number * 3600
        case "d", "day", "days": return number * 86_400
        default: return nil
        }
    }
}

extension Substring {
    fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
