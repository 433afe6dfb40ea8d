/// The keys that may stand in one kind of group.
struct Keys: Sendable {
    /// What the schema calls it: `station`.
    let name: String
    /// "a station": for messages.
    let place: String
    /// In the order in which a metro has them.
    let keys: [Key]
    /// Keys of the metro language that this version of las does not know yet.
    let later: Set<String>
    /// What must be there.
    let required: [String]
    /// Keys that mean something only beside one of others.
    let beside: [(key: String, oneOf: [String])]
    /// Keys of which at most one may be there.
    let exclusive: [[String]]
    /// The names of `keys`.
    let known: [String]

    init(
        _ name: String, place: String, _ keys: [Key], later: Set<String> = [], required: [String] = [],
        beside: [(key: String, oneOf: [String])] = [], exclusive: [[String]] = []
    ) {
        (self.name, self.place, self.keys, self.later) = (name, place, keys, later)
        (self.required, self.beside, self.exclusive) = (required, beside, exclusive)
        known = keys.map(\.name)
    }

    /// What other tools call it.
    private static let synonyms = [
        "input": "in", "inputs": "in", "takes": "in", "from": "in", "output": "out", "outputs": "out",
        "cmd": "command", "run": "command", "script": "command", "shell": "command", "exec": "command",
        "name": "station",
        "task": "station", "step": "station", "job": "station", "foreach": "for_each", "for-each": "for_each",
        "each": "for_each", "scatter": "for_each", "dependencies": "needs", "packages": "needs", "requires": "needs",
        "environment": "env", "variables": "env", "resources": "uses", "limits": "uses", "threads": "cpus",
        "cpu": "cpus",
        "cores": "cpus", "mem": "memory", "ram": "memory", "gpu": "gpus", "timeout": "time", "walltime": "time",
        "description": "about", "apt": "debian", "deb": "debian", "ubuntu": "debian", "path": "files", "file": "files",
        "glob": "files", "address": "files", "url": "files", "extract": "unpack", "unzip": "unpack", "untar": "unpack",
        "ext": "extension", "extensions": "extension", "regex": "matches", "check": "passes", "test": "passes",
        "pass": "passes",
        "stations": "lines", "stops": "stations",
        "steps": "lines", "comment": "comments", "times": "repeat", "turns": "repeat", "loop": "repeat",
        "iterations": "repeat",
        "sequential": "one_by_one", "while": "until", "max": "at_most", "limit": "at_most", "retries": "retry",
        "internet": "network", "random_seed": "seed", "contains": "output_contains", "lacks": "output_lacks",
        "exists": "file_exists", "value": "value_in", "less_than": "below", "more_than": "above", "disabled": "enabled",
        "title": "metro",
    ]

    /// - Returns: the key that was probably meant.
    func synonym(of key: String) -> String? {
        let word = key.lowercased()
        if known.contains(word) { return word }
        if word == "name" || word == "alias", known.contains("as") { return "as" }
        if word == "name", known.contains("metro") { return "metro" }
        if word == "inputs" || word == "input", known.contains("inputs") { return "inputs" }
        return Self.synonyms[word].flatMap { known.contains($0) ? $0 : nil }
    }
}
