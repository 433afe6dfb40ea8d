internal import Execution
internal import Failures
internal import Files

/// A command line of the runtime: words, and options that begin with two dashes.
struct Arguments {
    private(set) var words: [String] = []
    private var options: [String: String] = [:]
    private var flags: Set<String> = []

    /// - Parameters:
    ///   - valued: options that have a value; `flags` have none.
    init(_ arguments: [String], valued: [String] = [], flags allowed: [String] = []) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word.utf8.count > 2 else {
                words.append(word)
                continue
            }
            let name = String(word.dropFirst(2).prefix { $0 != "=" })
            if allowed.contains(name), !word.contains("=") {
                flags.insert(name)
            } else if valued.contains(name) {
                if let equals = word.firstIndex(of: "=") {
                    options[name] = String(word[word.index(after: equals)...])
                } else if let value = rest.popFirst() {
                    options[name] = value
                } else {
                    throw UsageFailure("--\(name) needs a value")
                }
            } else {
                let near = Suggestion.nearest(to: name, among: valued + allowed)
                throw UsageFailure("there is no option --\(name)", fix: near.map { "did you mean --\($0)?" })
            }
        }
    }

    func has(_ flag: String) -> Bool { flags.contains(flag) }
    subscript(name: String) -> String? { options[name] }

    /// Exactly so many words, named for the error.
    func take(_ names: String...) throws -> [String] {
        if words.count < names.count { throw UsageFailure("\(names[words.count]) is missing") }
        if words.count > names.count { throw UsageFailure("“\(words[names.count])” is one word too many") }
        return words
    }

    var only: String? {
        get throws {
            if words.count > 1 { throw UsageFailure("“\(words[1])” is one word too many") }
            return words.first
        }
    }

    func engine() throws -> Engine? {
        try self["engine"].map(Engine.asked)
    }

    /// `--sandbox off`.
    func isUnsandboxed() throws -> Bool {
        guard let text = self["sandbox"], text != "on" else { return false }
        if text == "off" { return true }
        throw UsageFailure("--sandbox is on or off, not “\(Shown.text(text))”")
    }

    func cpus() throws -> Int? {
        guard let text = self["cpus"] else { return nil }
        guard let count = Int(text), count > 0 else {
            throw UsageFailure("--cpus takes a number from 1 on, not “\(text)”")
        }
        return count
    }
}

struct UsageFailure: Failure {
    let summary: String
    let fix: String?
    let exitCode = ExitCode.usage

    init(_ summary: String, fix: String? = nil) { (self.summary, self.fix) = (summary, fix) }
}
