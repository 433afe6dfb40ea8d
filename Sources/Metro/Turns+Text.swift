internal import Failures

extension Turns {
    /// How often and in which order: "10 times, side by side", "until loss.txt holds a number below 0.1, at most 100 times".
    package var words: String {
        let times = count == 1 ? "once" : "\(count) times"
        let fed = feed.map { "; each turn's first output takes the place of “\(Shown.text($0))” in the next" } ?? ""
        if !until.isEmpty {
            return "until \(until.map(\.words).joined(separator: " and ")), at most \(times)\(fed)"
        }
        return count == 1 ? times : "\(times), \(isOneByOne ? "one by one" : "side by side")\(fed)"
    }
}

extension Requirement {
    /// What must hold: "loss.txt holds a number below 0.1".
    package var words: String {
        switch self {
        case .outputContains(let text): "the output contains “\(Shown.text(text))”"
        case .outputLacks(let text): "the output lacks “\(Shown.text(text))”"
        case .fileExists(let file): "there is a file \(Shown.text(file))"
        case .unchanged: "the output is as in the turn before"
        case .value(let file, .equals(let number)):
            "\(Shown.text(file)) holds the number \(Bound.equals(number).words)"
        case .value(let file, let bound): "\(Shown.text(file)) holds a number \(bound.words)"
        case .passes(let command): "“\(Shown.text(command))” passes"
        }
    }
}
