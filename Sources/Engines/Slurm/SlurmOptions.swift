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
        if let text = words["step-time"] {
            guard let seconds = Self.seconds(text) else {
                throw EngineFailure(
                    "--step-time takes an amount of time, not “\(Shown.text(text))”", fix: "90 minutes, 2 hours, 1 day")
            }
            time = seconds
        }
        try check()
    }

    package static let names = ["partition", "account", "qos", "constraint", "reservation", "throttle", "step-time"]

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
